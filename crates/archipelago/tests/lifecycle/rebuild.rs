//! `archipelago rebuild`: an image that is built here is built anew when its base image has
//! changed, and the rest of the app is not touched.

use serde_json::Value;
use testhost::Registry;

use crate::apps::{self, App};
use crate::cut_short::cut_short;
use crate::instants::Instants;
use crate::node::{CONFIG, DATA, Node, ONE_TICK, text, until_equal};

const INTENT: &str = "/home/archy/.config/archipelago/apps/shop.toml";

/// The base image of `shop` is in the registry, that of `ui` is local, and that of `tool` is named
/// after the registry but is only on this node. The image of `db` is pulled.
fn shop() -> App {
    let command =
        "[sh, -c, \"trap 'exit 0' TERM; echo start >>/data/starts; sleep infinity & wait\"]";
    let service = |name: &str, image: &str| {
        format!("  {name}:\n    {image}\n    command: {command}\n    volumes: [\"{name}:/data\"]\n")
    };
    let compose = format!(
        "services:\n{}{}{}{}volumes:\n  shop:\n  ui:\n  tool:\n  db:\nx-archipelago:\n  companions: [ui]\n",
        service("shop", "build: ./shop"),
        service("ui", "build: ./ui"),
        service("tool", "build: ./tool"),
        service("db", "image: docker.io/library/busybox:stable"),
    );
    apps::app("shop", &compose)
        .with(
            "shop/Containerfile",
            "ARG VERSION=1\nFROM 127.0.0.1:5000/base:${VERSION} AS base\nRUN test \"$(cat /base)\" != broken\n\
             FROM scratch\nCOPY --from=base / /\nRUN mkdir -p /data\n",
        )
        .with("ui/Containerfile", "FROM localhost/mine:1\nRUN mkdir -p /data\n")
        .with("tool/Containerfile", "FROM 127.0.0.1:5000/never:1\nRUN mkdir -p /data\n")
}

/// Builds an image on this node whose file `/base` contains `word`.
pub(crate) fn make(node: &Node, name: &str, word: &str) {
    node.shell(&format!(
        "cd $(mktemp -d)
        printf 'FROM docker.io/library/busybox:stable\\nRUN echo {word} >/base\\n' >Containerfile
        podman build --quiet --tag={name} . >/dev/null"
    ));
}

/// Pushes another version of the base image to the registry.
fn publish(node: &Node, registry: &Registry<'_>, word: &str) {
    make(node, "localhost/published:1", word);
    registry
        .push("localhost/published:1", "base:1")
        .expect("a pushed image");
}

/// Pushes a version of the base image that is for the architecture s390x.
fn publish_foreign(node: &Node, registry: &Registry<'_>) {
    node.shell(
        "cd $(mktemp -d)
        echo foreign >base
        tar -cf image.tar base
        podman import --quiet --arch=s390x image.tar localhost/published:1 >/dev/null",
    );
    registry
        .push("localhost/published:1", "base:1")
        .expect("a pushed image");
}

/// A host on which the shop runs, and its registry.
fn installed(node: &Node) -> Registry<'_> {
    node.write(
        &format!("{CONFIG}/config.toml"),
        "insecure_registries = [\"127.0.0.1:5000\"]\n",
    );
    let registry = node.0.registry(5000).expect("a registry");
    publish(node, &registry, "one");
    make(node, "localhost/mine:1", "one");
    make(node, "127.0.0.1:5000/never:1", "one");
    node.install(&shop());
    registry
}

fn words(node: &Node) -> String {
    node.shell("for of in '' -ui -tool; do podman exec archy-shop$of cat /base; done")
}

/// The number of starts of each container: `shop`, `ui`, `tool`, `db`.
fn starts(node: &Node) -> String {
    node.shell(
        "for of in '' -ui -tool -db; do podman exec archy-shop$of cat /data/starts | wc -l; done",
    )
    .replace('\n', " ")
}

/// Rebuilds the app and returns the containers whose image was built anew.
fn rebuilt(node: &Node) -> Vec<String> {
    let ended = node.json(&["rebuild", "shop"]);
    assert_eq!(ended["state"], "ready", "{ended}");
    let containers = ended["rebuilt"].as_array().expect("a list").iter();
    containers.map(text).collect()
}

/// The state and the cure of the check `built-images`.
fn age(node: &Node) -> (String, Value) {
    let said = node.archipelago(&["--output", "json", "doctor"]);
    let said: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let mut checks = said["checks"].as_array().expect("a list").iter();
    let check = checks.find(|check| check["name"] == "built-images");
    let check = check.expect("the row");
    (text(&check["state"]), check["cure"].clone())
}

