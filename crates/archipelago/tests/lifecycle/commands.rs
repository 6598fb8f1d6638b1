//! The shapes of the commands' JSON, with and without a daemon.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::apps;
use crate::node::{Node, Run, SOON, text, until_equal};

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story on one host")]
fn every_command_prints_json_and_needs_no_daemon() {
    let node = Node::new();
    let shop = apps::shop();
    let installed = node.json(&["install", &node.put(&shop), "--set", "greeting=ahoy"]);
    assert_eq!(
        (text(&installed["id"]), text(&installed["state"])),
        ("shop".into(), "ready".into())
    );
    assert_eq!(node.shell("curl -fsS http://127.0.0.1:8480/"), "ahoy\n");

    for daemon in ["runs", "stopped"] {
        let health = node.try_shell("curl -fsS http://127.0.0.1:5678/health");
        if daemon == "runs" {
            let health: Value = serde_json::from_str(&health.stdout).expect("JSON");
            assert_eq!(
                keys(&health),
                ["apps", "last_pass", "podman", "problems", "version"]
            );
            assert_eq!(health["apps"], json!({"ready": 1}));
            assert!(
                health["last_pass"]["finished_unix_s"].is_u64()
                    && health["last_pass"]["error"].is_null(),
                "{health}"
            );
            assert_eq!(health["version"], node.json(&["version"])["version"]);
        } else {
            assert!(!health.success(), "{health:?}");
        }

        let status = node.json(&["status"]);
        let expected: &[&str] = match daemon {
            "runs" => &["apps", "last_pass"],
            _ => &["apps"],
        };
        assert_eq!(keys(&status), expected);
        let app = &status["apps"][0];
        assert_eq!(keys(app), ["id", "message", "state", "units", "urls"]);
        assert_eq!(
            app["urls"],
            json!([{"title": "Shop", "url": "http://127.0.0.1:8480/"}])
        );
        let units = app["units"].as_array().expect("units");
        let names: Vec<String> = units.iter().map(|unit| text(&unit["name"])).collect();
        assert_eq!(
            names,
            [
                "archy-shop-db.service",
                "archy-shop-ui.service",
                "archy-shop.service"
            ]
        );
        assert!(
            units.iter().all(|unit| unit["state"] == "active"),
            "{units:?}"
        );
        assert_eq!(
            units
                .iter()
                .map(|unit| unit["companion"].as_bool())
                .collect::<Vec<_>>(),
            [Some(false), Some(true), Some(false)]
        );
        assert_eq!(node.json(&["status", "shop"]), status);

        let listed = node.json(&["list"]);
        assert_eq!(
            listed["apps"],
            json!([{"id": "shop", "title": "Shop", "version": "1", "wanted": "running", "problem": null}])
        );

        let before = node.containers();
        assert_eq!(text(&node.json(&["stop", "shop"])["state"]), "stopped");
        assert_eq!(
            (node.containers().len(), node.state("shop")),
            (0, "stopped".into())
        );
        let said = node.exits(3, &["restart", "shop"]);
        assert!(said.contains("archipelago start shop"), "{said}");
        assert_eq!(text(&node.json(&["start", "shop"])["state"]), "ready");
        let started = node.containers();
        assert!(
            started.keys().eq(before.keys())
                && started.iter().all(|(name, run)| *run != before[name])
        );
        assert_eq!(text(&node.json(&["restart", "shop"])["state"]), "ready");
        let restarted = node.containers();
        assert!(
            restarted.keys().eq(before.keys())
                && restarted.iter().all(|(name, run)| *run != started[name]),
            "{restarted:?}"
        );

        // A changed setting restarts the containers that read it, and no other.
        let greeting = format!("greeting=the daemon {daemon}");
        node.user(&[
            "archipelago",
            "install",
            "/home/archy/apps/shop",
            "--set",
            &greeting,
        ]);
        assert_eq!(
            node.shell("curl -fsS http://127.0.0.1:8480/"),
            format!("the daemon {daemon}\n")
        );
        let changed = node.containers();
        assert_eq!(changed["archy-shop-db"], restarted["archy-shop-db"]);
        assert_ne!(changed["archy-shop-ui"], restarted["archy-shop-ui"]);

        let logs = node.archipelago(&["logs", "shop", "-n", "1000"]);
        assert!(
            logs.success() && logs.stdout.contains("Started archy-shop.service"),
            "{logs:?}"
        );
        let line = node.archipelago(&["--output", "json", "logs", "shop", "-n", "1"]);
        let _line: Value = serde_json::from_str(&line.stdout).expect("a JSON object per line");

        // The daemon must stop at once. systemd's timestamps are compared, because starting
        // `systemctl` may take longer.
        node.user(&["systemctl", "--user", "stop", "archipelago"]);
        let shown = |property: &str| {
            let show = ["systemctl", "--user", "show", "-P", property, "archipelago"];
            node.user(&show).trim().to_owned()
        };
        let [asked_us, ended_us] = [
            "ActiveExitTimestampMonotonic",
            "InactiveEnterTimestampMonotonic",
        ]
        .map(|property| shown(property).parse::<u64>().expect("a time"));
        assert_eq!(shown("Result"), "success");
        assert!(
            ended_us - asked_us < 5_000_000,
            "{} µs",
            ended_us - asked_us
        );
    }
}

