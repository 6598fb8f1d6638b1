#!/usr/bin/env bats
# The lifecycle gate: what Archipelago promises, tried on the node that this runs on, as the user that the apps belong to.
#
#   ARCHY_ALLOW_DESTRUCTIVE=1 bats tests/lifecycle
#
# It installs a tiny app of its own, `lifecycle-gate`, breaks it in every way that it knows, kills the daemon, and removes the app with its
# data. Other apps are only looked at: they must not notice. Without ARCHY_ALLOW_DESTRUCTIVE=1 every test is skipped.
#
#   ARCHY_GATE_IMAGE   an image with a shell and httpd to use in place of docker.io/library/busybox:stable
#   ARCHY_GATE_PORT    a free port in place of 18480

bats_require_minimum_version 1.5.0

APP=lifecycle-gate
MAIN=archy-$APP
UI=archy-$APP-ui
UNITS=${XDG_CONFIG_HOME:-$HOME/.config}/containers/systemd
# A tick of the reconciler (30 s), and the time that a start takes on a slow machine.
ONE_TICK_S=60

allowed() { [ "${ARCHY_ALLOW_DESTRUCTIVE:-}" = 1 ]; }

setup_file() {
    allowed || return 0
    if [ -e "${XDG_CONFIG_HOME:-$HOME/.config}/archipelago/apps/$APP.toml" ]; then
        echo "$APP is installed already, from a run that was cut off or by you; archipelago uninstall $APP --purge removes it" >&2
        return 1
    fi
    GATE=$BATS_FILE_TMPDIR/$APP
    cp -r "$BATS_TEST_DIRNAME/tiny" "$GATE"
    sed -i "s|docker.io/library/busybox:stable|${ARCHY_GATE_IMAGE:-docker.io/library/busybox:stable}|" "$GATE/compose.yaml"
    PORT=${ARCHY_GATE_PORT:-18480}
    export GATE PORT
    DAEMON_RAN=$(systemctl --user is-active archipelago.service || :)
    export DAEMON_RAN
    others >"$BATS_FILE_TMPDIR/others"
}

teardown_file() {
    allowed || return 0
    # Whatever failed: nothing of the gate stays.
    systemctl --user unmask "$UI.service" 2>/dev/null || :
    if [ -e "${XDG_CONFIG_HOME:-$HOME/.config}/archipelago/apps/$APP.toml" ]; then
        archipelago uninstall "$APP" --purge >&2 || return 1
    fi
    # As it was found: it may be waiting to be started again after it was killed.
    if [ "$DAEMON_RAN" = active ]; then verb=start; else verb=stop; fi
    systemctl --user "$verb" archipelago.service
}

setup() {
    allowed || skip "it installs and removes an app on this node; ARCHY_ALLOW_DESTRUCTIVE=1 allows it"
}

# Containers that are not the gate's, with the time each was started.
others() {
    podman ps -aq --no-trunc | xargs -r podman container inspect --format '{{.Name}} {{.Id}} {{.State.StartedAt}}' | grep -v "^$MAIN" | sort || :
}

run_of() { podman container inspect --format '{{.Id}} {{.State.StartedAt}}' "$1"; }

page() { curl -fsS --max-time 5 "http://127.0.0.1:$PORT/"; }

# Looks twice a second whether a command succeeds, for at most one tick.
within_one_tick() {
    local deadline=$((SECONDS + ONE_TICK_S))
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "not within $ONE_TICK_S s: $*" >&2
            archipelago status "$APP" >&2 || :
            return 1
        fi
        sleep 0.5
    done
}

ready() { [ "$(archipelago status "$APP" | head -n 1)" = "$APP  ready" ]; }

# The container runs, and its page answers, in another run than this one.
runs_anew() { [ "$(podman container inspect --format '{{.State.Status}}' "$1")" = running ] && [ "$(run_of "$1")" != "$2" ] && ready; }

invocation() { systemctl --user show -P InvocationID archipelago.service; }

