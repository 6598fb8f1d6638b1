
# Debian testing: under systemd-nspawn, logind refuses the session of user@.service (`CreateSession
# failed: InvalidParameter`). Without PAM the service asks for no session, so the unit sets the
# variables that pam_systemd would have set.
mkdir -p "$root/etc/systemd/system/user@.service.d"
cat >"$root/etc/systemd/system/user@.service.d/without-session.conf" <<'UNIT'
[Service]
PAMName=
Environment=XDG_RUNTIME_DIR=/run/user/%i
Environment=DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/%i/bus
UNIT