#[test]
fn the_catalog_lists_the_apps_and_their_settings() {
    let node = Node::new();
    let catalog = node.json(&["catalog"]);
    let ids: Vec<String> = catalog["apps"]
        .as_array()
        .expect("apps")
        .iter()
        .map(|app| text(&app["id"]))
        .collect();
    assert_eq!(ids, ["bitcoin", "electrs", "litecoin", "lnd"]);
    let litecoin = node.json(&["catalog", "litecoin"]);
    assert_eq!(
        keys(&litecoin),
        [
            "category",
            "description",
            "id",
            "requires",
            "settings",
            "title",
            "version"
        ]
    );
    assert_eq!(
        node.json(&["catalog", "lnd"])["requires"],
        json!(["bitcoin"])
    );
    let network = litecoin["settings"]
        .as_array()
        .expect("settings")
        .iter()
        .find(|setting| setting["name"] == "network");
    assert_eq!(network.expect("a setting")["default"], "main");
    for command in [
        &["catalog"][..],
        &["catalog", "litecoin"],
        &["status"],
        &["list"],
        &["version"],
    ] {
        let shown = node.archipelago(command);
        assert!(
            shown.success() && !shown.stdout.is_empty() && shown.stderr.is_empty(),
            "{shown:?}"
        );
    }
    assert_eq!(node.json(&["status"])["apps"], json!([]));
    assert_eq!(node.json(&["list"]), json!({"apps": []}));
}

#[test]
fn a_masked_unit_is_left_alone_and_reported() {
    let node = Node::new();
    node.install(&apps::shop());
    let before = running(&node);
    assert_eq!(before.len(), 3);
    node.shell("systemctl --user mask archy-shop-ui; systemctl --user stop archy-shop-ui");
    let mut others = before;
    others.remove("archy-shop-ui");
    until_equal(
        "the page to be reported",
        SOON,
        &("degraded".to_owned(), others.clone()),
        || (node.state("shop"), running(&node)),
    );
    assert!(
        text(&node.status("shop")["message"]).contains("systemctl --user unmask archy-shop-ui")
    );
    // The passes of a command leave the masked unit alone too.
    node.user(&["archipelago", "install", "/home/archy/apps/shop"]);
    assert_eq!(running(&node), others);
    node.shell("systemctl --user unmask archy-shop-ui");
    node.user(&["archipelago", "start", "shop"]);
    assert_eq!(
        (node.state("shop"), running(&node).len()),
        ("ready".into(), 3)
    );
}

/// The running containers. For a masked unit systemd has no ExecStop=, and may kill Podman while it
/// removes an ended container.
fn running(node: &Node) -> BTreeMap<String, Run> {
    let mut containers = node.containers();
    containers.retain(|_, run| run.state == "running");
    containers
}
