//! An app that requires another one waits for it and restarts with it, and is not started in vain
//! again and again.

use testhost::Reboot;

use crate::apps::{self, App};
use crate::node::{Node, ONE_TICK, SOON, until, until_equal};

/// An app that becomes ready once a person has made a file, as a node does once it has read its
/// blocks.
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

/// An app that looks an address up once, and ends when it cannot reach that address.
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

/// The states of both apps, and the message of the app that waits.
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

/// A number among a service's properties; times are in microseconds since the boot.
fn property(node: &Node, service: &str, name: &str) -> u64 {
    let shown = node.user(&["systemctl", "--user", "show", "-P", name, service]);
    shown.trim().parse().expect("a number")
}

/// How often systemd restarted the dependant because it had ended by itself.
fn restarts(node: &Node) -> u64 {
    property(node, "archy-top.service", "NRestarts")
}

#[test]
fn an_app_waits_for_the_app_it_requires_and_restarts_with_it() {
    let node = Node::new();
    let folder = node.put(&base());
    node.user(&["systemd-run", "--user", "archipelago", "install", &folder]);
    until_equal(
        "the required app to be starting",
        SOON,
        &"activating".to_owned(),
        || {
            let status = node.try_shell("systemctl --user is-active archy-base.service");
            status.stdout.trim().to_owned()
        },
    );

    // The command does not wait for the required app, which may take days, and says so.
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
        "the dependant was started in vain again and again"
    );

    node.user(&["archipelago", "stop", "base"]);
    until_equal("the dependant to wait", SOON, &top_waits("stopped"), || {
        states(&node)
    });
    let running: Vec<String> = node.containers().into_keys().collect();
    assert_eq!(running, ["archy-top-ui"]);
    let ended = property(
        &node,
        "archy-top.service",
        "InactiveEnterTimestampMonotonic",
    );
    let stopping = property(&node, "archy-base.service", "ActiveExitTimestampMonotonic");
    assert!(
        ended <= stopping,
        "the dependant must stop before the app it requires"
    );
    node.user(&["archipelago", "start", "base"]);
    until_equal("both to be ready", ONE_TICK, &both_ready(), || {
        states(&node)
    });
}

/// An app that ignores SIGTERM and is killed only after five minutes.
const DEAF: &str = r#"services:
  deaf:
    image: docker.io/library/busybox:stable
    command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]
    stop_grace_period: 5m
x-archipelago:
  requires: {apps: [base]}
"#;

#[test]
fn a_crashed_app_does_not_wait_for_a_dependant_that_stops_slowly() {
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
        "the dependant to be stopping",
        SOON,
        &"deactivating".to_owned(),
        || state("archy-deaf.service"),
    );
    assert_eq!(state("archy-base.service"), "active");

    let started = property(&node, "archy-base.service", "ActiveEnterTimestampMonotonic");
    crash();
    until_equal("the required app to be back", SOON, &true, || {
        property(&node, "archy-base.service", "ActiveEnterTimestampMonotonic") > started
    });
    assert_eq!(state("archy-deaf.service"), "deactivating");
}

#[test]
fn systemd_alone_starts_apps_in_their_order_at_boot() {
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
    until_equal("the dependant to wait", SOON, &"waiting".to_owned(), || {
        node.state("top")
    });
    node.user(&["systemctl", "--user", "start", "archy-base"]);
    until_equal("both to be ready", SOON, &both_ready(), || states(&node));
}

#[test]
fn a_change_that_breaks_a_dependant_is_refused() {
    let node = Node::new();
    let folder = node.put(&base());
    node.shell("mkdir -p /var/lib/archipelago/volumes/base/data; touch '/var/lib/archipelago/volumes/base/data/it is read'");
    node.user(&["archipelago", "install", &folder]);
    node.install(&top());
    let before = node.containers();
    let said = node.exits(3, &["install", &folder, "--set", "small=true"]);
    assert!(
        said.contains("top") && said.contains("base keeps too little"),
        "{said}"
    );
    assert_eq!((states(&node), node.containers()), (both_ready(), before));
    node.user(&["archipelago", "uninstall", "top"]);
    node.user(&["archipelago", "install", &folder, "--set", "small=true"]);
}

/// An app that is starting until the file that it looks for exists.
const SLOW: &str = r#"services:
  slow:
    image: docker.io/library/busybox:stable
    command: ["sh", "-c", "touch /tmp/right; exec sleep 1000000"]
    init: true
    healthcheck: {test: [CMD, test, -e, "/tmp/${looks_for}"], start_interval: 1s, start_period: 12h, interval: 24h}
x-archipelago:
  settings:
    looks_for: {type: text, default: right, description: The file that makes it healthy.}
"#;

#[test]
fn a_setting_that_keeps_an_app_from_starting_can_be_corrected() {
    let node = Node::new();
    let folder = node.put(&apps::app("slow", SLOW));
    // A person interrupts each command once the container that cannot become ready is running.
    let interrupted = |command: &str, once: &str| {
        node.shell(&format!(
            "{command} & command=$!
            until {once}; do sleep 0.2; done
            kill $command && wait $command || true"
        ));
    };
    interrupted(
        &format!("archipelago install --set looks_for=wrong {folder}"),
        "podman container exists archy-slow",
    );
    let id = |node: &Node| {
        let now = node.try_containers()?;
        now.get("archy-slow").map(|run| run.id.clone())
    };
    let first = until("the container to run", SOON, || id(&node));
    let active = [
        "systemctl",
        "--user",
        "show",
        "-P",
        "ActiveState",
        "archy-slow",
    ];
    assert_eq!(node.user(&active).trim(), "activating");

    interrupted(
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