# The daemon answers, in another run than this one.
daemon_answers_anew() { [ "$(invocation)" != "$1" ] && curl -fsS --max-time 5 http://127.0.0.1:5678/health; }

@test "install: two services run, and the page answers" {
    archipelago install "$GATE" --yes --set "port=$PORT"
    systemctl --user is-active "$MAIN.service" "$UI.service"
    page
    ready
}

@test "install again: the same containers go on" {
    before=$(run_of "$MAIN"; run_of "$UI")
    archipelago install "$GATE" --yes
    [ "$(run_of "$MAIN"; run_of "$UI")" = "$before" ]
}

@test "repair: a deleted unit file comes back, and no container is restarted" {
    systemctl --user start archipelago.service
    before=$(run_of "$MAIN"; run_of "$UI")
    cp "$UNITS/$UI.container" "$BATS_TEST_TMPDIR/unit"
    rm "$UNITS/$UI.container"
    within_one_tick cmp "$UNITS/$UI.container" "$BATS_TEST_TMPDIR/unit"
    within_one_tick ready
    [ "$(run_of "$MAIN"; run_of "$UI")" = "$before" ]
}

@test "repair: a stopped service starts again, and the other one goes on" {
    systemctl --user start archipelago.service
    before=$(run_of "$UI") main=$(run_of "$MAIN")
    systemctl --user stop "$UI.service"
    within_one_tick runs_anew "$UI" "$before"
    [ "$(run_of "$MAIN")" = "$main" ]
}

@test "repair: a container that was removed by force comes back, and the other one goes on" {
    systemctl --user start archipelago.service
    before=$(run_of "$UI") main=$(run_of "$MAIN")
    podman rm --force --time 0 "$UI"
    within_one_tick runs_anew "$UI" "$before"
    [ "$(run_of "$MAIN")" = "$main" ]
}

@test "the daemon is restarted: no container notices" {
    before=$(run_of "$MAIN"; run_of "$UI")
    systemctl --user restart archipelago.service
    [ "$(run_of "$MAIN"; run_of "$UI")" = "$before" ]
}

@test "the daemon is killed: no container notices, and it comes back" {
    systemctl --user start archipelago.service
    before=$(run_of "$MAIN"; run_of "$UI")
    killed=$(invocation)
    systemctl --user kill --kill-whom=main --signal=KILL archipelago.service
    page
    within_one_tick daemon_answers_anew "$killed"
    [ "$(run_of "$MAIN"; run_of "$UI")" = "$before" ]
}

@test "uninstall: nothing comes back in the next 15 s, and the data are there when it is installed again" {
    token=$(page)
    podman exec "$MAIN" touch /data/kept
    archipelago uninstall "$APP"
    deadline=$((SECONDS + 15))
    while [ "$SECONDS" -lt "$deadline" ]; do
        [ -z "$(podman ps -aq --filter "name=^$MAIN")" ]
        [ -z "$(systemctl --user list-units --all --plain --no-legend "$MAIN*")" ]
        sleep 0.5
    done
    archipelago install "$GATE" --yes --set "port=$PORT"
    podman exec "$MAIN" test -e /data/kept
    [ "$(page)" = "$token" ]
}

@test "purge: nothing of the app is left" {
    archipelago uninstall "$APP" --purge
    [ -z "$(podman ps -aq --filter "name=^$MAIN")" ]
    [ -z "$(podman volume ls -q --filter "name=^$MAIN")" ]
    [ -z "$(podman network ls -q --filter "name=^$MAIN")" ]
    [ -z "$(ls "$UNITS" | grep "^$MAIN")" ]
    for data in /var/lib/archipelago "${XDG_DATA_HOME:-$HOME/.local/share}/archipelago"; do
        [ -z "$(find "$data" -name "*$APP*" 2>/dev/null)" ]
    done
}

@test "no other container noticed anything" {
    diff "$BATS_FILE_TMPDIR/others" <(others)
}
