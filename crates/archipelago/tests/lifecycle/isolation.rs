//! An app reaches its own services and those that other apps export to it, and no other app.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::apps::{self, App};
use crate::node::{Node, ONE_TICK, SOON, text, until_equal};

/// Answers on port 80 with its host name.
macro_rules! service {
    () => {
        r#"
    image: docker.io/library/busybox:stable
    command: ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 80 -h /etc & wait"]"#
    };
}

const BASE: &str = concat!(
    "services:\n  base:",
    service!(),
    "\n    ports: ['8491:80']\n  db:",
    service!(),
    "
x-archipelago:
  settings: {kept: {type: string, default: own, description: Not for others.}}
  exports: {services: {base: [80]}}
"
);

const TOP: &str = concat!(
    "services:\n  top:",
    service!(),
    "\n  db:",
    service!(),
    "
x-archipelago:
  requires: {apps: [base]}
"
);

const CONTAINERS: [&str; 5] = [
    "archy-base",
    "archy-base-db",
    "archy-other",
    "archy-top",
    "archy-top-db",
];

fn base() -> App {
    apps::app("base", BASE)
}

/// An app that requires no other.
fn other() -> App {
    apps::lone("other", 8492)
}

/// The addresses of each container by network.
fn addresses(node: &Node) -> BTreeMap<String, BTreeMap<String, String>> {
    let shown = node.shell("podman ps -q | xargs -r podman container inspect");
    let containers: Value = serde_json::from_str(&shown).expect("JSON");
    let containers = containers.as_array().expect("a list").iter();
    let of_container = |container: &Value| {
        let networks = container["NetworkSettings"]["Networks"].as_object();
        let networks = networks.expect("networks").iter();
        let addresses = networks.map(|(name, network)| (name.clone(), text(&network["IPAddress"])));
        (text(&container["Name"]), addresses.collect())
    };
    containers.map(of_container).collect()
}

/// The page that a container gets from an address or a name; `None` when nobody answers.
fn page(node: &Node, from: &str, at: &str) -> Option<String> {
    let ask = format!("podman exec {from} wget -q -T 3 -O - http://{at}/hostname");
    let answer = node.try_shell(&ask);
    answer.success().then_some(answer.stdout)
}

/// The other containers that a container reaches at any of their addresses.
fn reached(node: &Node, from: &str) -> Vec<String> {
    let known = addresses(node);
    let others = known.iter().filter(|(name, _)| *name != from);
    let others: Vec<(&String, &String)> = others
        .flat_map(|(name, addresses)| addresses.values().map(move |address| (name, address)))
        .collect();
    // All at once, because a request that nobody answers takes 3 s.
    let asks: String = others
        .iter()
        .map(|(_, at)| format!("(wget -q -T 3 -O /dev/null http://{at}/hostname && echo {at}) & "))
        .collect();
    let answered = node.shell(&format!("podman exec {from} sh -c '{asks} wait'"));
    let answers = |at: &String| answered.lines().any(|line| line == at);
    let reached = others.into_iter().filter(|(_, at)| answers(at));
    let mut names: Vec<String> = reached.map(|(name, _)| name.clone()).collect();
    names.dedup();
    names
}

/// The addresses to which a name resolves in a container.
fn resolved(node: &Node, from: &str, name: &str) -> Vec<String> {
    // nslookup prints the address of the resolver first, and those of the name after the name.
    let script = format!(
        "podman exec {from} nslookup {name} 2>/dev/null | awk '/^Name:/ {{n = 1}} n && /^Address/ {{print $NF}}' | sort -u"
    );
    let answer = node.try_shell(&script).stdout;
    answer.lines().map(str::to_owned).collect()
}

/// The state and the cure of `doctor`'s check `isolation`.
fn isolation(node: &Node) -> (String, String) {
    let output = node.archipelago(&["--output", "json", "doctor"]);
    let said: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let checks = said["checks"].as_array().expect("a list");
    let found = checks.iter().find(|check| check["name"] == "isolation");
    let found = found.expect("a check of isolation");
    let cure = found["cure"].as_str().unwrap_or_default();
    (text(&found["state"]), cure.to_owned())
}

fn passed() -> (String, String) {
    ("ok".to_owned(), String::new())
}

fn warned(cure: &str) -> (String, String) {
    ("warning".to_owned(), cure.to_owned())
}

/// Makes these networks, each given with its app, again without isolation, as version 0.1.0 made
/// them. The daemon is stopped meanwhile. The services that ran are started again.
fn make_open(node: &Node, networks: &[(&str, &str)]) {
    let remake = |(network, app): &(&str, &str)| {
        format!(
            "podman network rm {network}; podman network create --label archipelago.app={app} {network}\n"
        )
    };
    let remade: String = networks.iter().map(remake).collect();
    node.shell(&format!(
        "systemctl --user stop archipelago
        running=$(systemctl --user list-units --plain --no-legend --state=running 'archy-*.service' | awk '{{print $1}}')
        systemctl --user stop $running
        {remade}
        systemctl --user start $running
        systemctl --user start archipelago",
    ));
}