#[test]
fn an_image_is_built_anew_when_its_base_has_changed_and_only_then() {
    let node = Node::new();
    let registry = installed(&node);
    let (before, intent) = (node.containers(), node.shell(&format!("cat {INTENT}")));
    let unchanged = || {
        assert_eq!(node.containers(), before);
        assert_eq!(node.shell(&format!("cat {INTENT}")), intent);
    };
    let said = node.user(&["archipelago", "rebuild", "shop"]);
    assert!(said.contains("Nothing was done"), "{said}");
    unchanged();
    assert!(rebuilt(&node).is_empty());
    unchanged();

    // A check of the bases ends the warning, as a build does.
    assert_eq!(age(&node), ("ok".to_owned(), Value::Null));
    node.shell(&format!(
        "sed -i -E 's/\"(at|checked)_unix_s\":[0-9]+/\"\\1_unix_s\":1/g' {DATA}/images.json"
    ));
    assert_eq!(
        age(&node),
        ("warning".to_owned(), "archipelago rebuild shop".into())
    );
    node.user(&["archipelago", "rebuild", "shop"]);
    assert_eq!(age(&node), ("ok".to_owned(), Value::Null));
    unchanged();

    // The base in the registry changes.
    publish(&node, &registry, "two");
    assert_eq!(words(&node), "one\none\none\n");
    assert_eq!(rebuilt(&node), ["archy-shop"]);
    assert_eq!(words(&node), "two\none\none\n");
    assert_eq!(starts(&node), "2 1 1 1 ");
    let after = node.containers();
    let others = before.keys().filter(|name| *name != "archy-shop");
    others.for_each(|name| assert_eq!(after[name], before[name], "{name}"));
    assert_ne!(after["archy-shop"].id, before["archy-shop"].id);
    assert!(rebuilt(&node).is_empty());
    assert_eq!(node.containers(), after);

    // The bases in the node's own storage change.
    make(&node, "localhost/mine:1", "two");
    make(&node, "127.0.0.1:5000/never:1", "two");
    assert_eq!(rebuilt(&node), ["archy-shop-tool", "archy-shop-ui"]);
    assert_eq!(words(&node), "two\ntwo\ntwo\n");
    assert_eq!(starts(&node), "2 2 2 1 ");

    // A stopped app stays stopped.
    node.user(&["archipelago", "stop", "shop"]);
    publish(&node, &registry, "three");
    let said = node.user(&["archipelago", "rebuild", "shop"]);
    assert!(
        said.contains("because a base image has changed: archy-shop."),
        "{said}"
    );
    assert_eq!(node.state("shop"), "stopped");
    node.user(&["archipelago", "start", "shop"]);
    assert_eq!(words(&node), "three\ntwo\ntwo\n");

    // A purge removes all images that were built.
    node.user(&["archipelago", "uninstall", "shop", "--purge"]);
    let left = node.traces("shop");
    let images = left.iter().filter(|trace| trace.starts_with("image"));
    assert_eq!(images.count(), 0, "{left:?}");
}

#[test]
fn a_rebuild_that_fails_leaves_the_app_as_it_was() {
    let node = Node::new();
    let registry = installed(&node);
    let (before, intent) = (node.containers(), node.shell(&format!("cat {INTENT}")));
    let fails = |expected: &[&str]| {
        let said = node.exits(1, &["rebuild", "shop"]);
        let missing = expected.iter().find(|words| !said.contains(**words));
        assert_eq!(missing, None, "{said}");
        assert_eq!(node.state("shop"), "ready");
        assert_eq!(node.containers(), before);
        assert_eq!(node.shell(&format!("cat {INTENT}")), intent);
    };

    publish(&node, &registry, "broken");
    fails(&[
        "shop was not changed",
        "build the new image of archy-shop",
        "test",
    ]);
    // The running unit is still the desired one: it can be restored.
    node.shell("rm ~/.config/containers/systemd/archy-shop.container");
    until_equal("its unit to be back", ONE_TICK, &true, || {
        let script = "test -s ~/.config/containers/systemd/archy-shop.container";
        node.try_shell(script).success()
    });
    assert_eq!(node.containers(), before);

    node.root(&["systemctl", "stop", "registry@5000"]);
    fails(&["shop was not changed", "127.0.0.1:5000/base:1"]);
    node.root(&["systemctl", "start", "registry@5000"]);

    publish_foreign(&node, &registry);
    for _ in 0..2 {
        fails(&[
            "shop was not changed",
            "the base image 127.0.0.1:5000/base:1 is for s390x now",
        ]);
    }

    let said = node.exits(3, &["rebuild", "none"]);
    assert!(said.contains("none is not installed"), "{said}");
    node.install(&apps::lone("lone", 8490));
    let said = node.exits(3, &["rebuild", "lone"]);
    assert!(said.contains("lone builds no image on this node"), "{said}");

    publish(&node, &registry, "two");
    assert_eq!(rebuilt(&node), ["archy-shop"]);
    assert_eq!(words(&node), "two\none\none\n");
}

#[test]
fn a_killed_rebuild_is_done_as_a_whole_or_not_at_all() {
    let node = Node::new();
    let registry = installed(&node);
    publish(&node, &registry, "word 0");
    let began = std::time::Instant::now();
    node.user(&["archipelago", "rebuild", "shop"]);
    let takes = began.elapsed();
    let mut instants = Instants::new();
    for number in 1..=4 {
        let word = format!("word {number}");
        publish(&node, &registry, &word);
        cut_short(&node, instants.next(takes), &["rebuild", "shop"]);
        until_equal(
            "the daemon to finish the killed command",
            ONE_TICK,
            &Value::Null,
            || node.json(&["status"])["operations"].clone(),
        );
        until_equal("the app to be ready", ONE_TICK, &"ready".to_owned(), || {
            node.state("shop")
        });
        let former = format!("word {}\none\none\n", number - 1);
        let rebuilt = format!("{word}\none\none\n");
        let now = words(&node);
        assert!(now == former || now == rebuilt, "{now}");
        // Podman 5.4 may crash while it ends the build of the killed client. A rebuild at that
        // moment fails and changes nothing.
        until_equal("a rebuild to succeed", ONE_TICK, &true, || {
            node.archipelago(&["rebuild", "shop"]).success()
        });
        assert_eq!(words(&node), rebuilt);
    }
    assert_eq!(starts(&node), "6 1 1 1 ");
}
