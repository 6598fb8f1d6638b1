# $1: the number of apps. Each has one of everything that a disturbance can remove: a volume, a
# secret, a rendered file; every fourth has an image of its own. Every tenth has a readiness probe
# over HTTP.
apps=$HOME/.config/archipelago/apps
for ((number = 1; number <= $1; number++)); do
    id=app$number
    mkdir -p "$apps/$id/server"
    image='image: docker.io/library/busybox:stable' ports='' readiness=''
    if ((number % 4 == 0)); then
        printf 'FROM docker.io/library/busybox:stable\nRUN mkdir /data\n' >"$apps/$id/server/Containerfile"
        image='build: ./server'
    fi
    if ((number % 10 == 0)); then
        ports="ports: [\"$((20000 + number)):80\"]"
        readiness="readiness: [{service: $id, port: 80, http: /hostname}]"
    fi
    cat >"$apps/$id/compose.yaml" <<YAML
services:
  $id:
    $image
    stop_grace_period: 1s
    command: ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 80 -h /etc & wait"]
    volumes: [data:/data]
    secrets: [token]
    $ports
volumes:
  data:
secrets:
  token:
x-archipelago:
  secrets:
    token: {description: A token.}
  templates:
    - {source: app.conf, service: $id, target: /etc/app.conf}
  $readiness
YAML
    echo 'token = {{ secrets.token }}' >"$apps/$id/app.conf"
    printf 'state = "running"\n' >"$apps/$id.toml"
done
until_all ready "$1"
