//! Containers keep running when the daemon ends, and run again after a reboot.

use std::time::Duration;

use testhost::Reboot;

use crate::apps;
use crate::instants::Instants;
use crate::node::{CONFIG, Node, SOON, until, until_equal};
use crate::processes::kill_daemon;

#[test]
fn no_container_notices_that_the_daemon_is_restarted_or_killed() {
    let node = Node::new();
    node.install(&apps::shop());
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();
    assert_eq!(before.len(), 4);

    node.user(&["systemctl", "--user", "restart", "archipelago"]);
    assert_eq!(node.containers(), before);

    let mut instants = Instants::new();
    let mut killed = std::collections::BTreeSet::new();
    for kill in 0..20 {
        instants.pass(Duration::from_millis(700));
        // Every second kill hits a repair: a missing unit file is checked and written, and systemd
        // is reloaded.
        if kill % 2 == 1 {
            node.shell("rm -f ~/.config/containers/systemd/archy-lone.network; touch ~/.config/archipelago/.look");
            instants.pass(Duration::from_millis(300));
        }
        killed.insert(kill_daemon(&node));
        // Started by hand, so that the test does not wait for RestartSec=.
        node.user(&[
            "systemctl",
            "--user",
            "--no-block",
            "restart",
            "archipelago",
        ]);
    }
    assert_eq!(killed.len(), 20, "each kill must hit another daemon");
    until("the unit file to be back", SOON, || {
        node.try_shell("test -e ~/.config/containers/systemd/archy-lone.network && systemctl --user is-active archipelago").success().then_some(())
    });
    until_equal("the apps to be ready", SOON, &["ready", "ready"], || {
        ["shop", "lone"].map(|app| {
            if node.state(app) == "ready" {
                "ready"
            } else {
                "not"
            }
        })
    });
    assert_eq!(node.containers(), before);
    let leftovers = node.shell(&format!(
        "find {CONFIG} ~/.config/containers/systemd -name '.archipelago-new-*'"
    ));
    assert_eq!(leftovers, "", "temporary files of a killed daemon");
}

#[test]
fn systemd_starts_all_apps_after_an_orderly_reboot() {
    all_apps_are_back_after(Reboot::Soft);
}

#[test]
fn systemd_starts_all_apps_after_a_power_cut() {
    all_apps_are_back_after(Reboot::Hard);
}

fn all_apps_are_back_after(how: Reboot) {
    let node = Node::new();
    node.install(&apps::shop());
    node.install(&apps::lone("lone", 8481));
    node.install(&apps::lone("idle", 8482));
    node.user(&["archipelago", "stop", "idle"]);
    node.user(&["systemctl", "--user", "disable", "--now", "archipelago"]);
    node.shell("podman exec archy-shop sh -c 'echo kept >/data/kept; sync'");
    let before = node.containers();
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        ["archy-lone", "archy-shop", "archy-shop-db", "archy-shop-ui"]
    );

    node.0.reboot(how).expect("a reboot");

    until_equal(
        "all containers to run",
        SOON,
        &before
            .keys()
            .map(|name| (name.clone(), "running".to_owned()))
            .collect::<Vec<_>>(),
        || {
            node.containers()
                .into_iter()
                .map(|(name, run)| (name, run.state))
                .collect()
        },
    );
    let after = node.containers();
    assert!(
        after.iter().all(|(name, run)| before[name].id != run.id),
        "each container must be new: {after:?}"
    );
    assert_eq!(
        node.try_shell("systemctl --user is-active archipelago")
            .stdout
            .trim(),
        "inactive"
    );
    assert_eq!(
        node.try_shell("systemctl --user is-active archy-idle")
            .stdout
            .trim(),
        "inactive"
    );
    assert_eq!(node.shell("curl -fsS http://127.0.0.1:8480/"), "hello\n");
    assert_eq!(
        node.shell("podman exec archy-shop cat /data/kept"),
        "kept\n"
    );
    // Archipelago finds nothing to do after the boot.
    assert_eq!(
        (node.state("shop").as_str(), node.state("idle").as_str()),
        ("ready", "stopped")
    );
    node.user(&["systemctl", "--user", "start", "archipelago"]);
    node.user(&["archipelago", "install", "/home/archy/apps/shop"]);
    assert_eq!(node.containers(), after);
}
