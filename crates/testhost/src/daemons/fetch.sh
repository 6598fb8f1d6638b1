# Fetches the source of a package of crates.io into ./source, with cargo: it knows the machine's
# registry, proxy and certificates, and verifies the checksum. $1 is the package, $2 its version.
# Runs on the machine, in the folder of the build.
mkdir -p fetch/src
: >fetch/src/lib.rs
cat >fetch/Cargo.toml <<TOML
[package]
name = "fetch"
edition = "2024"

[dependencies]
$1 = "=$2"

[workspace]
TOML
"$CARGO" vendor --quiet --versioned-dirs --manifest-path fetch/Cargo.toml fetch/vendor >fetch/config.toml
rmdir source
mv "fetch/vendor/$1-$2" source
rm -rf fetch
