# $1: seconds; $2: how many apps; $3: the seed. Disturbs something once a second. Prints, every few seconds, the second, the daemon's
# resident memory in kB, its open files, and how often it has been started.
pid=$(systemctl --user show -P MainPID archipelago.service)
RANDOM=$3
began=$SECONDS
sampled=-5
disturb() {
    local app=app$((RANDOM % $1 + 1))
    local kinds=(unit edit network-unit folder stop kill container reload network look intent freeze)
    case ${kinds[RANDOM % ${#kinds[@]}]} in
        unit) rm -f "$units/archy-$app.container" ;;
        edit) [ ! -f "$units/archy-$app.container" ] || echo '# theirs' >>"$units/archy-$app.container" ;;
        network-unit) rm -f "$units/archy-$app.network" ;;
        # All of it at once, but seldom: each costs a start of many.
        folder) [ $((RANDOM % 20)) -ne 0 ] || rm -f "$units"/archy-*.container ;;
        stop) systemctl --user --no-block stop "archy-$app.service" ;;
        kill) systemctl --user kill --signal=KILL "archy-$app.service" ;;
        container) timeout 20 podman rm -f -t 0 "archy-$app" ;;
        reload) systemctl --user daemon-reload ;;
        network) timeout 20 podman network rm -f "archy-$app" ;;
        look) touch "$HOME/.config/archipelago/look" ;;
        intent) touch "$HOME/.config/archipelago/apps/$app.toml" ;;
        freeze)
            # Looked away for a moment, it has several things to find at once.
            kill -STOP "$pid"
            pause 0.5
            kill -CONT "$pid"
            ;;
    esac
}
sample() {
    local key value rest memory=0 files
    while read -r key value rest; do [ "$key" != VmRSS: ] || memory=$value; done <"/proc/$pid/status"
    files=(/proc/"$pid"/fd/*)
    echo "$((SECONDS - began)) $memory ${#files[@]} $(systemctl --user show -P NRestarts archipelago.service)"
}
while [ "$((SECONDS - began))" -lt "$1" ]; do
    if [ "$((SECONDS - began - sampled))" -ge 5 ]; then
        sampled=$((SECONDS - began))
        sample
    fi
    disturb "$2" >/dev/null 2>&1 || :
    pause 1
done
until_all ready "$2"
pause 5
sample
