//! Uninstalling: companions stop first, nothing is started again, nothing of others is touched, and
//! data are deleted only by `--purge`.

use std::time::{Duration, Instant};

use crate::apps;
use crate::node::{DATA, Node, SOON, UNITS, text, until};

/// Longer than `RestartSec=10`, after which systemd starts a service again that was removed in the
/// wrong order.
const RESPAWN: Duration = Duration::from_secs(15);

/// The time of systemd's message about a service, in microseconds since the boot.
fn moment(node: &Node, service: &str, message: &str) -> u64 {
    let command = [
        "journalctl",
        "--user",
        "-o",
        "json",
        "--output-fields=USER_UNIT,MESSAGE",
        &format!("USER_UNIT={service}"),
    ];
    let found = until(&format!("{service}: {message}"), SOON, || {
        let journal = node.user(&command);
        let mut lines = journal
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        lines.rfind(|line| {
            line["MESSAGE"]
                .as_str()
                .is_some_and(|text| text.starts_with(message))
        })
    });
    text(&found["__MONOTONIC_TIMESTAMP"])
        .parse()
        .expect("microseconds")
}

#[test]
fn uninstalling_keeps_the_data_and_nothing_comes_back() {
    let node = Node::new();
    let shop = apps::shop();
    node.install(&shop);
    node.install(&apps::lone("lone", 8481));
    let lone = node.containers()["archy-lone"].clone();
    node.shell("podman exec archy-shop sh -c 'echo kept >/data/kept'");
    let secret = node.shell(&format!("cat {DATA}/secrets/shop/token"));

    let said = node.json(&["uninstall", "shop"]);
    assert_eq!(
        (said["removed"].as_bool(), said["purged"].as_bool()),
        (Some(true), Some(false))
    );

    let removed = Instant::now();
    let kept = [
        format!("file {DATA}/secrets/shop"),
        format!("file {DATA}/volumes/shop"),
        "image localhost/archy-shop".to_owned(),
    ];
    while removed.elapsed() < RESPAWN {
        assert_eq!(
            node.traces("shop"),
            kept,
            "{} ms later",
            removed.elapsed().as_millis()
        );
        std::thread::park_timeout(Duration::from_millis(300));
    }
    assert!(
        moment(&node, "archy-shop-ui.service", "Stopped")
            <= moment(&node, "archy-shop.service", "Stopping"),
        "the companion must stop first"
    );
    assert_eq!(node.containers()["archy-lone"], lone);
    assert_eq!(
        node.json(&["list"])["apps"].as_array().map(Vec::len),
        Some(1)
    );

    // The image is present, so it is neither built nor pulled.
    let said = node.archipelago(&["install", &node.put(&shop)]);
    assert!(
        said.success() && !said.stderr.contains("getting the image"),
        "{said:?}"
    );
    assert_eq!(
        node.shell("podman exec archy-shop cat /data/kept"),
        "kept\n"
    );
    assert_eq!(
        node.shell(&format!("cat {DATA}/secrets/shop/token")),
        secret
    );
    assert_eq!(
        node.shell("curl -fsS http://127.0.0.1:8480/token").trim(),
        secret.trim()
    );
}

#[test]
fn a_purge_leaves_nothing_and_touches_nothing_of_others() {
    let node = Node::new();
    for foreign in ["foreign", "archy-foreign"] {
        let unit = "[Container]\nImage=docker.io/library/busybox:stable\nExec=sleep infinity\nStopTimeout=1\n";
        node.write(&format!("{UNITS}/{foreign}.container"), unit);
    }
    node.shell("systemctl --user daemon-reload; systemctl --user start foreign archy-foreign");
    node.shell("podman volume create shop-of-others; podman network create shop-of-others; podman tag docker.io/library/busybox:stable localhost/shop-of-others");
    let stamps = || {
        node.shell(&format!(
            "cd {UNITS}; stat -c '%n %i %y %z' foreign.container archy-foreign.container"
        ))
    };
    let (files, containers) = (stamps(), node.containers());
    let others = node.traces("shop");

    node.install(&apps::shop());
    // Users inside a container have other ids on the host, so the host's user cannot delete their
    // files directly.
    node.shell("podman exec archy-shop sh -c 'mkdir /data/theirs; touch /data/theirs/file; chown -R 1000:1000 /data/theirs; chmod 700 /data/theirs'");
    assert!(
        !node
            .try_shell(&format!("rm -r {DATA}/volumes/shop/data/theirs"))
            .success()
    );

    node.user(&["archipelago", "uninstall", "shop", "--purge"]);

    assert_eq!(node.traces("shop"), others);
    assert_eq!(stamps(), files);
    assert_eq!(node.containers(), containers);
    assert_eq!(
        node.exits(3, &["uninstall", "shop"]),
        "error: shop is not installed; archipelago list shows what is\n"
    );
}

