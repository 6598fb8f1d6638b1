# Debian's static busybox with a link for each applet, and no other program. Runs on the machine
# that builds the root; $1 is the root.
root=$1

busybox=$(find "$root" -xdev -name busybox -type f -perm /111 | head -n 1)
mkdir -p "$root/bin" "$root/etc" "$root/root" "$root/home" "$root/var/www" "$root/run"
mkdir -p -m 1777 "$root/tmp" "$root/var/tmp"
chmod 1777 "$root/tmp" "$root/var/tmp"
[ "$busybox" -ef "$root/bin/busybox" ] || cp "$busybox" "$root/bin/busybox"
"$busybox" --list | while read -r applet; do
    [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
