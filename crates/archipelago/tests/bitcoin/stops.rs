//! A daemon that writes its state when it stops is given the time for it.

use std::time::{Duration, Instant};

use testhost::Reboot;

use crate::node::{DATA, Node, SOON, until_equal};
use crate::processes::reach;
use crate::stack::{FOLLOWS, MEMBERS, until_ready};

/// Podman's default stop timeout of a container.
const PODMANS_OWN: Duration = Duration::from_secs(10);

/// A daemon that writes when it stops, and its log line once it has written everything.
#[derive(Clone, Copy, Debug)]
struct Writer {
    app: &'static str,
    container: &'static str,
    last_words: &'static str,
}

const BITCOIN: Writer = Writer {
    app: "bitcoin",
    container: "archy-bitcoin",
    last_words: "Shutdown done",
};
const ELECTRS: Writer = Writer {
    app: "electrs",
    container: "archy-electrs",
    last_words: "electrs stopped: ",
};
const LND: Writer = Writer {
    app: "lnd",
    container: "archy-lnd",
    last_words: "Shutdown complete",
};

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
    all_may_be_slow(node);
}

/// Stops daemons that are frozen for longer than Podman's default timeout, as if they wrote for so
/// long.
fn all_may_be_slow(node: &Node) {
    // electrs and lnd stop first, because they still call bitcoind while they stop.
    for writer in [LND, ELECTRS, BITCOIN] {
        slowly(node, writer, &["archipelago", "stop", writer.app]);
        assert_eq!(active(node, writer), "inactive");
    }
    for app in ["bitcoin", "electrs", "lnd"] {
        node.user(&["archipelago", "start", app]);
    }
    until_ready(node, FOLLOWS);
}

/// The same at a reboot of the host and when bitcoin is uninstalled. No other app may require
/// bitcoin on this host.
pub(crate) fn are_patient_at_every_end(node: &Node) {
    let words = last_words(node, BITCOIN);
    let still = Still::hold(node, BITCOIN.container);
    std::thread::scope(|scope| {
        let rebooting = scope.spawn(|| node.0.reboot(Reboot::Soft));
        stays(node, BITCOIN, still);
        let rebooted = rebooting.join().expect("the thread ends");
        rebooted.expect("a reboot");
    });
    assert_eq!(
        last_words(node, BITCOIN),
        words + 1,
        "bitcoind wrote everything before the reboot"
    );
    let [bitcoin, ..] = MEMBERS;
    until_equal("bitcoin to be back", FOLLOWS, &200, || {
        bitcoin.readiness(node).0
    });

    slowly(node, BITCOIN, &["archipelago", "uninstall", "bitcoin"]);
    // The chain is kept.
    node.shell(&format!(
        "ls {DATA}/volumes/bitcoin/data/regtest/blocks/blk00000.dat {DATA}/volumes/bitcoin/data/regtest/chainstate/CURRENT"
    ));
}

/// Runs a command that stops a daemon, which is frozen meanwhile.
fn slowly(node: &Node, writer: Writer, command: &[&str]) {
    let words = last_words(node, writer);
    let still = Still::hold(node, writer.container);
    let stopping = node.0.spawn_user(command).expect("a run in the host");
    stays(node, writer, still);
    let stopped = stopping.wait_with_output().expect("it ends");
    assert!(stopped.status.success(), "{stopped:?}");
    let what = format!("the last words of {}", writer.app);
    until_equal(&what, SOON, &(words + 1), || last_words(node, writer));
}

/// Checks that a stopping daemon is not killed for longer than Podman's default timeout. Then the
/// daemon continues.
fn stays(node: &Node, writer: Writer, still: Still<'_>) {
    let deactivating = "deactivating".to_owned();
    let what = format!("{} to be stopping", writer.app);
    until_equal(&what, SOON, &deactivating, || active(node, writer));
    let told = Instant::now();
    while told.elapsed() < PODMANS_OWN * 3 / 2 {
        assert_eq!(active(node, writer), deactivating);
        node.root(&["kill", "-0", &still.pid]);
        std::thread::park_timeout(Duration::from_secs(1));
    }
    drop(still);
}

/// How often, in all boots, a daemon has written everything before it stopped.
fn last_words(node: &Node, writer: Writer) -> usize {
    let said = node.user(&[
        "journalctl",
        "--user",
        "-u",
        writer.container,
        "-o",
        "cat",
        "--no-pager",
    ]);
    said.matches(writer.last_words).count()
}

/// A container's first process, frozen until this value is dropped.
pub(crate) struct Still<'a> {
    node: &'a Node,
    pid: String,
}

impl<'a> Still<'a> {
    pub(crate) fn hold(node: &'a Node, container: &str) -> Self {
        let pid = reach(node, container, |pid| {
            let stopped = node.0.run_root(&["kill", "-STOP", pid]);
            stopped.expect("a run in the host").success()
        });
        Self { node, pid }
    }
}

impl Still<'_> {
    /// Lets the process run for so short a time that it gets little done. At the end of that time,
    /// root runs `meanwhile` in a shell. Returns whether that command succeeded.
    pub(crate) fn goes_on_for_a_moment(&self, meanwhile: &str) -> bool {
        let pid = &self.pid;
        let script = format!(
            "kill -CONT {pid}; read -t 0.05 <> <(:) || :; {meanwhile}; status=$?; kill -STOP {pid}; exit $status"
        );
        let ran = self.node.0.run_root(&["bash", "-c", &script]);
        ran.expect("a run in the host").success()
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
