//! Who has something to write at the end is given the time for it.

use std::time::{Duration, Instant};

use crate::node::{Node, SOON, until, until_equal};
use crate::stack::{FOLLOWS, until_ready};

/// What Podman gives a container that says nothing about it.
const PODMANS_OWN: Duration = Duration::from_secs(10);

pub(crate) fn are_patient(node: &Node) {
    for (container, unit, inside) in [
        ("archy-bitcoin", "15min 30s", "900"),
        ("archy-electrs", "5min 30s", "300"),
        ("archy-lnd", "5min 30s", "300"),
    ] {
        let shown = node.user(&[
            "systemctl",
            "--user",
            "show",
            "-P",
            "TimeoutStopUSec",
            container,
        ]);
        assert_eq!(shown.trim(), unit, "{container}");
        let format = "{{.Config.StopTimeout}}";
        let shown = node.user(&["podman", "inspect", "--format", format, container]);
        assert_eq!(shown.trim(), inside, "{container}");
    }
    bitcoind_may_be_slow(node);
}

/// As a bitcoind that writes for longer than Podman would wait by itself: one that stands still for so long.
fn bitcoind_may_be_slow(node: &Node) {
    // They are stopped before it, and ask it things at their end.
    for app in ["lnd", "electrs"] {
        node.user(&["archipelago", "stop", app]);
    }
    let still = Still::hold(node, "archy-bitcoin");
    let stopping = node
        .0
        .spawn_user(&["archipelago", "stop", "bitcoin"])
        .expect("a run in the host");
    let deactivating = "deactivating".to_owned();
    until_equal("bitcoin to be told to stop", SOON, &deactivating, || {
        active(node)
    });
    let told = Instant::now();
    while told.elapsed() < PODMANS_OWN * 3 / 2 {
        assert_eq!(active(node), deactivating);
        node.root(&["kill", "-0", &still.pid]);
        std::thread::park_timeout(Duration::from_secs(1));
    }
    drop(still);
    let stopped = stopping.wait_with_output().expect("it ends");
    assert!(stopped.status.success(), "{stopped:?}");
    assert_eq!(active(node), "inactive");
    // Its last words: it was not cut short.
    until("bitcoind's last words", SOON, || {
        let said = node.user(&[
            "journalctl",
            "--user",
            "-u",
            "archy-bitcoin",
            "-o",
            "cat",
            "-n",
            "50",
        ]);
        said.contains("Shutdown done").then_some(())
    });
    for app in ["bitcoin", "electrs", "lnd"] {
        node.user(&["archipelago", "start", app]);
    }
    until_ready(node, FOLLOWS);
}

/// A container's first process, held still until this goes.
pub(crate) struct Still<'a> {
    node: &'a Node,
    pid: String,
}

impl<'a> Still<'a> {
    pub(crate) fn hold(node: &'a Node, container: &str) -> Self {
        let pid = process(node, container);
        node.root(&["kill", "-STOP", &pid]);
        Self { node, pid }
    }
}

impl Drop for Still<'_> {
    fn drop(&mut self) {
        self.node.root(&["kill", "-CONT", &self.pid]);
    }
}

fn active(node: &Node) -> String {
    let shown = node.user(&[
        "systemctl",
        "--user",
        "show",
        "-P",
        "ActiveState",
        "archy-bitcoin",
    ]);
    shown.trim().to_owned()
}

/// The id that a container's first process has on the host.
pub(crate) fn process(node: &Node, container: &str) -> String {
    let shown = node.user(&["podman", "inspect", "--format", "{{.State.Pid}}", container]);
    shown.trim().to_owned()
}
