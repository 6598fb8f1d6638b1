//! Operations whose command is killed, or whose host goes down, are finished and leave no record.

use testhost::Reboot;

use crate::apps;
use crate::node::{CONFIG, Node, ONE_TICK, SOON, text, until};

/// Starts to install an app, and kills the command as soon as this file pattern matches.
pub(crate) fn install_and_kill(node: &Node, app: &str, pattern: &str) {
    node.shell(&format!(
        "archipelago install /home/archy/apps/{app} >/dev/null 2>&1 & pid=$!
        until compgen -G '{pattern}' >/dev/null; do kill -0 $pid; done
        kill -KILL $pid
        wait $pid || true"
    ));
}

pub(crate) fn records(node: &Node) -> String {
    node.try_shell(&format!("ls -A {CONFIG}/operations")).stdout
}

/// The lines of the daemon's journal about the ends of operations.
fn endings(node: &Node) -> String {
    let journal = "journalctl --user --unit archipelago --output cat";
    node.try_shell(&format!(
        "{journal} | grep -F 'was interrupted and is finished now' || true"
    ))
    .stdout
}

fn until_ended(node: &Node, expected: &str) {
    until(expected, ONE_TICK + SOON, || {
        (endings(node).contains(expected) && records(node).is_empty()).then_some(())
    });
}

#[test]
fn an_install_that_was_killed_is_finished() {
    let node = Node::new();
    let lone = apps::lone("lone", 8480);
    node.put(&lone);
    // Copying so many files takes some time, and the intent is changed only afterwards.
    node.shell("for i in $(seq 1500); do echo $i >/home/archy/apps/lone/file-$i; done");
    install_and_kill(&node, "lone", &format!("{CONFIG}/operations/*.json"));
    let intent = node.try_shell(&format!("test -e {CONFIG}/apps/lone.toml"));
    assert!(!intent.success(), "the command was killed too late");
    until_ended(
        &node,
        "(install lone) was interrupted and is finished now: it had not begun, and nothing was changed",
    );
    assert_eq!(
        node.json(&["list"])["apps"].as_array().map(Vec::len),
        Some(0)
    );

    node.shell("rm /home/archy/apps/lone/file-*");
    install_and_kill(&node, "lone", &format!("{CONFIG}/apps/lone.toml"));
    until_ended(
        &node,
        "(install lone) was interrupted and is finished now: lone is ready",
    );
    assert_eq!(node.state("lone"), "ready");
}

#[test]
fn an_install_continues_after_a_reboot_and_status_shows_it() {
    let node = Node::new();
    node.put(&apps::lone("lone", 8480));
    // The daemon is stopped, so that nothing continues the operation before the reboot.
    node.user(&["systemctl", "--user", "stop", "archipelago"]);
    install_and_kill(&node, "lone", &format!("{CONFIG}/apps/lone.toml"));
    let status = node.json(&["status"]);
    let open = &status["operations"][0];
    let said = ["app", "kind", "state"].map(|key| text(&open[key]));
    assert_eq!(said, ["lone", "install", "interrupted"], "{status}");
    assert!(open["asked_unix_s"].is_u64(), "{status}");
    let shown = node.user(&["archipelago", "status"]);
    assert!(
        shown.contains("lone: install was interrupted, asked for "),
        "{shown}"
    );
    let mode = node.user(&["bash", "-c", &format!("stat -c %a {CONFIG}/operations/*")]);
    assert_eq!(mode.trim(), "600");

    node.0.reboot(Reboot::Hard).expect("a reboot");
    until_ended(
        &node,
        "(install lone) was interrupted and is finished now: lone is ready",
    );
    let status = node.json(&["status"]);
    assert!(status["operations"].is_null(), "{status}");
    assert_eq!(node.state("lone"), "ready");
}

#[test]
fn a_command_finishes_the_operation_of_another_where_no_daemon_runs() {
    let node = Node::new();
    node.put(&apps::lone("lone", 8480));
    node.user(&["systemctl", "--user", "stop", "archipelago"]);
    install_and_kill(&node, "lone", &format!("{CONFIG}/apps/lone.toml"));
    assert!(!records(&node).is_empty());
    assert_eq!(text(&node.json(&["start", "lone"])["state"]), "ready");
    assert_eq!(records(&node), "");
}

#[test]
fn a_record_that_cannot_be_read_is_set_aside_and_blocks_nothing() {
    let node = Node::new();
    let record = format!("{CONFIG}/operations/000000000005-00000006.json");
    node.shell(&format!("mkdir -p {CONFIG}/operations"));
    // Put there whole: the daemon must not see it half written.
    node.write("/home/archy/record", "{\n  \"id\": \"hunter2\"\n}\n");
    node.shell(&format!("mv ~/record {record}"));
    let journal = "journalctl --user --unit archipelago --output cat";
    let line = until("a warning", ONE_TICK, || {
        let said = node.try_shell(&format!("{journal} | grep -F '{record}'"));
        said.success().then_some(said.stdout)
    });
    assert!(line.contains(&format!("{record}:3:1: ")), "{line}");
    assert!(!line.contains("hunter2"), "{line}");
    assert_eq!(
        records(&node).trim(),
        "000000000005-00000006.json.unreadable"
    );
    node.install(&apps::lone("lone", 8480));
}

#[test]
fn a_setting_of_a_stopped_app_is_changed_at_once() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8480));
    node.user(&["archipelago", "stop", "lone"]);
    let set = node.json(&["set", "lone", "port=8490"]);
    assert_eq!(text(&set["state"]), "stopped");
    node.user(&["archipelago", "start", "lone"]);
    node.shell("curl -sS -o /dev/null http://127.0.0.1:8490/");
    assert_eq!(records(&node), "");
}
