# $1: the step; $2: the number of services or of trials.
folder=$HOME/forty
services=(archy-forty)
wanted() { services=(); for ((number = 1; number <= $1; number++)); do services+=("archy-forty-s$number.service"); done; }
timed() { # microseconds that a command takes
    local began
    now; began=$REPLY
    "$@" >/dev/null 2>&1
    now; REPLY=$((REPLY - began))
}
# The processor time of all of the user's processes counts.
USAGE=/sys/fs/cgroup/user.slice/user-$UID.slice/cpu.stat
case $1 in
    prepare)
        mkdir -p "$folder"
        {
            echo 'services:'
            for ((number = 1; number <= $2; number++)); do
                printf '  s%s:\n    image: docker.io/library/busybox:stable\n    stop_grace_period: 1s\n' "$number"
                printf '    command: ["sh", "-c", "trap '\''exit 0'\'' TERM; sleep 1000000 & wait"]\n'
            done
        } >"$folder/compose.yaml"
        systemctl --user start podman.socket
        ;;
    install)
        wanted "$2"
        spent; spent_before=$REPLY
        now; began=$REPLY
        archipelago install "$folder" --yes >/dev/null 2>&1
        now; ended=$REPLY
        spent; spent_after=$REPLY
        last_active "$began" "${services[@]}"
        echo "$((REPLY - began))"
        echo "$((ended - began))"
        echo "$((spent_after - spent_before))"
        mkdir -p "$HOME/kept"
        rm -f "$HOME/kept"/*
        cp "$units"/archy-forty* "$HOME/kept/"
        pause 3
        ;;
    again)
        for ((trial = 0; trial < $2; trial++)); do
            timed archipelago install "$folder" --yes
            echo "$REPLY"
        done
        archipelago uninstall forty --purge >/dev/null 2>&1
        ;;
    bare)
        wanted "$2"
        daemon stop
        spent; spent_before=$REPLY
        now; began=$REPLY
        cp "$HOME/kept"/archy-forty* "$units/"
        systemctl --user daemon-reload
        systemctl --user start "${services[@]}"
        spent; spent_after=$REPLY
        last_active "$began" "${services[@]}"
        echo "$((REPLY - began))"
        echo "$((spent_after - spent_before))"
        systemctl --user stop 'archy-forty*'
        rm "$units"/archy-forty*
        systemctl --user daemon-reload
        podman network rm -f archy-forty >/dev/null 2>&1
        daemon start
        pause 3
        ;;
    podup | podman-compose)
        cd "$folder"
        spent; spent_before=$REPLY
        timed "$1" -f compose.yaml up -d; echo "$REPLY"
        spent; spent_after=$REPLY
        [ "$(podman ps -q | wc -l)" -eq "$2" ]
        timed "$1" -f compose.yaml up -d; echo "$REPLY"
        echo "$((spent_after - spent_before))"
        "$1" -f compose.yaml down -t 1 >/dev/null 2>&1 || "$1" -f compose.yaml down >/dev/null 2>&1
        podman rm -fa >/dev/null 2>&1 || :
        pause 3
        ;;
esac
