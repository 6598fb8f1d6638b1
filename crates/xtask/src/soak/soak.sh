# $1: seconds; $2: the number of apps; $3: the seed; then the kinds of disturbances. Disturbs
# something once a second, and at the end waits for the desired state. Prints the kind and exit
# status of each disturbance, and every few seconds the second, the daemon's resident memory in kB,
# its open files and its restarts.
kinds=("${@:4}")
data=/var/lib/archipelago
pid=$(systemctl --user show -P MainPID archipelago.service)
RANDOM=$3
now
began=$REPLY
# Podman prints what it removed. With --force it succeeds also when there was nothing to remove.
removed() { [ -n "$(timeout 60 podman "$@")" ]; }
disturb() { # KIND APP: fails when there was nothing to disturb
    local app=$2 service=archy-$2.service unit=$units/archy-$2.container rendered=$data/archy-$2/app.conf
    case $1 in
        unit) rm "$unit" ;;
        unit-edit) [ -f "$unit" ] && echo '# theirs' >>"$unit" ;;
        network-unit) rm "$units/archy-$app.network" ;;
        folder) rm -r "$units" ;;
        rendered) rm "$rendered" ;;
        rendered-edit) [ -f "$rendered" ] && echo '# theirs' >>"$rendered" ;;
        stop) systemctl --user is-active -q "$service" && systemctl --user --no-block stop "$service" ;;
        kill) systemctl --user kill --signal=KILL "$service" ;;
        container) removed rm -f -t 0 "archy-$app" ;;
        network) removed network rm -f "archy-$app" ;;
        volume) removed volume rm -f "archy-$app-data" ;;
        secret) removed secret rm "archy-$app-token" ;;
        image) removed rmi -f "$(podman image ls -q --filter "label=archipelago.built-for=$app")" ;;
        reload) systemctl --user daemon-reload ;;
        look) touch "$HOME/.config/archipelago/look" ;;
        intent) touch "$HOME/.config/archipelago/apps/$app.toml" ;;
        freeze)
            # A daemon that was frozen for a moment finds several changes at once.
            kill -STOP "$pid" && pause 0.5 && kill -CONT "$pid"
            ;;
        *) return 99 ;;
    esac
}
# Disturbs in the background, because some disturbances take longer than a second.
begin() {
    local running
    mapfile -t running < <(jobs -rp)
    [ "${#running[@]}" -lt 8 ] || wait -n || :
    {
        status=0
        disturb "$@" >/dev/null 2>&1 || status=$?
        echo "$1 $status"
    } &
}
sample() {
    local key value rest memory=0 files
    while read -r key value rest; do [ "$key" != VmRSS: ] || memory=$value; done <"/proc/$pid/status"
    files=(/proc/"$pid"/fd/*)
    echo "sample $1 $memory ${#files[@]} $(systemctl --user show -P NRestarts archipelago.service)"
}
has() { # COUNT COMMAND: COUNT of its lines are names of ours
    local lines
    lines=$("${@:2}" | grep -c '^archy-' || :)
    [ "$lines" -eq "$1" ]
}
# Each app has a unit file for its container, network and volume, a rendered file, and the objects
# in Podman; no file is edited.
as_wanted() {
    has $((3 * $1)) find "$units" -name 'archy-*' -printf '%f\n' &&
        has "$1" find "$data" -name app.conf -printf 'archy-\n' &&
        ! grep -rqs '^# theirs' "$units" "$data" &&
        has "$1" podman volume ls -q &&
        has "$1" podman secret ls --format '{{.Name}}' &&
        has "$1" podman network ls -q
}
for ((second = 0; second < $1; second++)); do
    now
    early=$((began + second * 1000000 - REPLY))
    [ "$early" -le 0 ] || pause "$(printf '%d.%06d' $((early / 1000000)) $((early % 1000000)))"
    ((second % 5)) || sample "$second"
    kind=${kinds[RANDOM % ${#kinds[@]}]}
    app=$((RANDOM % $2 + 1))
    case $kind in
        # Only every fourth app has an image of its own.
        image) app=$((app / 4 * 4 > 0 ? app / 4 * 4 : 4)) ;;
        # Removing the whole folder disturbs every app, so it is rare.
        folder) ((RANDOM % 10 == 0)) || kind=unit ;;
    esac
    begin "$kind" "app$app"
done
wait
until_all ready "$2"
wait_for 1 60 "the host is not in the desired state at the end" as_wanted "$2"
pause 5
sample "$1"
