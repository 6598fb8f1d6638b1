//! The journal and a command's JSON name each action that was taken for an app, and its reason.

use serde_json::Value;

use crate::apps;
use crate::node::{CONFIG, Node, ONE_TICK, SOON, UNITS, until};
use crate::records::{install_and_kill, records};

/// The newest entry of the journal about this action for an app.
fn entry(node: &Node, app: &str, action: &str) -> Option<Value> {
    let lines = node.shell(&format!(
        "journalctl --user --no-pager -o json ARCHIPELAGO_APP={app} ARCHIPELAGO_ACTION={action}"
    ));
    serde_json::from_str(lines.lines().last()?).ok()
}

#[test]
fn the_journal_names_each_action_and_its_reason() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    node.install(&apps::shop());
    // Only an edit leads to this reason; actions of the installation have other reasons.
    node.shell(&format!("echo '# edited' >>{UNITS}/archy-lone.container"));
    let logged = |action: &str| {
        until("the daemon to repair the unit", SOON, || {
            entry(&node, "lone", action)
                .filter(|entry| entry["ARCHIPELAGO_REASON"] == "changed_by_others")
        })
    };
    assert_eq!(
        logged("write_unit")["MESSAGE"],
        "write the unit archy-lone.container: something else has changed archy-lone.container"
    );
    assert_eq!(
        logged("restart")["MESSAGE"],
        "restart archy-lone.service: something else has changed archy-lone.container"
    );
    // Actions of the host name no app.
    assert_eq!(entry(&node, "lone", "reload"), None);
    let reload = node.shell("journalctl --user --no-pager -o json ARCHIPELAGO_ACTION=reload");
    let reload = reload.lines().last().unwrap_or_default();
    let reload: Value = serde_json::from_str(reload).expect("JSON");
    assert_eq!(reload["ARCHIPELAGO_REASON"], "units_change");
    assert_eq!(entry(&node, "shop", "restart"), None);
}

#[test]
fn a_command_names_the_reason_of_each_of_its_actions() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    // The daemon may be the first to do an action. Then the command has not done it.
    node.user(&["systemctl", "--user", "stop", "archipelago"]);
    let restarted = node.json(&["restart", "lone"]);
    assert_eq!(restarted["id"], "lone");
    let mut actions = restarted["actions"].as_array().expect("actions").iter();
    let restart = actions
        .find(|action| action["action"] == "restart")
        .unwrap_or_else(|| panic!("{restarted}"));
    assert_eq!(restart["app"], "lone");
    assert_eq!(restart["target"], "archy-lone.service");
    assert_eq!(restart["reason"]["kind"], "restart_asked");
    assert_eq!(restart["reason"]["message"], "a restart was asked for");
    assert_eq!(restart["done"], true);
    assert!(restart["operation"].is_string(), "{restart}");
}

#[test]
fn the_journal_names_the_operation_that_the_daemon_finishes() {
    let node = Node::new();
    node.put(&apps::lone("lone", 8481));
    // The command is killed before it starts anything, and only then is there a daemon.
    node.user(&["systemctl", "--user", "stop", "archipelago"]);
    install_and_kill(&node, "lone", &format!("{CONFIG}/apps/lone.toml"));
    let record = records(&node);
    let operation = record.trim().strip_suffix(".json").expect("a record");
    assert_eq!(entry(&node, "lone", "start"), None);
    node.user(&["systemctl", "--user", "start", "archipelago"]);
    let started = until("the daemon to start the app", ONE_TICK, || {
        entry(&node, "lone", "start")
    });
    assert_eq!(started["ARCHIPELAGO_OPERATION"], operation);
}
