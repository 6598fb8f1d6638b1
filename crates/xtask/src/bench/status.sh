# $1: the command; $2: the number of trials. Prints microseconds.
manifests=("$definitions"/*/compose.yaml)
asked=()
for manifest in "${manifests[@]}"; do
    while read -r key ports; do
        port=${ports#*\"}
        [ "$key" != ports: ] || asked+=(--output /dev/null "http://127.0.0.1:${port%%:*}/hostname")
    done <"$manifest"
done
if [ "$1" = unasked ]; then
    sed --in-place '/^x-archipelago:/,$d' "${manifests[@]}"
    for manifest in "${manifests[@]}"; do
        folder=${manifest%/compose.yaml}
        hand_over "${folder##*/}" running
    done
    # The daemon has read the changed definitions after this pause.
    pause 3
    until_all ready "${#manifests[@]}"
fi
for ((trial = 0; trial < $2; trial++)); do
    case $1 in
        bare)
            now; began=$REPLY
            systemctl --user list-units --no-pager 'archy-*' >/dev/null
            now
            ;;
        ask)
            now; began=$REPLY
            curl --silent --fail --parallel --parallel-immediate "${asked[@]}"
            now
            ;;
        status | unasked)
            now; began=$REPLY
            archipelago status >/dev/null
            now
            ;;
        health)
            daemon stop
            now; began=$REPLY
            systemctl --user start --no-block archipelago.service
            until health; do pause 0.002; done
            now
            [[ $HEALTH == *'200 OK'* ]]
            ;;
    esac
    echo "$((REPLY - began))"
    pause 0.5
done
