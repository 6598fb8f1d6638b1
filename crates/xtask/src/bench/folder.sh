# $1: ours or bare; $2: how many apps. Prints microseconds until all services are active again.
services=()
for ((number = 1; number <= $2; number++)); do services+=("archy-app$number.service"); done
pid=$(systemctl --user show -P MainPID archipelago.service)
kept=$HOME/kept
case $1 in
    # The daemon is frozen until all is removed, so that it notices everything by itself and at
    # once.
    ours) kill -STOP "$pid" ;;
    bare)
        daemon stop
        cp -r "$units" "$kept"
        ;;
esac
rm -r "$units"
systemctl --user stop 'archy-*.service'
systemctl --user daemon-reload
now
began=$REPLY
case $1 in
    ours) kill -CONT "$pid" ;;
    bare)
        cp -r "$kept" "$units"
        systemctl --user daemon-reload
        systemctl --user start "${services[@]}"
        ;;
esac
until_running "$2"
last_active "$began" "${services[@]}"
echo "$((REPLY - began))"
case $1 in
    bare)
        rm -r "$kept"
        daemon start
        ;;
esac
until_all ready "$2"
pause 1
