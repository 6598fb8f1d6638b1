# $1: how many passes. Prints their CPU time in nanoseconds together, their number, what they started, how often systemd reloaded, and how
# often it did when many unit files were changed at once.
pid=$(systemctl --user show -P MainPID archipelago.service)
spent() { # sets NS
    local task ns rest
    NS=0
    for task in /proc/"$pid"/task/*; do
        read -r ns rest <"$task/schedstat"
        NS=$((NS + ns))
    done
}
newest() { local rest; read -r _ _ _ _ REPLY rest </proc/loadavg; }
reloads() { journalctl --user --no-pager -o cat -t systemd --since "@$1" | grep -c '^Reloading finished' || :; }
systemctl --user stop '*.timer'
look=$HOME/.config/archipelago/look
touch "$look"
pause 5
since=${EPOCHREALTIME%.*}
pause 1.1
newest
before=$REPLY
spent
ns=$NS
for ((number = 0; number < $1; number++)); do
    # Whatever is written there leads to a pass.
    : >"$look"
    pause 1.1
done
touched=${EPOCHREALTIME%.*}
spent
newest
processes=$((REPLY - before))
health
[[ $HEALTH =~ \"finished_unix_s\":([0-9]+) ]]
[ "${BASH_REMATCH[1]}" -ge "$((touched - 2))" ]
echo "$((NS - ns))"
echo "$1"
echo "$processes"
reloads "$since"
pause 2
since=${EPOCHREALTIME%.*}
# The daemon sees all of it at once: one that looks in between may reload in between.
kill -STOP "$pid"
for ((number = 1; number <= 100; number++)); do echo '# theirs' >>"$units/archy-app$number.container"; done
kill -CONT "$pid"
tries=0
while grep -qs '^# theirs' "$units"/archy-app*.container; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ]
    pause 0.3
done
pause 5
reloads "$since"
