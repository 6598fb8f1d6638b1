# Debian slim where `apt-get update && apt-get install PACKAGE` works without a network for the
# packages below: they and their dependencies lie in the image as a package source. Runs on the
# machine that builds the root; $1 is the root.
root=$1
packages="litecoind"

mirror=$root/var/lib/offline-packages
mkdir -p "$mirror"
# shellcheck disable=SC2086 # one word per package
APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get install --yes --quiet --no-install-recommends --download-only $packages
mv "$root"/var/cache/apt/archives/*.deb "$mirror/"

cd "$mirror"
for file in *.deb; do
    dpkg-deb --field "$file"
    echo "Filename: ./$file"
    echo "Size: $(stat --format=%s "$file")"
    echo "SHA256: $(sha256sum "$file" | cut -d' ' -f1)"
    echo
done >Packages

# apt reads the packages as its own unprivileged account.
chmod 0755 "$mirror"
chmod 0644 "$mirror"/*
rm -f "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*
cat >"$root/etc/apt/sources.list.d/debian.sources" <<'CONF'
Types: deb
URIs: file:/var/lib/offline-packages
Suites: ./
Trusted: yes
Languages: none
CONF
