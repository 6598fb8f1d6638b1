//! The user's systemd or D-Bus is restarted, away or killed.

use crate::apps;
use crate::fault::{RECOVERY, all_well, kept, shop};
use crate::node::{Node, ONE_TICK, UNITS, until};

/// Deletes a unit file and waits until the daemon has restored it.
fn still_repairs(node: &Node) {
    node.shell(&format!("rm {UNITS}/archy-shop-db.container"));
    until("the unit to be back", ONE_TICK, || {
        node.try_shell(&format!("test -e {UNITS}/archy-shop-db.container"))
            .success()
            .then_some(())
    });
    all_well(node, RECOVERY);
}

#[test]
fn systemd_reexecutes_itself() {
    let node = Node::new();
    let kept_before = shop(&node);
    let before = node.containers();
    node.shell("systemctl --user daemon-reexec");
    still_repairs(&node);
    assert_eq!(node.containers(), before);
    assert_eq!(kept(&node), kept_before);
}

#[test]
fn the_users_d_bus_is_restarted() {
    let node = Node::new();
    let kept_before = shop(&node);
    let before = node.containers();
    let daemon = |node: &Node| node.shell("systemctl --user show -P MainPID archipelago");
    let pid = daemon(&node);
    node.shell("systemctl --user restart dbus.service");
    still_repairs(&node);
    // While D-Bus is away, the daemon reports it.
    node.shell("systemctl --user stop dbus.socket dbus.service");
    node.shell("touch ~/.config/archipelago/.look");
    until("the daemon to report it", ONE_TICK, || {
        let details = node.try_details()?;
        details["last_pass"]["error"]
            .as_str()?
            .contains("D-Bus")
            .then_some(())
    });
    let said = node.archipelago(&["status"]);
    assert!(!said.success() && said.stderr.contains("D-Bus"), "{said:?}");
    // systemctl reaches systemd without D-Bus.
    node.shell("systemctl --user start dbus.socket");
    still_repairs(&node);
    assert_eq!(node.containers(), before);
    assert_eq!(daemon(&node), pid, "the daemon must not end");
    assert_eq!(kept(&node), kept_before);
}

#[test]
fn the_users_manager_is_killed() {
    let node = Node::new();
    let kept_before = shop(&node);
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();
    node.root(&[
        "systemctl",
        "kill",
        "--kill-whom=main",
        "--signal=KILL",
        "user@1000.service",
    ]);
    until("all containers to run again", RECOVERY, || {
        let now = node.try_containers()?;
        (now.len() == before.len() && now.values().all(|run| run.state == "running")).then_some(())
    });
    all_well(&node, RECOVERY);
    still_repairs(&node);
    assert_eq!(kept(&node), kept_before);
}
