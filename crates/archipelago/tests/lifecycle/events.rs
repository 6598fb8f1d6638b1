//! A change that causes an event is repaired at once, without waiting for the tick. A burst of
//! changes is repaired in one pass.

use std::time::{Duration, Instant};

use archipelago_core::reconcile::TICK;

use crate::apps;
use crate::node::{Node, SOON, UNITS, until};

/// A repair that takes longer was found by the tick. A tick comes 30 s after the last pass, and
/// each disturbance soon after the pass that repaired the one before.
const BEFORE_A_TICK: Duration = Duration::from_secs(TICK.as_secs() * 2 / 3);
/// The number of repetitions. If only ticks found the disturbances, the last repair would come at
/// least `TIMES - 1` ticks after the first disturbance.
const TIMES: u32 = 4;

struct Host {
    node: Node,
    /// The number of our unit files.
    units: usize,
}

impl Host {
    fn new() -> Self {
        let node = Node::new();
        node.install(&apps::shop());
        node.install(&apps::lone("lone", 8481));
        let units = unit_files(&node);
        assert!(units > 6, "the host has only {units} unit files");
        Self { node, units }
    }

    /// Disturbs the host again and again, each time after the repair, and checks that events led to
    /// the repairs.
    fn is_repaired_by_events(&self, what: &str, disturb: &str, is_right: &str) {
        assert_eq!(
            self.node.shell(&format!("{is_right} && echo yes")),
            "yes\n",
            "{what}: before"
        );
        let begun = Instant::now();
        for _ in 0..TIMES {
            self.node.shell(disturb);
            let this = Instant::now();
            until(what, SOON, || {
                let right = self.node.try_shell(is_right).status == 0;
                right.then_some(())
            });
            println!("{what}: {:?}", this.elapsed());
            assert!(this.elapsed() < BEFORE_A_TICK, "{what}: a tick found it");
            // The pass that repairs it holds the lock until it is over.
            self.node
                .shell("flock $XDG_RUNTIME_DIR/archipelago/lock true");
        }
        println!("{what}: {TIMES} times in {:?}", begun.elapsed());
        assert!(
            begun.elapsed() < TICK * (TIMES - 1),
            "{what}: only ticks found it"
        );
    }
}

/// The number of our unit files; 0 while the folder is gone.
fn unit_files(node: &Node) -> usize {
    let listed = node.try_shell(&format!("ls {UNITS}")).stdout;
    listed
        .lines()
        .filter(|name| name.starts_with("archy-"))
        .count()
}

/// The number of lines about an action in the daemon's journal.
fn logged(node: &Node, what: &str) -> usize {
    let journal = node.shell("journalctl --user -u archipelago -o cat --no-pager");
    journal.lines().filter(|line| line.contains(what)).count()
}

#[test]
fn a_change_of_anything_that_a_pass_reads_wakes_the_daemon() {
    let host = Host::new();
    host.is_repaired_by_events(
        "a rendered file that was removed",
        "rm /var/lib/archipelago/archy-shop-ui/default.conf",
        "test -e /var/lib/archipelago/archy-shop-ui/default.conf",
    );
    host.is_repaired_by_events(
        "a rendered file that others may read",
        "chmod 644 /var/lib/archipelago/archy-shop/shop.conf",
        "test $(stat -c %a /var/lib/archipelago/archy-shop/shop.conf) = 600",
    );
    host.is_repaired_by_events(
        "a secret that Podman lost",
        "podman secret rm archy-shop-token",
        "podman secret exists archy-shop-token",
    );
    host.is_repaired_by_events(
        "a network that Podman lost",
        "podman network rm -f archy-shop",
        "podman network exists archy-shop && systemctl --user --quiet is-active archy-shop archy-shop-db archy-shop-ui",
    );
    host.is_repaired_by_events(
        "the folder of units",
        &format!("gone=$(mktemp -d); mv {UNITS} $gone; rm -r $gone"),
        &format!("test $(ls {UNITS} | grep -c ^archy-) = {}", host.units),
    );
}

#[test]
fn a_burst_is_repaired_in_one_pass_and_a_new_folder_is_watched() {
    let host = Host::new();
    let (reloads, writes) = (
        logged(&host.node, "reload systemd"),
        logged(&host.node, "write the unit"),
    );
    // With real-time priority: a removal that waits for a processor half-way would be two bursts.
    host.node.root(&["chrt", "--fifo", "1", "rm", "-r", UNITS]);
    until("the units to be back", SOON, || {
        (unit_files(&host.node) == host.units).then_some(())
    });
    // A second pass would begin at once.
    let quiet = Instant::now();
    until("5 s to pass", SOON, || {
        (quiet.elapsed() > Duration::from_secs(5)).then_some(())
    });
    assert_eq!(logged(&host.node, "write the unit") - writes, host.units);
    assert_eq!(logged(&host.node, "reload systemd") - reloads, 1);
    host.is_repaired_by_events(
        "a unit file in the folder that was made anew",
        &format!("rm {UNITS}/archy-lone.container"),
        &format!("test -e {UNITS}/archy-lone.container"),
    );
}

#[test]
fn a_reload_of_systemd_by_others_makes_nothing_look_missing() {
    let host = Host::new();
    let reloads = logged(&host.node, "reload systemd");
    // Each reload takes a tenth of a second, and for most of it Quadlet's output is absent. Passes
    // begin all the while.
    host.node.shell(
        "for _ in {1..20}; do
            systemctl --user daemon-reload &
            while [ -n \"$(jobs -rp)\" ]; do : >~/.config/archipelago/look; sleep 0.01; done
        done",
    );
    host.node
        .shell("flock $XDG_RUNTIME_DIR/archipelago/lock true");
    assert_eq!(logged(&host.node, "reload systemd"), reloads);
    assert_eq!(host.node.state("shop"), "ready");
}
