//! systemd alone starts all six containers after a reboot, in order.

use std::time::{Duration, Instant};

use testhost::Reboot;

use crate::heights::{bitcoin_height, daemons_show, try_bitcoin_height};
use crate::node::{Node, SOON, until, until_equal};
use crate::processes::kill_container;
use crate::secrets;
use crate::stack::{CONTAINERS, FOLLOWS, mine, until_ready};
use crate::sync::RETURNS;

/// lnd checks its node each minute. It ends, and systemd starts it again, after three failed checks
/// of half a minute each with a minute between them (catalog/lnd/templates/lnd.conf).
const NOTICES: Duration = Duration::from_secs(60 + 3 * 30 + 2 * 60);

pub(crate) fn bring_all_back(node: &Node) {
    let height = bitcoin_height(node);
    node.user(&["systemctl", "--user", "disable", "--now", "archipelago"]);
    // The second hard reboot finds the locks, cookies and sockets that the first one left.
    for how in [Reboot::Soft, Reboot::Hard, Reboot::Hard] {
        let before = node.containers();
        node.0.reboot(how).expect("a reboot");
        secrets::watch(node);
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
            "{how:?}: each container must be new"
        );
        until_ready(node, FOLLOWS);
        daemons_show(node, height, FOLLOWS);
        in_order(node);
        assert_eq!(
            node.try_shell("systemctl --user is-active archipelago")
                .stdout
                .trim(),
            "inactive"
        );
    }
    all_find_their_node_again(node, height);
    node.user(&["systemctl", "--user", "enable", "--now", "archipelago"]);
}

/// A bitcoind that crashed has another address afterwards. Without Archipelago, electrs and lnd
/// must notice that themselves.
fn all_find_their_node_again(node: &Node, height: u64) {
    let before = node.containers();
    kill_container(node, "archy-bitcoin");
    let killed = Instant::now();
    until("another bitcoind", RETURNS, || {
        let run = node.try_containers()?.remove("archy-bitcoin")?;
        (run.id != before["archy-bitcoin"].id && try_bitcoin_height(node)? == height).then_some(())
    });
    // A page may show an old answer for up to a minute, so the test waits for a new block.
    mine(node, 1);
    daemons_show(node, height + 1, NOTICES + RETURNS);
    let all = killed.elapsed();
    until_ready(node, FOLLOWS);
    let after = node.containers();
    let restarted: Vec<_> = after
        .iter()
        .filter(|(name, run)| before[*name].id != run.id)
        .map(|(name, _)| name)
        .collect();
    println!(
        "all follow {:.0} s after bitcoind was killed; restarted: {restarted:?}",
        all.as_secs_f64()
    );
}

/// Checks that bitcoind had loaded its chain before electrs and lnd were started. The pages do not
/// wait for a daemon, so that they can show its progress.
fn in_order(node: &Node) {
    let loaded = node.shell(
        "journalctl --user -b -u archy-bitcoin -o json --output-fields=MESSAGE --no-pager |
        jq -s 'map(select(.MESSAGE | contains(\"Done loading\"))) | first | .__MONOTONIC_TIMESTAMP | tonumber'",
    );
    let loaded: u64 = loaded.trim().parse().expect("a time");
    let ready = at(node, "archy-bitcoin", "ActiveEnterTimestampMonotonic");
    assert!(
        loaded <= ready,
        "systemd counts it as started at {ready}, but its chain was loaded at {loaded}"
    );
    for dependant in ["archy-electrs", "archy-lnd"] {
        let began = at(node, dependant, "ExecMainStartTimestampMonotonic");
        assert!(
            ready <= began,
            "{dependant} began at {began}, before bitcoin was ready at {ready}"
        );
    }
    // The order of starts depends on the machine, so the test reads the units: no page waits for a
    // daemon.
    let daemons = ["archy-bitcoin", "archy-electrs", "archy-lnd"];
    for daemon in daemons {
        let page = format!("{daemon}-ui");
        let after = node.user(&["systemctl", "--user", "show", "-P", "After", &page]);
        let waits = after
            .split_whitespace()
            .filter_map(|unit| unit.strip_suffix(".service"))
            .find(|unit| daemons.contains(unit));
        assert_eq!(waits, None, "{page} waits for a daemon");
    }
}

/// A time among a unit's properties, in µs since the machine's start.
fn at(node: &Node, unit: &str, property: &str) -> u64 {
    let shown = node.user(&["systemctl", "--user", "show", "-P", property, unit]);
    shown.trim().parse().expect("a time")
}
