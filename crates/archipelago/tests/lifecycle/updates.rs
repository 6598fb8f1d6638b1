//! `archipelago update`, `rollback` and `history`: a new version keeps what an old one wrote, and
//! one that does not work is undone with the data.

use std::time::Duration;

use serde_json::Value;
use testhost::Registry;

use crate::apps::{self, App};
use crate::instants::{Instants, wanted};
use crate::node::{CONFIG, DATA, Node, ONE_TICK, SOON, text, until, until_equal};
use crate::rebuild::make;
use crate::records::records;

/// Where the app of these tests has its data, beneath the folder of its volumes.
const VOLUMES: &str = "volumes/shop";

/// An app whose versions write a word to their data when they start: `bad` writes over the data of
/// the versions before, and then ends.
fn shop(version: &str) -> App {
    let script = match version {
        "bad" => "echo garbage >/data/word; rm -f /data/kept; exit 3",
        version => {
            &format!("echo {version} >>/data/word; trap 'exit 0' TERM; sleep infinity & wait")
        }
    };
    let compose = format!(
        "services:
  shop:
    image: localhost/box:1
    command: [sh, -c, \"{script}\"]
    volumes: [\"data:/data\"]
volumes:
  data:
x-archipelago:
  id: shop
  title: Shop
  version: \"{version}\"
  category: test
  description: An app with versions.
"
    );
    apps::app("shop", &compose)
}

/// Writes the folder of a version. The image is local, so that no registry is asked.
fn put(node: &Node, version: &str) {
    node.shell("podman image exists localhost/box:1 || podman tag docker.io/library/busybox:stable localhost/box:1");
    node.put(&shop(version));
}

fn install(node: &Node) {
    put(node, "1");
    node.user(&["archipelago", "install", "/home/archy/apps/shop"]);
    assert_eq!(node.state("shop"), "ready");
    node.shell(&format!(
        "podman unshare sh -c 'cd {DATA}/{VOLUMES}/data && echo mine >kept && chown 1000:1000 kept && chmod 640 kept && ln -s kept link && mkdir -m 700 deep && head -c 70000 /dev/urandom >deep/file'"
    ));
}

/// The data byte for byte, with owners, modes and links.
fn data(node: &Node) -> String {
    node.shell(&format!(
        "podman unshare sh -c 'cd {DATA}/{VOLUMES} && find . -printf \"%p %U %G %m %l\\n\" | sort && find . -type f | sort | xargs sha256sum'"
    ))
}

fn word(node: &Node) -> String {
    node.shell(&format!("podman unshare cat {DATA}/{VOLUMES}/data/word"))
}

fn outcomes(node: &Node) -> Vec<(String, String)> {
    let history = node.json(&["history", "shop"]);
    let changes = history["changes"].as_array().expect("a list").iter();
    changes
        .map(|change| (text(&change["kind"]), text(&change["outcome"])))
        .collect()
}

fn leftovers(node: &Node) -> String {
    node.shell(&format!(
        "ls -d {DATA}/undo {DATA}/discarded 2>/dev/null || :; ls -A {CONFIG}/operations"
    ))
}

fn pair(kind: &str, outcome: &str) -> (String, String) {
    (kind.to_owned(), outcome.to_owned())
}

#[test]
fn a_good_update_keeps_the_data_and_the_other_apps_and_can_be_gone_back_from() {
    let node = Node::new();
    install(&node);
    node.install(&apps::lone("lone", 8490));
    let other = node.containers().remove("archy-lone");
    let plan = node.user(&["archipelago", "update", "shop", "--check"]);
    assert!(plan.contains("Nothing to do."), "{plan}");

    put(&node, "2");
    let before = word(&node);
    let plan = node.user(&["archipelago", "plan", "update", "shop"]);
    assert!(plan.contains("archy-shop.service restarts"), "{plan}");
    assert!(
        plan.contains("If the new version does not work, they go back."),
        "{plan}"
    );
    assert_eq!(word(&node), before);
    assert_eq!(
        text(&node.json(&["history", "shop"])["present"]["version"]),
        "1"
    );

    node.user(&["archipelago", "update", "shop"]);
    assert_eq!(word(&node), "1\n2\n");
    assert_eq!(node.state("shop"), "ready");
    assert_eq!(node.containers().remove("archy-lone"), other);
    assert_eq!(leftovers(&node), "");
    let history = node.json(&["history", "shop"]);
    assert_eq!(text(&history["present"]["version"]), "2", "{history}");
    assert_eq!(text(&history["kept"][0]["version"]), "1", "{history}");
    assert_eq!(
        text(&history["kept"][0]["images"]["shop"]),
        "localhost/box:1",
        "{history}"
    );
    let change = &history["changes"][0];
    assert_eq!(
        (text(&change["kind"]), text(&change["outcome"])),
        pair("update", "reached")
    );
    let downtime_ms = change["downtime_ms"].as_u64().expect("a number");
    assert!((1..60_000).contains(&downtime_ms), "{history}");

    let plan = node.user(&["archipelago", "plan", "rollback", "shop"]);
    assert!(plan.contains("The data of shop stay as they are"), "{plan}");
    node.user(&["archipelago", "rollback", "shop"]);
    assert_eq!(word(&node), "1\n2\n1\n");
    let history = node.json(&["history", "shop"]);
    assert_eq!(text(&history["present"]["version"]), "1", "{history}");
    assert_eq!(text(&history["kept"][0]["version"]), "2", "{history}");
    // By number, and by release.
    let number = history["kept"][0]["number"]
        .as_u64()
        .expect("a number")
        .to_string();
    node.user(&["archipelago", "rollback", "shop", &number]);
    assert_eq!(word(&node), "1\n2\n1\n2\n");
    let release = text(&history["present"]["release"]);
    node.user(&["archipelago", "rollback", "shop", &release[..12]]);
    assert_eq!(word(&node), "1\n2\n1\n2\n1\n");
    let refused = node.exits(3, &["rollback", "shop", "77"]);
    assert!(
        refused.contains("no kept version of shop is named \"77\""),
        "{refused}"
    );
    let shown = node.user(&["archipelago", "history", "shop"]);
    assert!(shown.contains("The last changes:"), "{shown}");
    assert_eq!(node.containers().remove("archy-lone"), other);
}

#[test]
fn an_update_that_does_not_work_is_undone_with_the_data_byte_for_byte() {
    let node = Node::new();
    install(&node);
    // The data without the word, which each start appends to.
    let kept = |node: &Node| {
        let all = data(node);
        let lines = all.lines().filter(|line| !line.ends_with("./data/word"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let before = kept(&node);
    put(&node, "bad");
    let told = node.exits(1, &["update", "shop"]);
    assert!(
        told.contains("the update of shop to bad was undone: "),
        "{told}"
    );
    assert_eq!(node.state("shop"), "ready");
    assert_eq!(kept(&node), before);
    // The old version ran before the update and runs again.
    assert_eq!(word(&node), "1\n1\n");
    assert_eq!(leftovers(&node), "");
    let shown = node.user(&["archipelago", "status", "shop"]);
    assert!(
        shown.starts_with("shop  ready, the update to bad was undone: "),
        "{shown}"
    );
    let status = node.json(&["status", "shop"]);
    assert_eq!(text(&status["undone"][0]["version"]), "bad", "{status}");
    let history = node.json(&["history", "shop"]);
    assert_eq!(text(&history["present"]["version"]), "1", "{history}");
    assert_eq!(history["kept"], Value::Array(Vec::new()), "{history}");
    assert_eq!(outcomes(&node)[0], pair("update", "undone"));
    // The next version that works is told alone.
    put(&node, "2");
    node.user(&["archipelago", "update", "shop"]);
    assert_eq!(word(&node), "1\n1\n2\n");
    let shown = node.user(&["archipelago", "status", "shop"]);
    assert!(!shown.contains("undone"), "{shown}");
}

#[test]
fn an_app_takes_no_other_request_while_it_is_updated() {
    let node = Node::new();
    install(&node);
    put(&node, "2");
    let update = node.0.spawn_user(&["archipelago", "update", "shop"]);
    let update = update.expect("a run in the host");
    until("the new version to be tried", SOON, || {
        let records = node.shell(&format!("cat {CONFIG}/operations/*.json 2>/dev/null || :"));
        records.contains("\"phase\": \"trying\"").then_some(())
    });
    for request in [
        &["stop", "shop"][..],
        &["start", "shop"],
        &["install", "/home/archy/apps/shop"],
        &["rollback", "shop"],
        &["update", "shop"],
    ] {
        let told = node.exits(3, request);
        assert!(
            told.contains("shop is being updated"),
            "{request:?}: {told}"
        );
    }
    let ended = update.wait_with_output().expect("the end of the update");
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(word(&node), "1\n2\n");
    node.user(&["archipelago", "stop", "shop"]);
    assert_eq!(node.state("shop"), "stopped");
}

/// Kills the command as soon as the record names this phase. Returns whether it was killed then.
fn kill_in(node: &Node, phase: &str) -> bool {
    let script = format!(
        "archipelago update shop >/dev/null 2>&1 & pid=$!
        until grep -qs '\"phase\": \"{phase}\"' {CONFIG}/operations/*.json; do kill -0 $pid 2>/dev/null || exit 0; sleep 0.01; done
        kill -KILL $pid && echo killed
        wait $pid || true"
    );
    node.shell(&script).contains("killed")
}

fn until_settled(node: &Node) {
    until("the update to end", ONE_TICK + SOON, || {
        (records(node).is_empty() && node.try_details_of("shop")?["state"] == "ready").then_some(())
    });
    until_equal("nothing to be left", SOON, &String::new(), || {
        leftovers(node)
    });
}

#[test]
fn killed_in_any_phase_an_update_goes_on_or_goes_back() {
    let node = Node::new();
    install(&node);
    for phase in ["stopping", "trying", "undoing"] {
        let before = word(&node);
        put(&node, "bad");
        assert!(kill_in(&node, phase), "killed in {phase}");
        until_settled(&node);
        let starts = word(&node);
        // The record is there before the app is stopped.
        let is_as_before = phase == "stopping" && starts == before;
        assert!(
            is_as_before || starts == format!("{before}1\n"),
            "after {phase}: {starts}"
        );
        assert_eq!(
            outcomes(&node)[0],
            pair("update", "undone"),
            "after {phase}"
        );
        node.shell(&format!(
            "podman unshare test -e {DATA}/{VOLUMES}/data/kept"
        ));
    }
    for phase in ["stopping", "trying", "settling"] {
        let version = format!("after-{phase}");
        put(&node, &version);
        let before = word(&node);
        kill_in(&node, phase);
        until_settled(&node);
        let present = text(&node.json(&["history", "shop"])["present"]["version"]);
        let starts = word(&node);
        let new = starts.strip_prefix(&before).expect("the data of before");
        match outcomes(&node)[0].1.as_str() {
            "reached" => assert_eq!((present, new), (version.clone(), &*format!("{version}\n"))),
            _ => assert!(
                present != version && !new.contains(&version),
                "{present}: {new}"
            ),
        }
    }
}

#[test]
fn killed_at_any_instant_the_version_and_the_data_belong_together() {
    let node = Node::new();
    install(&node);
    let mut instants = Instants::new();
    let mut cut = 0;
    for number in 0..wanted("ARCHIPELAGO_TEST_KILLS", 6) {
        let is_bad = number % 2 == 0;
        let version = if is_bad {
            "bad".to_owned()
        } else {
            format!("n{number}")
        };
        put(&node, &version);
        let before = word(&node);
        let instant = instants.next(Duration::from_secs(if is_bad { 20 } else { 14 }));
        // An update that is undone before the kill ends with 1.
        let output = node.0.run_user(&[
            "timeout",
            "--foreground",
            "--signal=KILL",
            &format!("{:.6}", instant.as_secs_f64()),
            "archipelago",
            "update",
            "shop",
        ]);
        cut += u32::from(output.expect("a run in the host").status == 137);
        until_settled(&node);
        let present = text(&node.json(&["history", "shop"])["present"]["version"]);
        let starts = word(&node);
        let new = starts.strip_prefix(&before).expect("the data of before");
        assert_eq!(
            present == version,
            new.contains(&version),
            "{number}: {new}"
        );
        assert!(!starts.contains("garbage"), "{number}: {starts}");
    }
    assert!(cut > 0, "no command was cut short");
}

/// The word in the image that the container runs.
fn base(node: &Node) -> String {
    node.shell("podman exec archy-shop cat /base")
}

/// Pushes another image under the tag that the app follows.
fn publish(node: &Node, registry: &Registry<'_>, word: &str) {
    make(node, "localhost/published:1", word);
    registry
        .push("localhost/published:1", "box:1")
        .expect("a pushed image");
}

#[test]
fn an_update_takes_the_newest_image_of_a_tag_and_a_pull_that_fails_changes_nothing() {
    let node = Node::new();
    node.write(
        &format!("{CONFIG}/config.toml"),
        "insecure_registries = [\"127.0.0.1:5000\"]\n",
    );
    let registry = node.0.registry(5000).expect("a registry");
    publish(&node, &registry, "one");
    node.install(&apps::app(
        "shop",
        "services:
  shop:
    image: 127.0.0.1:5000/box:1
    command: [sh, -c, \"test \\\"$$(cat /base)\\\" != broken || exit 3; trap 'exit 0' TERM; sleep infinity & wait\"]
",
    ));
    let installed = node.containers();
    let unchanged = node.archipelago(&["update", "shop"]);
    assert!(
        unchanged.stdout.contains("There is nothing newer."),
        "{unchanged:?}"
    );
    assert_eq!(node.containers(), installed);

    publish(&node, &registry, "two");
    let plan = node.user(&["archipelago", "update", "shop", "--check"]);
    assert!(plan.contains("127.0.0.1:5000/box:1"), "{plan}");
    assert_eq!(
        (node.containers(), base(&node)),
        (installed, "one\n".to_owned())
    );
    node.user(&["archipelago", "update", "shop"]);
    assert_eq!(base(&node), "two\n");
    // The tag is still the image of the installation, for which the earlier intent needs it.
    let tagged = "podman run --rm --network none 127.0.0.1:5000/box:1 cat /base";
    assert_eq!(node.shell(tagged), "one\n");
    let history = node.json(&["history", "shop"]);
    let image = text(&history["present"]["images"]["shop"]);
    assert!(image.starts_with("127.0.0.1:5000/box@sha256:"), "{history}");

    publish(&node, &registry, "broken");
    node.exits(1, &["update", "shop"]);
    assert_eq!(
        (base(&node), node.state("shop")),
        ("two\n".to_owned(), "ready".to_owned())
    );

    let before = node.containers();
    node.root(&["systemctl", "stop", "registry@5000.service"]);
    let told = node.exits(1, &["update", "shop"]);
    assert!(
        told.contains("shop was not changed: get the image 127.0.0.1:5000/box:1"),
        "{told}"
    );
    assert_eq!(
        (node.containers(), leftovers(&node)),
        (before, String::new())
    );

    node.user(&["archipelago", "rollback", "shop"]);
    assert_eq!(base(&node), "one\n");
}
