//! Who has something to write at the end is given the time for it.

use std::time::{Duration, Instant};

use testhost::Reboot;

use crate::node::{DATA, Node, SOON, until_equal};
use crate::stack::{FOLLOWS, MEMBERS, until_ready};

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
    slowly(node, &["archipelago", "stop", "bitcoin"]);
    assert_eq!(active(node), "inactive");
    for app in ["bitcoin", "electrs", "lnd"] {
        node.user(&["archipelago", "start", app]);
    }
    until_ready(node, FOLLOWS);
}

/// The same where the whole host goes down, and where bitcoin is uninstalled: nobody may need it here.
pub(crate) fn are_patient_at_every_end(node: &Node) {
    let words = last_words(node);
    let still = Still::hold(node, "archy-bitcoin");
    std::thread::scope(|scope| {
        let rebooting = scope.spawn(|| node.0.reboot(Reboot::Soft));
        stays(node, still);
        let rebooted = rebooting.join().expect("the thread ends");
        rebooted.expect("a reboot");
    });
    assert_eq!(
        last_words(node),
        words + 1,
        "it wrote all in the boot before"
    );
    let [bitcoin, ..] = MEMBERS;
    until_equal("bitcoin to be back", FOLLOWS, &200, || {
        bitcoin.readiness(node).0
    });

    slowly(node, &["archipelago", "uninstall", "bitcoin"]);
    // Its chain stays.
    node.shell(&format!(
        "ls {DATA}/volumes/bitcoin/data/regtest/blocks/blk00000.dat {DATA}/volumes/bitcoin/data/regtest/chainstate/CURRENT"
    ));
}

/// Runs a command that stops a bitcoind that takes its time.
fn slowly(node: &Node, command: &[&str]) {
    let words = last_words(node);
    let still = Still::hold(node, "archy-bitcoin");
    let stopping = node.0.spawn_user(command).expect("a run in the host");
    stays(node, still);
    let stopped = stopping.wait_with_output().expect("it ends");
    assert!(stopped.status.success(), "{stopped:?}");
    until_equal("bitcoind's last words", SOON, &(words + 1), || {
        last_words(node)
    });
}

/// Once it is told to stop, it is left alone for longer than Podman would by itself. It goes on after that.
fn stays(node: &Node, still: Still<'_>) {
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
}

/// How often, in all boots, bitcoind came to the end of what it does at its end: it was not cut short.
fn last_words(node: &Node) -> usize {
    let said = node.user(&[
        "journalctl",
        "--user",
        "-u",
        "archy-bitcoin",
        "-o",
        "cat",
        "--no-pager",
    ]);
    said.matches("Shutdown done").count()
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

impl Still<'_> {
    /// Lets it go on for so short a time that it gets little done; at the end of that, `meanwhile` is run in a shell of root's.
    pub(crate) fn goes_on_for_a_moment(&self, meanwhile: &str) {
        let pid = &self.pid;
        let script =
            format!("kill -CONT {pid}; read -t 0.05 <> <(:) || :; {meanwhile}\nkill -STOP {pid}");
        self.node.root(&["bash", "-c", &script]);
    }
}

impl Drop for Still<'_> {
    fn drop(&mut self) {
        let woken = self.node.0.run_root(&["kill", "-CONT", &self.pid]);
        if !std::thread::panicking() {
            let woken = woken.expect("a run in the host");
            woken.checked().expect("it goes on");
        }
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
