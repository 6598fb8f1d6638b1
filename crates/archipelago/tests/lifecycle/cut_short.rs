//! A command that is killed before its end: the intent stays, and the daemon finishes the
//! operation.

use std::time::{Duration, Instant};

use crate::apps;
use crate::instants::Instants;
use crate::node::{CONFIG, Node, ONE_TICK, until_equal};

/// Runs `archipelago` and kills it after this time, without the jobs that it has queued elsewhere.
/// Returns whether it was killed.
pub(crate) fn cut_short(node: &Node, after: Duration, arguments: &[&str]) -> bool {
    let after = format!("{:.6}", after.as_secs_f64());
    let command = [
        &[
            "timeout",
            "--foreground",
            "--signal=KILL",
            // Of a command that ends by itself at the instant of the signal.
            "--preserve-status",
            &after,
            "archipelago",
        ],
        arguments,
    ]
    .concat();
    let output = node.0.run_user(&command).expect("a run in the host");
    assert!([0, 137].contains(&output.status), "{output:?}");
    output.status == 137
}

/// The state that the intent asks for; empty without an intent.
fn asked(node: &Node) -> String {
    let script = format!("sed -n 's/^state = //p' {CONFIG}/apps/shop.toml 2>/dev/null || :");
    node.shell(&script).trim().trim_matches('"').to_owned()
}

#[test]
fn the_daemon_finishes_the_work_of_a_killed_command() {
    let node = Node::new();
    let folder = node.put(&apps::shop());
    let before = node.traces("shop");
    // Measures how long each command takes on this machine, so that the instants lie within that
    // time.
    let takes = |command: &[&str]| {
        let began = Instant::now();
        node.user(&[&["archipelago"], command].concat());
        began.elapsed()
    };
    let install_takes = takes(&["install", &folder]);
    let purge_takes = takes(&["uninstall", "shop", "--purge"]);
    assert_eq!(node.traces("shop"), before);
    let mut instants = Instants::new();
    let mut cut = [0, 0];
    for _ in 0..6 {
        let instant = instants.next(install_takes);
        cut[0] += u32::from(cut_short(&node, instant, &["install", &folder]));
        // A command that was killed before it wrote the intent has asked for nothing.
        if asked(&node).is_empty() {
            assert_eq!(node.containers().len(), 0);
            node.user(&["archipelago", "install", &folder]);
        }
        until_equal(
            "the daemon to make the app ready",
            ONE_TICK,
            &"ready",
            || {
                if node.state("shop") == "ready" {
                    "ready"
                } else {
                    "not"
                }
            },
        );
        assert_eq!(node.shell("curl -fsS http://127.0.0.1:8480/"), "hello\n");

        let instant = instants.next(purge_takes);
        cut[1] += u32::from(cut_short(&node, instant, &["uninstall", "shop", "--purge"]));
        if asked(&node) == "running" {
            assert_eq!(node.state("shop"), "ready");
            node.user(&["archipelago", "uninstall", "shop", "--purge"]);
        }
        until_equal(
            "the daemon to remove everything of the app",
            ONE_TICK,
            &Some(before.clone()),
            || node.traces_meanwhile("shop"),
        );
    }
    assert!(
        cut[0] > 0 && cut[1] > 0,
        "no command was cut short: {cut:?}"
    );
    let leftovers = node.shell(&format!(
        "find {CONFIG} ~/.config/containers/systemd -name '.archipelago-new-*'"
    ));
    assert_eq!(leftovers, "", "temporary files of a killed command");
}
