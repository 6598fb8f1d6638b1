# An app with an image of its own, a volume and a secret.
folder=$HOME/own
mkdir -p "$folder/server"
printf 'FROM docker.io/library/busybox:stable\nRUN mkdir /data\n' >"$folder/server/Containerfile"
cat >"$folder/compose.yaml" <<'YAML'
services:
  own:
    build: ./server
    command: ["sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"]
    volumes: [data:/data]
    secrets: [token]
    stop_grace_period: 1s
volumes:
  data:
secrets:
  token:
x-archipelago:
  id: own
  secrets:
    token: {description: A token.}
YAML
archipelago install "$folder" --yes
