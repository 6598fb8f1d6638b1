# Makes the mount points in the build root, which is read-only during a build: for the folder of the
# build, the machine's Rust, and the machine's network configuration. Runs on the machine that
# builds the root; $1 is the root.
root=$1

mkdir -p "$root/build" "$root/rust"
rm -f "$root/etc/resolv.conf" "$root/etc/hosts"
touch "$root/etc/resolv.conf" "$root/etc/hosts"
