# $1: seconds. Prints the daemon's microseconds on a processor, how often it was woken, and its
# resident memory in kB.
pid=$(systemctl --user show -P MainPID archipelago.service)
usage_of archipelago.service
woken() { # sets REPLY
    local task key value
    REPLY=0
    for task in /proc/"$pid"/task/*; do
        while read -r key value; do
            [ "$key" != voluntary_ctxt_switches: ] || REPLY=$((REPLY + value))
        done <"$task/status"
    done
}
# After this pause the work of the daemon's start is over.
pause 40
spent
spent_before=$REPLY
woken
woken_before=$REPLY
pause "$1"
spent
echo "$((REPLY - spent_before))"
woken
echo "$((REPLY - woken_before))"
while read -r key value _; do [ "$key" != VmRSS: ] || echo "$value"; done </proc/"$pid"/status
