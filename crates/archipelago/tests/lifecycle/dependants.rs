//! An app that requires another: it waits for it, follows its restarts, and is never started in
//! vain again and again.

use testhost::Reboot;

use crate::apps::{self, App};
use crate::node::{Node, ONE_TICK, SOON, until, until_equal};

/// Is of use once a person has made a file, as a node is once it has read its blocks.
const BASE: &str = r#"services:
  base:
    image: docker.io/library/busybox:stable
    command: ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 80 -h /data & wait"]
    volumes: [data:/data]
    healthcheck: {test: [CMD, test, -e, "/data/it is read"], start_interval: 1s, interval: 24h}
volumes:
  data:
x-archipelago:
  settings:
    small: {type: boolean, default: false, description: Whether it keeps less than others need.}
  exports:
    services: {base: [80]}
    settings: [small]
"#;

/// Ends when it cannot reach the address that it got to know at first.
const TOP: &str = r#"services:
  top:
    image: docker.io/library/busybox:stable
    command: ["sh", "-c", "trap 'exit 0' TERM; address=$$(nslookup archy-base | awk '/^Address/ {a = $$2} END {print a}'); while nc -w 1 $$address 80 </dev/null; do sleep 1; done; exit 1"]
  ui:
    image: docker.io/library/nginx:stable
x-archipelago:
  companions: [ui]
  requires: {apps: [base]}
  templates:
    - {source: top.conf, service: top, target: /etc/top.conf}
"#;

const TOP_CONF: &str =
    "{% if apps.base.settings.small %}{{ fail('base keeps too little') }}{% endif %}\n";

fn base() -> App {
    apps::app("base", BASE)
}

fn top() -> App {
    apps::app("top", TOP).with("top.conf", TOP_CONF)
}

/// The state of both, and what is said of the one that waits.
fn states(node: &Node) -> (String, String, String) {
    let top = node.status("top");
    (
        node.state("base"),
        crate::node::text(&top["state"]),
        crate::node::text(&top["message"]),
    )
}

fn both_ready() -> (String, String, String) {
    ("ready".to_owned(), "ready".to_owned(), String::new())
}

fn top_waits(base: &str) -> (String, String, String) {
    (
        base.to_owned(),
        "waiting".to_owned(),
        format!("because base is {base}"),
    )
}

/// A service's property, of times those since the boot in microseconds.
fn property(node: &Node, service: &str, name: &str) -> u64 {
    let shown = node.user(&["systemctl", "--user", "show", "-P", name, service]);
    shown.trim().parse().expect("a number")
}

/// How often systemd started it again because it had ended by itself.
fn restarts(node: &Node) -> u64 {
    property(node, "archy-top.service", "NRestarts")
}

#[test]
fn an_app_waits_for_the_one_it_requires_and_follows_it() {
    let node = Node::new();
    let folder = node.put(&base());
    node.user(&["systemd-run", "--user", "archipelago", "install", &folder]);
    until_equal(
        "the first app to run",
        SOON,
        &"activating".to_owned(),
        || {
            let status = node.try_shell("systemctl --user is-active archy-base.service");
            status.stdout.trim().to_owned()
        },
    );

    // The command does not wait for what may take days, and says so.
    let folder = node.put(&top());
    let said = node.user(&["archipelago", "install", &folder]);
    assert!(said.contains("because base is starting"), "{said}");
    assert_eq!(states(&node), top_waits("starting"));
    let running: Vec<String> = node.containers().into_keys().collect();
    assert_eq!(running, ["archy-base", "archy-top-ui"]);

    node.shell("podman exec archy-base touch '/data/it is read'");
    until_equal("both to be ready", SOON, &both_ready(), || states(&node));

    let before = node.containers();
    node.shell("podman kill --signal KILL archy-base");
    until_equal(
        "both to be back with another container",
        SOON,
        &true,
        || {
            let after = node.try_containers().unwrap_or_default();
            states(&node) == both_ready()
                && ["archy-base", "archy-top"]
                    .iter()
                    .all(|name| after.contains_key(*name) && after[*name].id != before[*name].id)
        },
    );
    assert!(
        restarts(&node) <= 2,
        "it must not be started in vain again and again"
    );

    node.user(&["archipelago", "stop", "base"]);
    until_equal("the second to wait", SOON, &top_waits("stopped"), || {
        states(&node)
    });
    let running: Vec<String> = node.containers().into_keys().collect();
    assert_eq!(running, ["archy-top-ui"]);
    let ended = property(
        &node,
        "archy-top.service",
        "InactiveEnterTimestampMonotonic",
    );
    let told = property(&node, "archy-base.service", "ActiveExitTimestampMonotonic");
    assert!(ended <= told, "it stops while it can still be heard");
    node.user(&["archipelago", "start", "base"]);
    until_equal("both to be ready", ONE_TICK, &both_ready(), || {
        states(&node)
    });
}

/// Does not hear that it is to stop, and has long until it is killed for that.
const DEAF: &str = r#"services:
  deaf:
    image: docker.io/library/busybox:stable
    command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]
    stop_grace_period: 5m
