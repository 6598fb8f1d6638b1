# Builds electrs, linked to Debian's RocksDB: compiling RocksDB takes twenty minutes, the rest one
# and a half. Runs in the build root; ./source is the crate, ./vendor its dependencies.
export PATH="/rust/bin:$PATH" CARGO_HOME=/build/cargo CARGO_TARGET_DIR=/build/work
export ROCKSDB_INCLUDE_DIR=/usr/include ROCKSDB_LIB_DIR="/usr/lib/$(gcc -print-multiarch)"
cargo build --quiet --release --locked --offline --manifest-path source/Cargo.toml --bin electrs \
    --config 'source.crates-io.replace-with="vendored"' --config 'source.vendored.directory="/build/vendor"'
strip work/release/electrs
mv work/release/electrs out/
