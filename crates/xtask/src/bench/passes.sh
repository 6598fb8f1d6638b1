# $1: the number of apps of two stopped units each; $2: the number of passes. Prints the number of
# passes, the daemon's processor time meanwhile in microseconds, the number of processes that were
# started, and of reloads; then the number of reloads for each change of many units at once.
pid=$(systemctl --user show -P MainPID archipelago.service)
newest() { local rest; read -r _ _ _ _ REPLY rest </proc/loadavg; }
# Sets REPLY to the second in which the last pass ended.
finished() {
    health
    [[ $HEALTH =~ \"finished_unix_s\":([0-9]+) ]]
    REPLY=${BASH_REMATCH[1]}
}
reloads() { journalctl --user --no-pager -o cat -t systemd --since "@$1" | grep -c '^Reloading finished' || :; }
systemctl --user stop '*.timer'
usage_of archipelago.service
look=$HOME/.config/archipelago/look
touch "$look"
pause 5
since=$EPOCHREALTIME
pause 1.1
finished
last=$REPLY
passes=0
newest
before=$REPLY
spent
spent_before=$REPLY
for ((number = 0; number < $2; number++)); do
    # A write to this file leads to a pass.
    : >"$look"
    pause 1.1
    finished
    [ "$REPLY" -eq "$last" ] || passes=$((passes + 1))
    last=$REPLY
done
spent
spent_after=$REPLY
newest
echo "$passes"
echo "$((spent_after - spent_before))"
echo "$((REPLY - before))"
reloads "$since"
for change in files definitions folder; do
    pause 2
    since=$EPOCHREALTIME
    # The daemon is frozen until all is changed: a pass in between could reload in between.
    kill -STOP "$pid"
    case $change in
        files)
            for ((number = 1; number <= 100; number++)); do echo '# theirs' >>"$units/archy-app$number.container"; done
            is_done() { ! grep -qs '^# theirs' "$units"/archy-app*.container; }
            ;;
        definitions)
            for ((number = 1; number <= 100; number++)); do
                sed -i "s|image: .*|&\n    environment: {CHANGED: 'yes'}|" "$definitions/app$number/compose.yaml"
                hand_over "app$number" stopped
            done
            is_done() { [ "$(grep -ls CHANGED "$units"/archy-app*.container | wc -l)" -eq 100 ]; }
            ;;
        folder)
            rm -r "$units"
            wanted=$((2 * $1))
            is_done() { [ "$(find "$units" -name 'archy-*.*' 2>/dev/null | wc -l)" -eq "$wanted" ]; }
            ;;
    esac
    kill -CONT "$pid"
    wait_for 0.3 200 "the $change are not in the desired state" is_done
    pause 5
    reloads "$since"
done
