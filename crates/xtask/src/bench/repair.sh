# $1: the disturbance; $2: the number of apps, each disturbed once. Prints the microseconds until
# the service is active again.
case $1 in
    bare-*) daemon stop ;;
    *) pid=$(systemctl --user show -P MainPID archipelago.service) ;;
esac
for ((number = 1; number <= $2; number++)); do
    unit=archy-app$number.container
    service=archy-app$number.service
    content=$(<"$units/$unit")
    # `systemctl stop` returns some time after the service has stopped. The daemon is frozen until
    # then, so that it has as much left to do as the bare commands.
    case $1 in
        deleted | stopped) kill -STOP "$pid" ;;
    esac
    case $1 in
        *deleted) rm "$units/$unit" ;;
    esac
    systemctl --user stop "$service"
    now
    began=$REPLY
    case $1 in
        deleted | stopped) kill -CONT "$pid" ;;
        bare-deleted)
            printf '%s\n' "$content" >"$units/$unit"
            systemctl --user daemon-reload
            systemctl --user start "$service"
            ;;
        bare-stopped) systemctl --user start "$service" ;;
    esac
    until_active "$service" "$began"
    echo "$((REPLY - began))"
    # The next trial begins on an idle host.
    pause 1
done
case $1 in
    bare-*)
        daemon start
        until_all ready "$(find "$HOME/.config/archipelago/apps" -name '*.toml' | wc -l)"
        ;;
esac
