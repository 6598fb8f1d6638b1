//! The way of a machine to Archipelago and back: the package, `setup`, `doctor`, and removal; each
//! case on a fresh host of its own.

#[allow(dead_code, reason = "other test programs want more kinds of apps")]
#[path = "../support/apps.rs"]
mod apps;
#[path = "../support/mod.rs"]
mod support;

mod doctor;
mod package;
mod twice;
mod upgrade;

use serde_json::Value;
use testhost::{Account, Host, Output};

/// Runs a script as the user; each of its commands must succeed. Returns what it printed.
fn user(host: &Host, script: &str) -> String {
    shell(host, Account::User, script)
        .checked()
        .expect("the script succeeds")
}

/// As [`user`], as root.
fn root(host: &Host, script: &str) -> String {
    shell(host, Account::Root, script)
        .checked()
        .expect("the script succeeds")
}

fn shell(host: &Host, account: Account, script: &str) -> Output {
    host.run(account, &["bash", "-euo", "pipefail", "-c", script], b"")
        .expect("a run in the host")
}

fn archipelago(host: &Host, arguments: &[&str]) -> Output {
    host.run_user(&[&["archipelago"], arguments].concat())
        .expect("a run in the host")
}

/// What a command shows as JSON, and its exit code.
fn json(host: &Host, arguments: &[&str]) -> (i32, Value) {
    let output = archipelago(host, &[&["--output", "json"], arguments].concat());
    let value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status, value)
}

/// An app of one container, ready within a second. Its folder on the host.
fn put_tick(host: &Host) -> &'static str {
    let compose = "services:\n  tick:\n    image: docker.io/library/busybox:stable\n    \
        command: [sh, -c, \"trap 'exit 0' TERM; while :; do sleep 1; done\"]\n\
        x-archipelago:\n  id: tick\n  title: Tick\n  version: \"1\"\n";
    host.write_file(
        Account::User,
        "/home/archy/tick/compose.yaml",
        compose.as_bytes(),
    )
    .expect("the app's folder");
    "/home/archy/tick"
}
