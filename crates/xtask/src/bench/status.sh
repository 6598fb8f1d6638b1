# $1: what; $2: how often. Prints microseconds.
for ((trial = 0; trial < $2; trial++)); do
    case $1 in
        bare)
            now; began=$REPLY
            systemctl --user list-units --no-pager 'archy-*' >/dev/null
            now
            ;;
        status)
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
