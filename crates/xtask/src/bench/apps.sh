# $1: how many; $2: running or stopped
for ((number = 1; number <= $1; number++)); do
    id=app$number
    mkdir -p "$definitions/$id"
    {
        printf 'services:\n  %s:\n    image: docker.io/library/busybox:stable\n    stop_grace_period: 1s\n' "$id"
        printf '    command: ["sh", "-c", "trap '\''exit 0'\'' TERM; httpd -f -p 80 -h /etc & wait"]\n'
        if ((number % 10 == 0)); then
            port=$((20000 + number))
            printf '    ports: ["%s:80"]\n' "$port"
            printf 'x-archipelago:\n  readiness:\n    - {service: %s, port: 80, http: /hostname}\n' "$id"
        fi
    } >"$definitions/$id/compose.yaml"
    hand_over "$id" "$2"
done
case $2 in
    running) until_all ready "$1" ;;
    stopped) until_all stopped "$1" ;;
esac
