//! `plan` tells what an operation does, and does nothing.

use serde_json::Value;

use crate::apps;
use crate::node::{CONFIG, Node, text};

/// Lists the new files of the user, and Podman's objects.
const STATE: &str = "find ~/.config ~/.local/share/archipelago -newer /tmp/mark 2>/dev/null | sort || true; podman ps -aq; podman volume ls -q; podman network ls -q; podman secret ls -q";

/// The actions that a plan or a command names: app, action, target, kind of the reason.
fn actions(document: &Value) -> Vec<[String; 4]> {
    let actions = document["actions"].as_array().expect("actions");
    // An action for the host has no app, and not each has a target.
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |action: &Value| {
        [
            word(&action["app"]),
            word(&action["action"]),
            word(&action["target"]),
            word(&action["reason"]["kind"]),
        ]
    };
    actions.iter().map(of).collect()
}

/// Plans an operation, compares what the plan says with what the operation does, and returns the
/// plan. There must be no daemon: it could be the first to do a part.
fn planned_and_done(node: &Node, arguments: &[&str]) -> Value {
    node.shell("touch /tmp/mark");
    let before = node.shell(STATE);
    let plan = node.json(&[&["plan"], arguments].concat());
    assert_eq!(node.shell(STATE), before, "a plan changes nothing");
    assert_eq!(plan["complete"], true, "{plan:#}");
    let done = node.json(arguments);
    let (mut planned, mut done) = (actions(&plan), actions(&done));
    // Images come in the background, and a pass may or may not wait for one.
    planned.sort();
    done.sort();
    assert_eq!(planned, done, "{arguments:?}");
    plan
}

#[test]
fn what_a_plan_says_is_what_is_done() {
    let node = Node::new();
    node.user(&["systemctl", "--user", "stop", "archipelago"]);
    let folder = node.put(&apps::shop());
    let plan = planned_and_done(&node, &["install", &folder, "--set", "greeting=ahoy"]);
    assert_eq!(text(&plan["operation"]), "install");
    let changes = plan["apps"]["shop"].as_array().expect("changes");
    for (sign, object, name) in [
        ("add", "container", "archy-shop"),
        ("add", "network", "archy-shop"),
        ("add", "port", "127.0.0.1:8480/tcp"),
        ("start", "service", "archy-shop-ui.service"),
    ] {
        let is = |change: &&Value| {
            change["sign"] == sign && change["object"] == object && change["name"] == name
        };
        assert_eq!(changes.iter().filter(is).count(), 1, "{name}: {plan:#}");
    }
    let plan = planned_and_done(&node, &["set", "shop", "greeting=hello"]);
    assert!(!plan.to_string().contains("hello"), "{plan:#}");
    planned_and_done(&node, &["restart", "shop"]);
    planned_and_done(&node, &["stop", "shop"]);
    planned_and_done(&node, &["start", "shop"]);
    planned_and_done(&node, &["uninstall", "shop", "--purge"]);
}

#[test]
fn an_edited_intent_is_shown_before_it_is_followed() {
    let node = Node::new();
    node.install(&apps::shop());
    let nothing = node.user(&["archipelago", "plan"]);
    assert_eq!(nothing.trim_end(), "Nothing to do.");
    node.user(&["systemctl", "--user", "stop", "archipelago"]);
    node.shell(&format!(
        "printf '[settings]\\ngreeting = \"edited\"\\n' >>{CONFIG}/apps/shop.toml"
    ));
    let said = node.user(&["archipelago", "plan"]);
    for line in ["shop:\n", "  ~ service   archy-shop-ui.service restarts: "] {
        assert!(said.contains(line), "{line:?}: {said}");
    }
    assert!(!said.contains("edited"), "{said}");
}
