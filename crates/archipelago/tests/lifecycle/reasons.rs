//! The journal and a command's JSON name each action that was taken for an app, and its reason.

use serde_json::Value;

use crate::apps;
use crate::node::{Node, SOON, UNITS, until};

/// The newest entry of the journal about this action for an app.
fn entry(node: &Node, app: &str, action: &str) -> Option<Value> {
    let lines = node.shell(&format!(
        "journalctl --user --no-pager -o json ARCHIPELAGO_APP={app} ARCHIPELAGO_ACTION={action}"
    ));
    serde_json::from_str(lines.lines().last()?).ok()
}

#[test]
fn the_journal_and_the_commands_name_each_action_and_its_reason() {
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

    // An app that is still being restarted would not be restarted again.
    until("the app to be ready again", SOON, || {
        (node.state("lone") == "ready").then_some(())
    });
    let restarted = node.json(&["restart", "lone"]);
    assert_eq!(restarted["id"], "lone");
    let actions = restarted["actions"].as_array().expect("actions");
    let restart = actions.iter().find(|action| action["action"] == "restart");
    // The daemon may restart it before the command does. Then only the journal has the action.
    if let Some(restart) = restart {
        assert_eq!(restart["app"], "lone");
        assert_eq!(restart["target"], "archy-lone.service");
        assert_eq!(restart["reason"]["kind"], "restart_asked");
        assert_eq!(restart["reason"]["message"], "a restart was asked for");
        assert_eq!(restart["done"], true);
        assert!(restart["operation"].is_string(), "{restart}");
    } else {
        let entry = entry(&node, "lone", "restart").expect("an entry");
        assert_eq!(entry["ARCHIPELAGO_REASON"], "restart_asked");
        assert!(entry["ARCHIPELAGO_OPERATION"].is_string(), "{entry}");
    }
}
