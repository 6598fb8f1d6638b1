# Turns a minimal Debian root into a user's machine. Runs on the machine that builds the root; $1 is
# the root.
root=$1

# The user: the services of `archy` run without a login, and their containers may use a range of
# ids.
chroot "$root" useradd --create-home --uid 1000 --shell /bin/bash archy
echo 'archy ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/archy"
chmod 0440 "$root/etc/sudoers.d/archy"
echo archy:100000:65536 >"$root/etc/subuid"
echo archy:100000:65536 >"$root/etc/subgid"
mkdir -p "$root/var/lib/systemd/linger"
touch "$root/var/lib/systemd/linger/archy"

# The machine that runs the host may keep the pids controller for itself, and crun refuses a limit
# that it cannot set.
printf '[containers]\npids_limit = 0\n' >"$root/etc/containers/containers.conf"

# The modes that udev sets on a user's machine, set before any service of the user starts: pasta
# opens /dev/net/tun, fuse-overlayfs opens /dev/fuse. systemd-nspawn makes the first with the mode
# that it has on the machine, and does not make the second.
cat >"$root/etc/tmpfiles.d/devices.conf" <<'CONF'
z /dev/net/tun 0666
c /dev/fuse 0666 root root - 10:229
CONF

# The store of prepared images is bound here, read-only, at boot. Rootless Podman does not read the
# storage.conf in /etc.
mkdir -p "$root/var/lib/prepared-images"
mkdir -p "$root/home/archy/.config/containers" "$root/home/archy/.local/share/containers"
cat >"$root/home/archy/.config/containers/storage.conf" <<'CONF'
[storage]
driver = "overlay"

[storage.options]
additionalimagestores = ["/var/lib/prepared-images"]
CONF
chroot "$root" chown -R archy:archy /home/archy

# Without a unit that wants network-online.target, it is never reached, and the first start of a
# rootless Quadlet unit waits 90 s for it in podman-user-wait-network-online.service.
cat >"$root/etc/systemd/system/wants-network-online.service" <<'UNIT'
[Unit]
Description=A unit that wants the network, as there is on any user's machine
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

# Units that a test host does not need: timers that download, consoles that nobody uses, a registry
# that tests start themselves.
chroot "$root" systemctl disable --quiet docker-registry.service netavark-dhcp-proxy.socket netavark-dhcp-proxy.service
chroot "$root" systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer \
    e2scrub_all.timer getty@tty1.service console-getty.service systemd-pstore.service \
    systemd-modules-load.service

# As packaged, the registry asks for a password. This one is plain HTTP on the loopback port that is
# the instance name of the unit.
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

# Persistent journals, so that users can read the journals of their own services.
mkdir -p "$root/var/log/journal"
chroot "$root" chgrp systemd-journal /var/log/journal
chmod 2755 "$root/var/log/journal"

# A host has no name server. Without this file, programs would wait for one that cannot answer.
rm -f "$root/etc/resolv.conf"
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
echo 'LANG=C.UTF-8' >"$root/etc/default/locale"
: >"$root/etc/machine-id"
