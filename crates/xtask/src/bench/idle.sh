# $1: seconds. Prints the daemon's nanoseconds on a processor, how often it was woken, and its resident memory in kB.
pid=$(systemctl --user show -P MainPID archipelago.service)
spent() { # sets NS and WAKEUPS
    local task ns rest key value
    NS=0
    WAKEUPS=0
    for task in /proc/"$pid"/task/*; do
        read -r ns rest <"$task/schedstat"
        NS=$((NS + ns))
        while read -r key value; do
            [ "$key" != voluntary_ctxt_switches: ] || WAKEUPS=$((WAKEUPS + value))
        done <"$task/status"
    done
}
# What it had to do at the start is over.
pause 40
spent
ns=$NS wakeups=$WAKEUPS
pause "$1"
spent
echo "$((NS - ns))"
echo "$((WAKEUPS - wakeups))"
while read -r key value _; do [ "$key" != VmRSS: ] || echo "$value"; done </proc/"$pid"/status
