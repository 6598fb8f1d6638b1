//! systemd brings all six containers back, without Archipelago and in order.

use testhost::Reboot;

use crate::heights::{bitcoin_height, daemons_say};
use crate::node::{Node, SOON, until_equal};
use crate::stack::{CONTAINERS, FOLLOWS, until_ready};

pub(crate) fn bring_all_back(node: &Node) {
    let height = bitcoin_height(node);
    node.user(&["systemctl", "--user", "disable", "--now", "archipelago"]);
    // The second one finds what the first left of locks, cookies and sockets.
    for how in [Reboot::Soft, Reboot::Hard, Reboot::Hard] {
        let before = node.containers();
        node.0.reboot(how).expect("a reboot");
        let all = CONTAINERS
            .map(|name| (name.to_owned(), "running".to_owned()))
            .to_vec();
        until_equal("all six to run", SOON * 2, &all, || {
            node.containers()
                .into_iter()
                .map(|(name, run)| (name, run.state))
                .collect()
        });
        let after = node.containers();
        assert!(
            after.iter().all(|(name, run)| before[name].id != run.id),
            "{how:?}: they are new ones"
        );
        until_ready(node, FOLLOWS);
        daemons_say(node, height, FOLLOWS);
        in_order(node);
        assert_eq!(
            node.try_shell("systemctl --user is-active archipelago")
                .stdout
                .trim(),
            "inactive"
        );
    }
    node.user(&["systemctl", "--user", "enable", "--now", "archipelago"]);
}

/// bitcoind had its chain loaded before those who call it were begun, and their pages were there by then to say so.
fn in_order(node: &Node) {
    let loaded = node.shell(
        "journalctl --user -b -u archy-bitcoin -o json --output-fields=MESSAGE --no-pager |
        jq -s 'map(select(.MESSAGE | contains(\"Done loading\"))) | first | .__MONOTONIC_TIMESTAMP | tonumber'",
    );
    let loaded: u64 = loaded.trim().parse().expect("a time");
    let ready = at(node, "archy-bitcoin", "ActiveEnterTimestampMonotonic");
    assert!(
        loaded <= ready,
        "it counts as started at {ready}, but was loaded at {loaded}"
    );
    for dependant in ["archy-electrs", "archy-lnd"] {
        let began = at(node, dependant, "ExecMainStartTimestampMonotonic");
        assert!(
            ready <= began,
            "{dependant} began at {began}, before bitcoin was ready at {ready}"
        );
    }
}

/// When something was, in µs since the machine's start.
fn at(node: &Node, unit: &str, property: &str) -> u64 {
    let shown = node.user(&["systemctl", "--user", "show", "-P", property, unit]);
    shown.trim().parse().expect("a time")
}
