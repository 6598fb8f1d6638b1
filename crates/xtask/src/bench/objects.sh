# $1: image, volume or secret; $2: how often. Prints microseconds until the daemon's journal says that it restores it.
for ((trial = 0; trial < $2; trial++)); do
    case $1 in
        image) podman rmi -f "$(podman image ls -q --filter label=archipelago.built-for=own)" >/dev/null ;;
        volume) podman volume rm -f archy-own-data >/dev/null ;;
        secret) podman secret rm archy-own-token >/dev/null ;;
    esac
    now
    began=$REPLY
    tries=0
    until
        line=$(journalctl --user -u archipelago -o short-unix --no-pager --since "@$((began / 1000000 - 1))" | grep -m1 -E 'get the image|start archy-own|restart archy-own|store the Podman secret' || :)
        stamp=${line%% *}
        stamp=${stamp/./}
        [ -n "$stamp" ] && [ "$stamp" -gt "$((began - 3000000))" ]
    do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || {
            echo "the $1 is not restored" >&2
            exit 1
        }
        pause 0.2
    done
    echo "$((stamp > began ? stamp - began : 0))"
    until_all ready 1
    pause 3
done
