# What electrs is made of, by its own lock file. Runs on the machine after fetch.sh, in the build's folder.
"$CARGO" vendor --quiet --locked --versioned-dirs --manifest-path source/Cargo.toml vendor >vendor.toml
