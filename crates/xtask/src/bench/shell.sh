units=$HOME/.config/containers/systemd
apps=$HOME/.config/archipelago/apps
definitions=$HOME/definitions
# Gives Archipelago the definition of the app $1 and the state $2. Archipelago takes a definition
# beside the intent for one of an earlier version, and makes a release of it: so no command has to
# be waited for.
hand_over() {
    mkdir -p "$apps"
    cp -r "$definitions/$1" "$apps"
    printf 'state = "%s"\n' "$2" >"$apps/$1.toml"
}
export LC_ALL=C
[ -p "$HOME/wait" ] || mkfifo "$HOME/wait"
exec 4<>"$HOME/wait"
# Waits $1 seconds without starting a process.
pause() { read -r -t "$1" <&4 || :; }
# Sets REPLY to the microseconds since 1970.
now() { REPLY=${EPOCHREALTIME/./}; }
# Sets REPLY to the D-Bus path of a unit.
object() {
    REPLY=${1//-/_2d}
    REPLY=/org/freedesktop/systemd1/unit/${REPLY//./_2e}
}
# Sets REPLY to the time at which a unit became active, in microseconds since 1970. Fails unless it
# is active now and became so after $2.
active_since() {
    local state entered
    object "$1"
    {
        read -r _ state
        read -r _ entered
    } < <(busctl --user get-property org.freedesktop.systemd1 "$REPLY" org.freedesktop.systemd1.Unit ActiveState ActiveEnterTimestamp)
    [ "$state" = '"active"' ] && [ "$entered" -gt "$2" ] && REPLY=$entered
}
# Waits for a command to succeed: PAUSE TRIES COMPLAINT COMMAND...
wait_for() {
    local pause=$1 left=$2 complaint=$3
    shift 3
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || {
            echo "$complaint" >&2
            return 1
        }
        pause "$pause"
    done
}
# Waits at most a minute until a unit has become active after $2, and sets REPLY to that time.
until_active() { wait_for 0.03 1500 "$1 does not become active" active_since "$@"; }
are_active() { [ "$(systemctl --user list-units --plain --no-legend --state=active 'archy-*.service' | grep -vc -- '-network\|-volume')" -eq "$1" ]; }
# Waits at most ten minutes until $1 services of apps are active.
until_running() { wait_for 0.2 3000 "not $1 services are active" are_active "$1"; }
# Sets REPLY to the time at which the last of the services became active. Fails unless all did after
# $1.
last_active() {
    local last=0 since=$1 service
    shift
    for service; do
        active_since "$service" "$since"
        [ "$REPLY" -le "$last" ] || last=$REPLY
    done
    REPLY=$last
}
# Sets HEALTH to the daemon's answer.
health() {
    local line
    HEALTH=
    { exec 3<>/dev/tcp/127.0.0.1/5678; } 2>/dev/null || return 1
    printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
    while IFS= read -r line <&3 || [ -n "$line" ]; do HEALTH+=$line; done
    exec 3>&-
}
are_all() { health && [[ $HEALTH == *"\"apps\":{\"$1\":$2}"* ]]; }
# Waits at most ten minutes until the daemon says that all $2 apps are in the state $1.
until_all() {
    wait_for 0.2 3000 "the $2 apps are not all $1" are_all "$@" || {
        echo "$HEALTH" >&2
        return 1
    }
}
# Makes `spent` read a service of the user. systemd is asked here, once, and not in `spent`.
usage_of() { USAGE=/sys/fs/cgroup$(systemctl --user show -P ControlGroup "$1")/cpu.stat; }
# Sets REPLY to the processor time of a control group in microseconds, with that of its ended
# processes.
spent() {
    local key value
    while read -r key value; do [ "$key" != usage_usec ] || REPLY=$value; done <"$USAGE"
}
daemon() { systemctl --user "$1" archipelago.service; }
