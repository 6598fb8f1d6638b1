# $1: image, volume or secret; $2: the number of trials. Prints the microseconds until the daemon's
# journal says that it restores the object.
pid=$(systemctl --user show -P MainPID archipelago.service)
# Sets LINE to that line of the journal.
is_restored() { LINE=$(journalctl --user -u archipelago -o short-unix --no-pager --since "@$since" | grep -m1 "$restores"); }
for ((trial = 0; trial < $2; trial++)); do
    # Podman's commands return some time after they have removed the object, so the daemon is frozen
    # until they return.
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
