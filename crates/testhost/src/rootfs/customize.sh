# Turns a minimal Debian root into a user's machine. $1 is the root; runs on the machine that builds it.
root=$1

# The person: services of `archy` run without a login, and containers may use a range of ids.
chroot "$root" useradd --create-home --uid 1000 --shell /bin/bash archy
echo 'archy ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/archy"
chmod 0440 "$root/etc/sudoers.d/archy"
echo archy:100000:65536 >"$root/etc/subuid"
echo archy:100000:65536 >"$root/etc/subgid"
mkdir -p "$root/var/lib/systemd/linger"
touch "$root/var/lib/systemd/linger/archy"

# The machine below may keep the pids controller for itself, and crun refuses a limit that it cannot set.
printf '[containers]\npids_limit = 0\n' >"$root/etc/containers/containers.conf"

# As udev sets them on a user's machine, and before any service of the user starts: pasta opens the one, fuse-overlayfs
# the other. systemd-nspawn makes the first with the mode it has on the machine below, and the second not at all.
cat >"$root/etc/tmpfiles.d/devices.conf" <<'CONF'
z /dev/net/tun 0666
c /dev/fuse 0666 root root - 10:229
CONF

# Prepared images, bound in read-only at boot. The storage.conf in /etc is not read for a rootless user.
mkdir -p "$root/var/lib/prepared-images"
mkdir -p "$root/home/archy/.config/containers" "$root/home/archy/.local/share/containers"
cat >"$root/home/archy/.config/containers/storage.conf" <<'CONF'
[storage]
driver = "overlay"

[storage.options]
additionalimagestores = ["/var/lib/prepared-images"]
CONF
chroot "$root" chown -R archy:archy /home/archy

# Without something that wants the network, network-online.target is never reached, and the first rootless Quadlet
# start waits 90 s for it in podman-user-wait-network-online.service.
cat >"$root/etc/systemd/system/wants-network-online.service" <<'UNIT'
[Unit]
Description=Something that wants the network, as on any user's machine
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true

[Install]
WantedBy=multi-user.target
UNIT
chroot "$root" systemctl enable --quiet wants-network-online.service

# Not on a test host's way to ready: timers that fetch, a console without a person, a registry nobody asked for.
chroot "$root" systemctl disable --quiet docker-registry.service netavark-dhcp-proxy.socket netavark-dhcp-proxy.service
chroot "$root" systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer \
    e2scrub_all.timer getty@tty1.service console-getty.service systemd-pstore.service \
    systemd-modules-load.service

# As packaged the registry asks for a password; this one is plain HTTP on the loopback port that the unit is named for.
cat >"$root/etc/docker/registry/config.yml" <<'CONF'
version: 0.1
log:
  level: warn
storage:
  filesystem:
    rootdirectory: /var/lib/docker-registry
  delete:
    enabled: true
http:
  addr: 127.0.0.1:5000
CONF
cat >"$root/etc/systemd/system/registry@.service" <<'UNIT'
[Unit]
Description=An image registry without TLS on 127.0.0.1:%i

[Service]
User=docker-registry
StateDirectory=docker-registry/%i
Environment=REGISTRY_HTTP_ADDR=127.0.0.1:%i REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/var/lib/docker-registry/%i
ExecStart=/usr/bin/docker-registry serve /etc/docker/registry/config.yml

[Install]
WantedBy=multi-user.target
UNIT

# Kept journals, so that a user can read those of their own services.
mkdir -p "$root/var/log/journal"
chroot "$root" chgrp systemd-journal /var/log/journal
chmod 2755 "$root/var/log/journal"

# A host has no name server; nothing should wait for one that cannot answer.
rm -f "$root/etc/resolv.conf"
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
echo 'LANG=C.UTF-8' >"$root/etc/default/locale"
: >"$root/etc/machine-id"
