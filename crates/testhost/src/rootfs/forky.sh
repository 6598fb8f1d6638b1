
# Debian testing: under systemd-nspawn its logind refuses the session of a user's service manager (CreateSession fails
# with InvalidParameter). Without PAM the manager asks for none, so the unit sets what pam_systemd would have set.
mkdir -p "$root/etc/systemd/system/user@.service.d"
cat >"$root/etc/systemd/system/user@.service.d/without-session.conf" <<'UNIT'
[Service]
PAMName=
Environment=XDG_RUNTIME_DIR=/run/user/%i
Environment=DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/%i/bus
UNIT
