# The build root is only read while it is built in; these are the places where each build's own folder, the machine's Rust
# and what belongs to the machine's network are mounted. $1 is the root; runs on the machine that builds it.
root=$1

mkdir -p "$root/build" "$root/rust"
rm -f "$root/etc/resolv.conf" "$root/etc/hosts"
touch "$root/etc/resolv.conf" "$root/etc/hosts"
