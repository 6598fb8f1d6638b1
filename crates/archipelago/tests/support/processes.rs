//! Signals to processes that systemd may replace at any moment: when a process ended between the
//! look and the signal, its successor is looked for.

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

/// The invocation and the process of the daemon; nothing while it has no process.
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

/// Calls `signal` with the process id of a container's first process until it reaches one. Returns
/// the id, as the host numbers it.
#[allow(
    dead_code,
    reason = "not every test program signals what runs in a container"
)]
pub(crate) fn reach(node: &Node, container: &str, signal: impl Fn(&str) -> bool) -> String {
    let inspect = format!("podman inspect --format '{{{{.State.Pid}}}}' {container}");
    until(&format!("a process of {container}"), SOON, || {
        let shown = node.try_shell(&inspect);
        let pid = shown.stdout.trim();
        // Podman says 0 of a container that does not run.
        let runs = shown.success() && pid != "0";
        (runs && signal(pid)).then(|| pid.to_owned())
    })
}

/// Kills a container's first process as a crash would: without Podman, which would note that it was
/// asked.
#[allow(
    dead_code,
    reason = "not every test program kills what runs in a container"
)]
pub(crate) fn kill_container(node: &Node, container: &str) {
    reach(node, container, |pid| {
        let killed = node.0.run_root(&["kill", "-KILL", pid]);
        killed.expect("a run in the host").success()
    });
}
