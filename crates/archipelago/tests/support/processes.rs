//! Signals to processes that systemd may replace at any moment: when a process ends before the
//! signal reaches it, its successor gets the signal.

use crate::node::{Node, SOON, until};

/// Kills the daemon with SIGKILL and waits until systemd has seen it end. Returns its invocation
/// and process, which no other start of the daemon shares.
#[allow(dead_code, reason = "not every test program kills the daemon")]
pub(crate) fn kill_daemon(node: &Node) -> String {
    until("a daemon to be killed", SOON, || {
        let killed = daemon(node)?;
        let kill = "systemctl --user kill --kill-whom=main --signal=KILL archipelago";
        if !node.try_shell(kill).success() {
            return None;
        }
        until("systemd to see the daemon end", SOON, || {
            (daemon(node).as_ref() != Some(&killed)).then_some(())
        });
        Some(killed)
    })
}

/// The invocation and the process id of the daemon; `None` while it has no process.
fn daemon(node: &Node) -> Option<String> {
    let shown = node.user(&[
        "systemctl",
        "--user",
        "show",
        "--property=InvocationID,MainPID",
        "archipelago",
    ]);
    (!shown.lines().any(|line| line == "MainPID=0")).then_some(shown)
}

/// Calls `signal` with the id of a container's first process until it returns true. Returns that
/// id, in the host's numbering.
#[allow(
    dead_code,
    reason = "not every test program signals a process in a container"
)]
pub(crate) fn reach(node: &Node, container: &str, signal: impl Fn(&str) -> bool) -> String {
    let inspect = format!("podman inspect --format '{{{{.State.Pid}}}}' {container}");
    until(&format!("a process of {container}"), SOON, || {
        let shown = node.try_shell(&inspect);
        let pid = shown.stdout.trim();
        // Podman prints 0 for a container that does not run.
        let runs = shown.success() && pid != "0";
        (runs && signal(pid)).then(|| pid.to_owned())
    })
}

/// Kills a container's first process as a crash would. It does not use Podman, which would record
/// that the stop was asked for.
#[allow(
    dead_code,
    reason = "not every test program kills a process in a container"
)]
pub(crate) fn kill_container(node: &Node, container: &str) {
    reach(node, container, |pid| {
        let killed = node.0.run_root(&["kill", "-KILL", pid]);
        killed.expect("a run in the host").success()
    });
}
