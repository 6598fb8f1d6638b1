# Fetches the dependencies of electrs by its lock file. Runs on the machine after fetch.sh, in the
# folder of the build.
"$CARGO" vendor --quiet --locked --versioned-dirs --manifest-path source/Cargo.toml vendor >vendor.toml
