# $1: what; $2: how many of the apps, each once. Prints microseconds until the service is active again.
case $1 in
    bare-*) daemon stop ;;
esac
for ((number = 1; number <= $2; number++)); do
    unit=archy-app$number.container
    service=archy-app$number.service
    case $1 in
        deleted)
            rm "$units/$unit"
            systemctl --user stop "$service"
            ;;
        stopped)
            systemctl --user stop "$service"
            ;;
        bare-deleted)
            content=$(<"$units/$unit")
            rm "$units/$unit"
            systemctl --user stop "$service"
            ;;
        bare-stopped)
            systemctl --user stop "$service"
            ;;
    esac
    now
    began=$REPLY
    case $1 in
        bare-deleted)
            printf '%s\n' "$content" >"$units/$unit"
            systemctl --user daemon-reload
            systemctl --user start "$service"
            ;;
        bare-stopped) systemctl --user start "$service" ;;
    esac
    # What was repaired while `systemctl stop` was still returning counts from then on.
    until_active "$service" "$((began - 5000000))"
    active=$REPLY
    echo "$((active > began ? active - began : 0))"
    # The next trial meets a host at rest.
    pause 1
done
case $1 in
    bare-*)
        daemon start
        until_all ready "$(find "$HOME/.config/archipelago/apps" -name '*.toml' | wc -l)"
        ;;
esac