x-archipelago:
  requires: {apps: [base]}
"#;

#[test]
fn an_app_that_crashed_does_not_wait_for_one_above_that_takes_its_time_to_stop() {
    let node = Node::new();
    let folder = node.put(&base());
    node.shell("mkdir -p /var/lib/archipelago/volumes/base/data; touch '/var/lib/archipelago/volumes/base/data/it is read'");
    node.user(&["archipelago", "install", &folder]);
    node.install(&apps::app("deaf", DEAF));
    let state = |service: &str| {
        let shown = node.user(&["systemctl", "--user", "show", "-P", "ActiveState", service]);
        shown.trim().to_owned()
    };
    let crash = || drop(node.shell("podman kill --signal KILL archy-base"));
    crash();
    until_equal(
        "the one above to be told to stop",
        SOON,
        &"deactivating".to_owned(),
        || state("archy-deaf.service"),
    );
    assert_eq!(state("archy-base.service"), "active");

    let started = property(&node, "archy-base.service", "ActiveEnterTimestampMonotonic");
    crash();
    until_equal("the one below to be back", SOON, &true, || {
        property(&node, "archy-base.service", "ActiveEnterTimestampMonotonic") > started
    });
    assert_eq!(state("archy-deaf.service"), "deactivating");
}

#[test]
fn at_boot_systemd_alone_starts_them_in_their_order() {
    let node = Node::new();
    let folder = node.put(&base());
    node.shell("mkdir -p /var/lib/archipelago/volumes/base/data; touch '/var/lib/archipelago/volumes/base/data/it is read'");
    node.user(&["archipelago", "install", &folder]);
    node.install(&top());
    node.user(&["systemctl", "--user", "disable", "--now", "archipelago"]);
    node.0.reboot(Reboot::Hard).expect("a reboot");
    until_equal("both to be ready", SOON, &both_ready(), || states(&node));
    let base = property(&node, "archy-base.service", "ActiveEnterTimestampMonotonic");
    let top = property(&node, "archy-top.service", "InactiveExitTimestampMonotonic");
    assert!(base <= top, "{base} {top}");
    assert_eq!(restarts(&node), 0);

    node.user(&["systemctl", "--user", "stop", "archy-base"]);
    until_equal("the second to wait", SOON, &"waiting".to_owned(), || {
        node.state("top")
    });
    node.user(&["systemctl", "--user", "start", "archy-base"]);
    until_equal("both to be ready", SOON, &both_ready(), || states(&node));
}

#[test]
fn a_change_that_an_app_above_could_not_go_on_with_is_refused() {
    let node = Node::new();
    let folder = node.put(&base());
    node.shell("mkdir -p /var/lib/archipelago/volumes/base/data; touch '/var/lib/archipelago/volumes/base/data/it is read'");
    node.user(&["archipelago", "install", &folder]);
    node.install(&top());
    let before = node.containers();
    let said = node.refused(3, &["install", &folder, "--set", "small=true"]);
    assert!(
        said.contains("top") && said.contains("base keeps too little"),
        "{said}"
    );
    assert_eq!((states(&node), node.containers()), (both_ready(), before));
    node.user(&["archipelago", "uninstall", "top"]);
    node.user(&["archipelago", "install", &folder, "--set", "small=true"]);
}

/// Starts for as long as what it looks for is not there.
const SLOW: &str = r#"services:
  slow:
    image: docker.io/library/busybox:stable
    command: ["sh", "-c", "touch /tmp/right; exec sleep 1000000"]
    init: true
    healthcheck: {test: [CMD, test, -e, "/tmp/${looks_for}"], start_interval: 1s, start_period: 12h, interval: 24h}
x-archipelago:
  settings:
    looks_for: {type: text, default: right, description: The file by which it is well.}
"#;

#[test]
fn a_setting_that_keeps_an_app_from_starting_can_be_put_right() {
    let node = Node::new();
    let folder = node.put(&apps::app("slow", SLOW));
    // A person ends each command once the container runs that cannot become ready.
    let and_end_it = |command: &str, once: &str| {
        node.shell(&format!(
            "{command} & command=$!
            until {once}; do sleep 0.2; done
            kill $command && wait $command || true"
        ));
    };
    and_end_it(
        &format!("archipelago install --set looks_for=wrong {folder}"),
        "podman container exists archy-slow",
    );
    let id = |node: &Node| {
        let now = node.try_containers()?;
        now.get("archy-slow").map(|run| run.id.clone())
    };
    let first = until("it to run", SOON, || id(&node));
    let active = [
        "systemctl",
        "--user",
        "show",
        "-P",
        "ActiveState",
        "archy-slow",
    ];
    assert_eq!(node.user(&active).trim(), "activating");

    and_end_it(
        "archipelago restart slow",
        &format!("podman container exists archy-slow && ! podman container exists {first}"),
    );
    node.user(&[
        "archipelago",
        "install",
        &folder,
        "--set",
        "looks_for=right",
    ]);
    assert_eq!(node.state("slow"), "ready");
}
