# Runs a build in the build root, as process 1 of a process and mount namespace, so that no process
# and no mount of it stays however it ends. $1 is the root, $2 the folder of the build (/build
# inside), $3 Rust (/rust inside), $4 the script.
set -eu
root=$1 work=$2 rust=$3 script=$4

mount --bind "$root" "$root"
mount --options remount,bind,ro "$root"
mount --bind "$work" "$root/build"
mount --bind "$rust" "$root/rust"
mount --options remount,bind,ro "$root/rust"
mount --types proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --types tmpfs tmpfs "$root/tmp"
# The machine's name resolution and trusted certificates, for downloads during the build.
for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs; do
    if [ -e "$file" ] && [ -e "$root$file" ]; then mount --bind "$(realpath "$file")" "$root$file"; fi
done

exec chroot "$root" /bin/sh -euc "cd /build; $script"
