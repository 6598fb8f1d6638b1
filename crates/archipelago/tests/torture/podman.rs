//! Podman does not answer, or a person has removed its objects.

use std::time::Duration;

use crate::apps;
use crate::fault::{RECOVERY, all_well, kept, shop};
use crate::node::{Node, ONE_TICK, SOON, text, until, until_equal};

/// Changes Podman's folders, so that the daemon asks Podman.
const PROVOKE: &str = "podman volume create --ignore mark >/dev/null; podman volume rm -f mark >/dev/null; touch ~/.config/archipelago/.look";

/// Waits until the daemon reports why Podman cannot be asked.
fn until_reported(node: &Node, words: &str, bound: Duration) -> String {
    until(&format!("the daemon to report {words:?}"), bound, || {
        let details = node.try_details()?;
        let cause = details["podman"].as_str()?.to_owned();
        cause.contains(words).then_some(cause)
    })
}

/// Deletes a unit file and waits until it is restored, which needs no Podman.
fn units_are_repaired_all_the_same(node: &Node) {
    node.shell("rm ~/.config/containers/systemd/archy-lone.container");
    until("the unit to be back", ONE_TICK, || {
        node.try_shell("test -e ~/.config/containers/systemd/archy-lone.container")
            .success()
            .then_some(())
    });
}

#[test]
fn podman_socket_stopped_or_its_file_removed() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();
    for fault in [
        "systemctl --user stop podman.socket podman.service",
        "systemctl --user stop podman.service; rm $XDG_RUNTIME_DIR/podman/podman.sock",
    ] {
        node.shell(fault);
        let failed_checks = node.failed_checks();
        assert!(
            failed_checks.keys().any(|name| name.starts_with("podman-")),
            "{fault}: {failed_checks:?}"
        );
        node.shell(PROVOKE);
        // Archipelago starts the socket again by itself.
        until("Podman to answer", ONE_TICK, || {
            node.try_shell(
                "curl -fsS --unix-socket $XDG_RUNTIME_DIR/podman/podman.sock http://podman/_ping",
            )
            .success()
            .then_some(())
        });
        all_well(&node, RECOVERY);
    }
    assert_eq!(node.containers(), before);
}

#[test]
fn podman_socket_masked() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();
    node.shell("systemctl --user mask --now podman.socket; systemctl --user stop podman.service");
    node.shell(PROVOKE);
    until_reported(&node, "reach Podman at", SOON);
    assert!(
        node.failed_checks()["podman-socket"].contains("is masked"),
        "{:?}",
        node.failed_checks()
    );
    units_are_repaired_all_the_same(&node);
    let masked = node.try_shell("systemctl --user is-enabled podman.socket");
    assert_eq!(masked.stdout.trim(), "masked", "the mask must stay");

    node.shell("systemctl --user unmask podman.socket");
    all_well(&node, RECOVERY);
    assert_eq!(node.containers(), before);
}

#[test]
fn podman_hangs() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();
    // Podman's service ends after five seconds without a request, so it may end before the signal
    // arrives.
    until("Podman's service to be frozen", SOON, || {
        node.try_shell(
            "systemctl --user start podman.service
            systemctl --user kill --signal=STOP podman.service
            grep -q '^State:.T' /proc/$(systemctl --user show -P MainPID podman.service)/status",
        )
        .success()
        .then_some(())
    });
    node.shell(PROVOKE);
    until_reported(&node, "Podman did not answer within", SOON);
    // The socket is started again, and the hanging process is ended with it.
    all_well(&node, RECOVERY);
    assert_eq!(node.containers(), before);
}

#[test]
fn a_socket_that_accepts_and_never_answers() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();
    node.shell(
        "systemctl --user mask --now podman.socket
        systemctl --user stop podman.service
        rm -f $XDG_RUNTIME_DIR/podman/podman.sock
        systemd-run --user --quiet --unit=silent perl -MSocket -e '
            socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un($ARGV[0])); listen(S, 100); sleep 1000' \
            $XDG_RUNTIME_DIR/podman/podman.sock",
    );
    until("the silent socket", SOON, || {
        node.try_shell("test -S $XDG_RUNTIME_DIR/podman/podman.sock")
            .success()
            .then_some(())
    });
    node.shell(PROVOKE);
    until_reported(&node, "Podman did not answer within", ONE_TICK);
    units_are_repaired_all_the_same(&node);
    let api = node.failed_checks();
    assert!(api.contains_key("podman-socket"), "{api:?}");

    node.shell("systemctl --user stop silent; systemctl --user unmask podman.socket");
    all_well(&node, RECOVERY);
    assert_eq!(node.containers(), before);
}

#[test]
fn podman_system_reset_by_a_person() {
    let node = Node::new();
    let kept_before = shop(&node);
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();
    let said = node.try_shell("podman system reset -f");
    println!("{said:?}");
    until("all containers to run again", RECOVERY, || {
        let now = node.try_containers()?;
        (now.len() == before.len() && now.values().all(|run| run.state == "running")).then_some(())
    });
    all_well(&node, RECOVERY);
    assert_eq!(kept(&node), kept_before);
    assert_eq!(
        node.shell("curl -fsS http://127.0.0.1:8480/token").trim(),
        node.shell("cat /var/lib/archipelago/secrets/shop/token")
            .trim()
    );
}

#[test]
fn podman_system_prune_by_a_person() {
    let node = Node::new();
    let kept_before = shop(&node);
    node.install(&apps::lone("idle", 8481));
    node.user(&["archipelago", "stop", "idle"]);
    node.user(&["archipelago", "stop", "shop"]);
    // While no container runs, prune removes all images, networks and volumes.
    node.shell("podman system prune -af --volumes");
    node.user(&["archipelago", "start", "shop"]);
    assert_eq!(kept(&node), kept_before);
    // The same while containers run.
    node.shell("podman system prune -af --volumes");
    all_well_but_stopped(&node);
    assert_eq!(kept(&node), kept_before);
    node.user(&["archipelago", "start", "idle"]);
    all_well(&node, RECOVERY);
}

fn all_well_but_stopped(node: &Node) {
    let states = || {
        ["shop", "idle"].map(|app| {
            let status = node.status(app);
            format!("{} {}", text(&status["state"]), text(&status["message"]))
        })
    };
    let asked = ["ready ", "stopped "].map(str::to_owned);
    until_equal("the apps to be as asked", RECOVERY, &asked, states);
}
