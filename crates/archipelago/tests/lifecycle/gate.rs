//! The lifecycle gate (`tests/lifecycle`), which an operator runs on a real node. Here it runs on a
//! test host: it passes, it leaves nothing behind even when it fails, and it does nothing without
//! permission.

use std::path::Path;

use testhost::Output;

use crate::apps;
use crate::node::{CONFIG, DATA, Node, UNITS};

fn host_with_the_gate() -> Node {
    let node = Node::new();
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    let gate = Path::new(&package).join("../../tests/lifecycle");
    node.0
        .copy_in(&gate, "/home/archy/gate")
        .expect("a copy of the gate");
    node
}

/// Runs the gate's tests whose names match.
fn run(node: &Node, environment: &[&str], tests: &str) -> Output {
    let bats = [
        "bats",
        "--formatter",
        "tap",
        "--filter",
        tests,
        "/home/archy/gate",
    ];
    let command = [&["env"], environment, &bats].concat();
    node.0.run_user(&command).expect("a run in the host")
}

fn everything(node: &Node) -> String {
    node.shell(&format!(
        "find {CONFIG} {UNITS} {DATA} ! -path {DATA}/secrets ! -path {DATA}/volumes ! -path {CONFIG}/operations ! -name node.toml ! -name node-id -printf '%p %i\\n' | sort
        podman ps -a --format '{{{{.Names}}}} {{{{.ID}}}}'; podman network ls -q; podman volume ls -q; podman image ls -q
        systemctl --user list-units --all --plain --no-legend 'archy-*'; systemctl --user is-active archipelago"
    ))
}

#[test]
fn the_gate_passes_and_leaves_nothing_behind() {
    let node = host_with_the_gate();
    node.install(&apps::lone("lone", 8481));
    let before = everything(&node);
    let ran = run(&node, &["ARCHY_ALLOW_DESTRUCTIVE=1"], "");
    println!("{}", ran.stdout);
    assert!(ran.success(), "{ran:?}");
    assert!(
        ran.stdout.matches("\nok ").count() >= 10 && !ran.stdout.contains("# skip"),
        "{ran:?}"
    );
    assert_eq!(everything(&node), before);
}

#[test]
fn a_gate_that_fails_leaves_nothing_behind() {
    let node = host_with_the_gate();
    let before = everything(&node);
    // Without curl its app does not seem to answer, and the tests that would remove the app are not
    // run.
    node.root(&["bash", "-c", "mount --bind /bin/false /usr/bin/curl"]);
    let ran = run(&node, &["ARCHY_ALLOW_DESTRUCTIVE=1"], "^install");
    assert!(
        !ran.success() && ran.stdout.contains("\nnot ok 1 "),
        "{ran:?}"
    );
    assert_eq!(everything(&node), before);
}

#[test]
fn the_gate_does_nothing_without_permission() {
    let node = host_with_the_gate();
    let before = everything(&node);
    for environment in [
        &[][..],
        &["ARCHY_ALLOW_DESTRUCTIVE=0"],
        &["ARCHY_ALLOW_DESTRUCTIVE=yes"],
    ] {
        let ran = run(&node, environment, "");
        assert!(ran.success(), "{ran:?}");
        let tests = ran.stdout.matches("\nok ").count();
        assert!(
            tests >= 10 && tests == ran.stdout.matches("# skip").count(),
            "{ran:?}"
        );
    }
    assert_eq!(everything(&node), before);
}