#[test]
fn systemd_lists_no_failed_service_of_an_app_that_is_gone() {
    let node = Node::new();
    // It does not heed SIGTERM, so it is killed, and systemd calls its end a failure.
    let stubborn = apps::app(
        "stubborn",
        "services:\n  stubborn:\n    image: docker.io/library/busybox:stable\n    \
         command: sleep infinity\n    stop_grace_period: 1s\n",
    );
    let failed = || {
        node.user(&[
            "systemctl",
            "--user",
            "list-units",
            "--plain",
            "--no-legend",
            "--state=failed",
            "archy-*",
        ])
    };
    node.install(&stubborn);
    node.user(&["archipelago", "stop", "stubborn"]);
    assert!(
        failed().starts_with("archy-stubborn.service"),
        "{}",
        failed()
    );

    node.user(&["archipelago", "uninstall", "stubborn"]);

    assert_eq!(failed(), "");
}

#[test]
fn an_app_that_another_requires_is_not_uninstalled() {
    let node = Node::new();
    node.install(&apps::lone("base", 8481));
    let mut top = apps::lone("top", 8482);
    top.files[0].1.push_str("  requires: {apps: [base]}\n");
    node.install(&top);
    let before = node.containers();
    let said = node.exits(3, &["uninstall", "base"]);
    assert_eq!(said, "error: top requires base; uninstall top first\n");
    assert_eq!(node.containers(), before);
    node.user(&["archipelago", "uninstall", "top"]);
    node.user(&["archipelago", "uninstall", "base"]);
    assert_eq!(node.containers().len(), 0);
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let node = Node::new();
    let shop = apps::shop();
    let folder = node.put(&shop);
    let before = node.traces("shop");

    let path = format!("{UNITS}/archy-shop-ui.container");
    node.write(
        &path,
        "[Container]\nImage=docker.io/library/busybox:stable\n",
    );
    let stamp = node.shell(&format!("stat -c '%i %y' {path}"));
    let said = node.exits(5, &["install", &folder]);
    assert!(
        said.contains(&path) && said.contains("was not written for this app"),
        "{said}"
    );
    assert_eq!(node.shell(&format!("stat -c '%i %y' {path}")), stamp);
    node.shell(&format!("rm {path}"));
    assert_eq!(node.traces("shop"), before);

    let path = "/home/archy/.config/systemd/user/archy-shop.service";
    node.write(path, "[Service]\nExecStart=sleep infinity\n");
    let said = node.exits(5, &["install", &folder]);
    assert!(
        said.contains(path) && said.contains("hides its unit"),
        "{said}"
    );
    node.shell(&format!("rm {path}"));
    assert_eq!(node.traces("shop"), before);

    // `podman run --replace` in our unit would kill this container.
    node.shell(
        "podman run -d --name archy-shop-db docker.io/library/busybox:stable sleep infinity",
    );
    let theirs = node.containers()["archy-shop-db"].clone();
    let taken = node.traces("shop");
    let said = node.exits(5, &["install", &folder]);
    assert!(
        said.contains("archy-shop-db that was not made for this app"),
        "{said}"
    );
    assert_eq!(node.containers()["archy-shop-db"], theirs);
    assert_eq!(node.traces("shop"), taken);
    // The app can be installed once the name is free.
    node.shell("podman rm -f -t 0 archy-shop-db");
    node.user(&["archipelago", "install", &folder]);
    assert_eq!(node.state("shop"), "ready");
}