#[test]
fn an_app_reaches_its_own_and_exported_services_and_no_other_app() {
    let node = Node::new();
    node.install(&base());
    node.install(&apps::app("top", TOP));
    node.install(&other());
    let known = addresses(&node);
    assert_eq!(Vec::from_iter(known.keys()), CONTAINERS);

    let on = |container: &str, network: &str| vec![known[container][network].clone()];
    for (from, name, expected) in [
        ("archy-top", "db", on("archy-top-db", "archy-top")),
        ("archy-top", "top", on("archy-top", "archy-top")),
        ("archy-base", "db", on("archy-base-db", "archy-base")),
        ("archy-top", "base", vec![]),
        ("archy-base", "top", vec![]),
        ("archy-top", "archy-base-db", vec![]),
        (
            "archy-top",
            "archy-base",
            on("archy-base", "archy-base-exports"),
        ),
        ("archy-other", "archy-base", vec![]),
        ("archy-other", "base", vec![]),
        ("archy-other", "db", vec![]),
    ] {
        assert_eq!(resolved(&node, from, name), expected, "{name} in {from}");
    }

    let own = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    // An app without requirements reaches no other app.
    assert_eq!(reached(&node, "archy-other"), own(&[]));
    assert_eq!(reached(&node, "archy-base-db"), own(&["archy-base"]));
    assert_eq!(
        reached(&node, "archy-top"),
        own(&["archy-base", "archy-top-db"]),
        "its own service and the exported one"
    );
    // An app also reaches those that use its exports.
    assert_eq!(
        reached(&node, "archy-base"),
        own(&["archy-base-db", "archy-top", "archy-top-db"])
    );
    let exported = page(&node, "archy-top", "archy-base");
    assert_eq!(exported, page(&node, "archy-base", "localhost"));
    assert!(exported.is_some());
    assert_eq!(isolation(&node), passed());
    // The operator reaches the apps at their published ports.
    node.shell("curl -fsS http://127.0.0.1:8491/hostname http://127.0.0.1:8492/hostname");
}

#[test]
fn apps_without_exports_reach_neither_each_other_nor_each_others_names() {
    let node = Node::new();
    let base = BASE.split("x-archipelago").next().unwrap_or_default();
    node.install(&apps::app("base", base));
    node.install(&apps::app("top", TOP));
    node.install(&other());
    for (from, db) in [
        ("archy-top", "archy-top-db"),
        ("archy-base", "archy-base-db"),
    ] {
        let addresses = addresses(&node);
        let expected: Vec<String> = addresses[db].values().cloned().collect();
        assert_eq!(resolved(&node, from, "db"), expected, "{from}");
    }
    let own = |name: &str| vec![name.to_owned()];
    assert_eq!(reached(&node, "archy-other"), Vec::<String>::new());
    assert_eq!(reached(&node, "archy-top"), own("archy-top-db"));
    assert_eq!(reached(&node, "archy-base"), own("archy-base-db"));
}

#[test]
fn a_setting_that_is_not_exported_is_refused_with_its_position() {
    let node = Node::new();
    node.install(&base());
    let reads = |template: &str| {
        let compose = TOP.replace(
            "  requires:",
            "  templates: [{source: top.conf, service: top, target: /top.conf}]\n  requires:",
        );
        apps::app("top", &compose).with("top.conf", template)
    };
    let folder = node.put(&reads("\n{{ apps.base.settings.kept }}\n"));
    let said = node.exits(3, &["install", &folder, "--yes"]);
    for words in [
        "top.conf:2:1: apps.base.settings.kept: base does not export it",
        "x-archipelago.exports.settings",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    assert!(node.traces("archy-top").is_empty());
}

#[test]
fn a_network_without_isolation_is_reported_and_a_restart_replaces_it() {
    let node = Node::new();
    node.install(&base());
    node.install(&other());
    make_open(&node, &[("archy-base", "base"), ("archy-other", "other")]);
    let before = node.containers();
    assert_eq!(
        reached(&node, "archy-other"),
        ["archy-base", "archy-base-db"],
        "without isolation, networks reach each other"
    );
    assert_eq!(
        isolation(&node),
        warned("archipelago restart base; then the same with other, if they are still named here")
    );
    // The daemon stops no container to replace a network.
    node.user(&["systemctl", "--user", "restart", "archipelago"]);
    until_equal("both to be ready", ONE_TICK, &true, || {
        ["base", "other"]
            .iter()
            .all(|app| node.state(app) == "ready")
    });
    assert_eq!(node.containers(), before);

    node.user(&["archipelago", "restart", "base"]);
    assert_eq!(node.state("base"), "ready");
    assert_eq!(reached(&node, "archy-other"), [""; 0]);
    assert_eq!(reached(&node, "archy-base"), ["archy-base-db"]);
    assert_eq!(isolation(&node), warned("archipelago restart other"));
    let after = node.containers();
    assert_eq!(after["archy-other"], before["archy-other"]);
    for name in ["archy-base", "archy-base-db"] {
        assert_ne!(after[name].id, before[name].id, "{name}");
    }
    node.shell("curl -fsS http://127.0.0.1:8491/hostname");

    // A stop and a start replace the network as well.
    node.user(&["archipelago", "stop", "other"]);
    node.user(&["archipelago", "start", "other"]);
    assert_eq!(isolation(&node), passed());
    node.shell("curl -fsS http://127.0.0.1:8492/hostname");
}

/// In version 0.1.0 all containers of an app were on the networks of the apps that it requires.
#[test]
fn a_restart_that_replaces_a_network_also_restarts_the_apps_on_it() {
    let node = Node::new();
    node.install(&base());
    node.install(&apps::app("top", TOP));
    let networks = ["archy-base", "archy-base-exports"].map(|network| (network, "base"));
    make_open(&node, &[&networks[..], &[("archy-top", "top")]].concat());
    let known = addresses(&node);
    assert_eq!(
        Vec::from_iter(known["archy-top-db"].keys()),
        ["archy-base-exports", "archy-top"]
    );
    node.user(&["archipelago", "restart", "base"]);
    until_equal("both to be ready", SOON, &true, || {
        ["base", "top"].iter().all(|app| node.state(app) == "ready")
    });
    assert_eq!(isolation(&node), passed());
    assert!(page(&node, "archy-top", "archy-base").is_some());
}
