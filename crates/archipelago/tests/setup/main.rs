//! Installing and removing Archipelago: the package, `setup`, `doctor`, an upgrade, the removal.
//! Each test has a fresh host of its own.

#[allow(dead_code, reason = "other test programs use more kinds of apps")]
#[path = "../support/apps.rs"]
mod apps;
#[path = "../support/mod.rs"]
mod support;

mod doctor;
mod package;
mod twice;
mod upgrade;
mod upgrade_of_package;

use serde_json::Value;
use testhost::{Account, Host, Output};

/// Runs a script as the user; each of its commands must succeed. Returns its output.
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

/// A command's exit code and JSON.
fn json(host: &Host, arguments: &[&str]) -> (i32, Value) {
    let output = archipelago(host, &[&["--output", "json"], arguments].concat());
    let value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status, value)
}

/// Writes an app of one container, which is ready within a second. Returns its folder on the host.
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
