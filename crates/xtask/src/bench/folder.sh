# $1: ours or bare; $2: how many apps. Prints microseconds until all services are active again.
services=()
for ((number = 1; number <= $2; number++)); do services+=("archy-app$number.service"); done
daemon stop
mkdir -p "$HOME/kept"
cp "$units"/archy-* "$HOME/kept/"
rm "$units"/archy-*
systemctl --user stop 'archy-*.service'
systemctl --user daemon-reload
case $1 in
    ours)
        # All of it happened behind the back of a daemon that is up and at rest but for this.
        now
        began=$REPLY
        daemon start
        ;;
    bare)
        now
        began=$REPLY
        cp "$HOME/kept"/archy-* "$units/"
        systemctl --user daemon-reload
        systemctl --user start "${services[@]}"
        ;;
esac
until_running "$2"
last_active "${services[@]}"
echo "$((REPLY - began))"
daemon start
until_all ready "$2"
pause 1
