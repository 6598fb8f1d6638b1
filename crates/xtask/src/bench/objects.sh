# $1: image, volume or secret; $2: how often. Prints microseconds until the daemon's journal says that it restores it.
pid=$(systemctl --user show -P MainPID archipelago.service)
# Sets LINE to the journal's.
is_restored() { LINE=$(journalctl --user -u archipelago -o short-unix --no-pager --since "@$since" | grep -m1 "$restores"); }
for ((trial = 0; trial < $2; trial++)); do
    # Podman's commands return a while after they have removed it: until then the daemon is frozen.
    kill -STOP "$pid"
    case $1 in
        image)
            podman rmi -f "$(podman image ls -q --filter label=archipelago.built-for=own)" >/dev/null
            restores='get the image '
            ;;
        volume)
            podman volume rm -f archy-own-data >/dev/null
            restores='restart archy-own-data-volume\.service'
            ;;
        secret)
            podman secret rm archy-own-token >/dev/null
            restores='store the Podman secret archy-own-token'
            ;;
    esac
    since=$EPOCHREALTIME
    kill -CONT "$pid"
    wait_for 0.2 200 "the $1 is not restored" is_restored
    stamp=${LINE%% *}
    echo "$((${stamp/./} - ${since/./}))"
    until_all ready 1
    pause 3
done
