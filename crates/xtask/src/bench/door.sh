# $1: open, ask or close; $2: how often to ask. `open` starts a process that keeps a thousand
# connections to the daemon's port open. It opens them anew every five seconds, because the daemon
# closes a connection that is silent for so long. `ask` prints the microseconds that `/health` takes
# to answer.
case $1 in
    open)
        [ -p "$HOME/crowd-waits" ] || mkfifo "$HOME/crowd-waits"
        setsid bash -c '
            ulimit -n 4096
            while :; do
                held=()
                for ((count = 0; count < 1000; count++)); do
                    exec {one}<>/dev/tcp/127.0.0.1/5678
                    held+=("$one")
                done
                echo $$ >"$HOME/crowd"
                read -r -t 5 <>"$HOME/crowd-waits" || :
                for one in "${held[@]}"; do exec {one}>&-; done
            done' </dev/null >/dev/null 2>&1 &
        wait_for 0.1 300 'a thousand connections are never open' test -s "$HOME/crowd"
        ;;
    ask)
        for ((trial = 0; trial < $2; trial++)); do
            now
            began=$REPLY
            health
            now
            echo "$((REPLY - began))"
        done
        ;;
    close)
        kill "$(<"$HOME/crowd")"
        rm -f "$HOME/crowd"
        ;;
esac
