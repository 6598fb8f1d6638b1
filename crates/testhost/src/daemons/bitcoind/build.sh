# Builds Bitcoin Core. The crate has its sources without ZeroMQ, the wallet and the graphical
# program. Runs in the build root; ./source is the crate.
cmake -G Ninja -S source/bitcoin -B work -DCMAKE_BUILD_TYPE=Release \
    -DBUILD_DAEMON=ON -DBUILD_CLI=ON -DBUILD_BITCOIN_BIN=OFF -DBUILD_TX=OFF -DBUILD_UTIL=OFF -DBUILD_TESTS=OFF \
    -DENABLE_WALLET=OFF -DENABLE_IPC=OFF -DENABLE_EXTERNAL_SIGNER=OFF -DWITH_ZMQ=OFF -DWITH_EMBEDDED_ASMAP=OFF
cmake --build work --parallel "$(nproc)" --target bitcoind bitcoin-cli
strip work/bin/bitcoind work/bin/bitcoin-cli
mv work/bin/bitcoind work/bin/bitcoin-cli out/
