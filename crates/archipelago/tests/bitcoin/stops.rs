//! A daemon that writes its state when it stops is given the time for it.

use std::time::{Duration, Instant};

use testhost::Reboot;

use crate::node::{DATA, Node, SOON, until_equal};
use crate::processes::reach;
use crate::stack::{FOLLOWS, MEMBERS, until_ready};

/// Podman's default for the stop timeout of a container.
const PODMANS_DEFAULT: Duration = Duration::from_secs(10);

/// A daemon that writes when it stops, and its log line once it has written everything.
#[derive(Clone, Copy, Debug)]
struct Writer {
    app: &'static str,
    container: &'static str,
    last_line: &'static str,
}

const BITCOIN: Writer = Writer {
    app: "bitcoin",
    container: "archy-bitcoin",
    last_line: "Shutdown done",
};
const ELECTRS: Writer = Writer {
    app: "electrs",
    container: "archy-electrs",
    last_line: "electrs stopped: ",
};
const LND: Writer = Writer {
    app: "lnd",
    container: "archy-lnd",
    last_line: "Shutdown complete",
};

pub(crate) fn have_the_time_they_need(node: &Node) {
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
    all_may_stop_slowly(node);
}

/// Stops daemons that are frozen for longer than Podman's default timeout, as if they wrote for so
/// long.
fn all_may_stop_slowly(node: &Node) {
    // electrs and lnd stop first, because they still call bitcoind while they stop.
    for writer in [LND, ELECTRS, BITCOIN] {
        stops_slowly(node, writer, &["archipelago", "stop", writer.app]);
        assert_eq!(active(node, writer), "inactive");
    }
    for app in ["bitcoin", "electrs", "lnd"] {
        node.user(&["archipelago", "start", app]);
    }
    until_ready(node, FOLLOWS);
}

/// The same at a reboot of the host and when bitcoin is uninstalled. No other app may require
/// bitcoin on this host.
pub(crate) fn have_the_time_they_need_at_a_reboot_and_an_uninstallation(node: &Node) {
    let words = last_line(node, BITCOIN);
    let frozen = Frozen::freeze(node, BITCOIN.container);
    std::thread::scope(|scope| {
        let rebooting = scope.spawn(|| node.0.reboot(Reboot::Soft));
        is_not_killed(node, BITCOIN, frozen);
        let rebooted = rebooting.join().expect("the thread ends");
        rebooted.expect("a reboot");
    });
    assert_eq!(
        last_line(node, BITCOIN),
        words + 1,
        "bitcoind wrote everything before the reboot"
    );
    let [bitcoin, ..] = MEMBERS;
    until_equal("bitcoin to be back", FOLLOWS, &200, || {
        bitcoin.readiness(node).0
    });

    stops_slowly(node, BITCOIN, &["archipelago", "uninstall", "bitcoin"]);
    // The chain is kept.
    node.shell(&format!(
        "ls {DATA}/volumes/bitcoin/data/regtest/blocks/blk00000.dat {DATA}/volumes/bitcoin/data/regtest/chainstate/CURRENT"
    ));
}

/// Runs a command that stops a daemon, which is frozen meanwhile.
fn stops_slowly(node: &Node, writer: Writer, command: &[&str]) {
    let words = last_line(node, writer);
    let frozen = Frozen::freeze(node, writer.container);
    let stopping = node.0.spawn_user(command).expect("a run in the host");
    is_not_killed(node, writer, frozen);
    let stopped = stopping.wait_with_output().expect("the command ends");
    assert!(stopped.status.success(), "{stopped:?}");
    let what = format!("the last line of {}", writer.app);
    until_equal(&what, SOON, &(words + 1), || last_line(node, writer));
}

/// Checks that a stopping daemon is not killed for longer than Podman's default timeout. Then the
/// daemon continues.
fn is_not_killed(node: &Node, writer: Writer, frozen: Frozen<'_>) {
    let deactivating = "deactivating".to_owned();
    let what = format!("{} to be stopping", writer.app);
    until_equal(&what, SOON, &deactivating, || active(node, writer));
    let told = Instant::now();
    while told.elapsed() < PODMANS_DEFAULT * 3 / 2 {
        assert_eq!(active(node, writer), deactivating);
        node.root(&["kill", "-0", &frozen.pid]);
        std::thread::park_timeout(Duration::from_secs(1));
    }
    drop(frozen);
}

/// How often a daemon has written everything before it stopped, in all boots.
fn last_line(node: &Node, writer: Writer) -> usize {
    let said = node.user(&[
        "journalctl",
        "--user",
        "-u",
        writer.container,
        "-o",
        "cat",
        "--no-pager",
    ]);
    said.matches(writer.last_line).count()
}

/// A container's first process, frozen until this value is dropped.
pub(crate) struct Frozen<'a> {
    node: &'a Node,
    pid: String,
}

impl<'a> Frozen<'a> {
    pub(crate) fn freeze(node: &'a Node, container: &str) -> Self {
        let pid = reach(node, container, |pid| {
            let stopped = node.0.run_root(&["kill", "-STOP", pid]);
            stopped.expect("a run in the host").success()
        });
        Self { node, pid }
    }
}

impl Frozen<'_> {
    /// Lets the process run for so short a time that it gets little done. At the end of that time,
    /// root runs `meanwhile` in a shell. Returns whether that command succeeded.
    pub(crate) fn runs_briefly(&self, meanwhile: &str) -> bool {
        let pid = &self.pid;
        let script = format!(
            "kill -CONT {pid}; read -t 0.05 <> <(:) || :; {meanwhile}; status=$?; kill -STOP {pid}; exit $status"
        );
        let ran = self.node.0.run_root(&["bash", "-c", &script]);
        ran.expect("a run in the host").success()
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let continued = self.node.0.run_root(&["kill", "-CONT", &self.pid]);
        if !std::thread::panicking() {
            let continued = continued.expect("a run in the host");
            continued.checked().expect("the process continues");
        }
    }
}

fn active(node: &Node, writer: Writer) -> String {
    let shown = node.user(&[
        "systemctl",
        "--user",
        "show",
        "-P",
        "ActiveState",
        writer.container,
    ]);
    shown.trim().to_owned()
}
