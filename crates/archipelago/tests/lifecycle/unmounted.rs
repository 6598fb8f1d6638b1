//! A data folder whose disk is not mounted is not an empty data folder.

use testhost::Options;

use crate::apps::{self, App};
use crate::node::{CONFIG, DATA, Node, ONE_TICK, SOON, UNITS, text, until, until_equal};

const DISK_MIB: u64 = 300;

fn with_disk() -> Node {
    Node::with(Options::default().disk(DISK_MIB, DATA))
}

/// An app that counts its starts in its volume, and shows a secret.
fn counts() -> App {
    apps::app(
        "counts",
        "services:
  counts:
    image: docker.io/library/busybox:stable
    volumes: [data:/data, \"./more:/more\"]
    command: [sh, -c, \"trap 'exit 0' TERM; echo start >>/data/starts; sleep infinity & wait\"]
volumes:
  data:
x-archipelago:
  secrets:
    token: {description: A token.}
  templates:
    - {source: conf, service: counts, target: /conf}
",
    )
    .with("conf", "{{ secrets.token }}\n")
}

/// Unmounts the data disk. A second mount keeps it reachable, because the host has no name for its
/// device.
fn unmount(node: &Node, owner: &str) {
    let script = format!(
        "mkdir -p /mnt/disk; mountpoint -q /mnt/disk || mount --bind {DATA} /mnt/disk; umount {DATA}; chown {owner}: {DATA}"
    );
    node.root(&["bash", "-euc", &script]);
}

fn mount(node: &Node) {
    node.root(&["mount", "--bind", "/mnt/disk", DATA]);
}

fn until_failed(node: &Node, app: &str, words: &[&str]) -> String {
    until(&format!("{app} to say {words:?}"), ONE_TICK, || {
        let status = node.status(app);
        let message = text(&status["message"]);
        let has_words = words.iter().all(|words| message.contains(words));
        (has_words && status["state"] == "failed").then_some(message)
    })
}

fn files_on_the_mount_point(node: &Node) -> String {
    node.shell(&format!("ls -A {DATA}"))
}

fn units(node: &Node) -> String {
    node.shell(&format!("cd {UNITS}; stat -c '%n %i %y' *; cat *"))
}

#[test]
fn nothing_starts_on_an_empty_mount_point_and_all_apps_start_after_the_mount() {
    let node = with_disk();
    node.install(&counts());
    node.install(&apps::lone("lone", 8481));
    let token = node.shell(&format!("cat {DATA}/secrets/counts/token"));
    let units_before = units(&node);
    let lone = node.containers()["archy-lone"].clone();

    // As after a boot without the disk: the app is down and the daemon starts.
    node.shell("systemctl --user stop archipelago archy-counts");
    unmount(&node, "archy");
    node.shell("systemctl --user start archipelago");
    until_failed(
        &node,
        "counts",
        &[
            "marker",
            DATA,
            "mount the disk",
            "archipelago setup --accept-data",
        ],
    );
    let failed_checks = node.failed_checks();
    assert!(failed_checks["data"].contains(DATA), "{failed_checks:?}");
    let said = node.exits(4, &["install", &node.put(&apps::lone("other", 8482))]);
    assert!(said.contains("mount the disk"), "{said}");
    for command in ["stop", "start", "restart"] {
        let said = node.archipelago(&[command, "counts"]);
        assert!(
            said.status != 0 && said.stderr.contains("mount the disk"),
            "{said:?}"
        );
    }
    node.archipelago(&["setup"]);
    assert_eq!(files_on_the_mount_point(&node), "");
    assert_eq!(units(&node), units_before);
    // An app without data keeps running.
    assert_eq!(node.containers()["archy-lone"], lone);

    mount(&node);
    until_equal("the app to be ready", SOON, &"ready".to_owned(), || {
        node.state("counts")
    });
    for path in ["secrets/counts/token", "archy-counts/conf"] {
        let now = node.shell(&format!("cat {DATA}/{path}"));
        assert_eq!(now.trim(), token.trim(), "{path}");
    }
    let starts = node.shell("podman exec archy-counts cat /data/starts");
    assert_eq!(starts, "start\nstart\n");
    assert_eq!(node.containers()["archy-lone"], lone);
    assert!(
        node.failed_checks().is_empty(),
        "{:?}",
        node.failed_checks()
    );
}

#[test]
fn a_running_daemon_notices_an_unmounted_disk_and_a_purge_waits_for_it() {
    let node = with_disk();
    node.install(&counts());
    let runs = node.containers();
    unmount(&node, "archy");
    until_failed(&node, "counts", &["mount the disk"]);
    // The app keeps running on its own mount of the disk.
    assert_eq!(node.containers(), runs);
    let said = node.archipelago(&["uninstall", "counts", "--purge"]);
    assert!(
        said.status != 0 && said.stderr.contains("mount the disk"),
        "{said:?}"
    );
    assert_eq!(node.containers(), runs);

    mount(&node);
    until("the app and its data to be removed", SOON, || {
        let left = node.try_shell(&format!(
            "ls -d {DATA}/*/counts {CONFIG}/apps/counts* {UNITS}/archy-counts*; podman volume ls -q; podman ps -aq"
        ));
        left.stdout.is_empty().then_some(())
    });
}

#[test]
fn the_operator_accepts_a_data_folder() {
    let node = with_disk();
    node.install(&counts());
    let token = node.shell(&format!("cat {DATA}/secrets/counts/token"));
    node.shell("systemctl --user stop archipelago archy-counts");
    // A new, empty disk replaces a broken one.
    unmount(&node, "archy");
    node.shell("systemctl --user start archipelago");
    until_failed(&node, "counts", &["--accept-data"]);
    node.user(&["archipelago", "setup", "--accept-data"]);
    until_equal(
        "the app to be ready with new data",
        SOON,
        &"ready".to_owned(),
        || node.state("counts"),
    );
    assert_ne!(
        node.shell(&format!("cat {DATA}/secrets/counts/token")),
        token
    );

    // The data of another node, as after disks were swapped.
    let marker = node.shell(&format!("cat {DATA}/node-id"));
    node.shell(&format!(
        "tr 0-9a-f 1-9a-f0 <{DATA}/node-id >id; cp id {DATA}/node-id"
    ));
    until_failed(&node, "counts", &["another node"]);
    node.user(&["archipelago", "setup", "--accept-data"]);
    until_equal(
        "the app to be ready with the accepted data",
        SOON,
        &"ready".to_owned(),
        || node.state("counts"),
    );
    let kept = node.shell(&format!("cat {DATA}/node-id"));
    assert_ne!(kept, marker);
    assert!(
        node.shell(&format!("cat {CONFIG}/node.toml"))
            .contains(kept.trim())
    );

    // A lost node id is restored from the marker in the data folder.
    node.shell(&format!("rm {CONFIG}/node.toml"));
    until("the id to be back", ONE_TICK, || {
        let text = node.try_shell(&format!("cat {CONFIG}/node.toml"));
        text.stdout.contains(kept.trim()).then_some(())
    });
    assert_eq!(node.state("counts"), "ready");
}

#[test]
fn the_data_are_not_looked_for_elsewhere_when_their_folder_cannot_be_used() {
    let node = with_disk();
    node.install(&counts());
    node.shell("systemctl --user stop archipelago archy-counts");
    // The mount point is root's.
    unmount(&node, "root");
    node.shell("systemctl --user start archipelago");
    until_failed(&node, "counts", &[DATA, "mount the disk"]);
    assert!(!node.try_shell("ls -d ~/.local/share/archipelago").success());
    mount(&node);
    until_equal("the app to be ready", SOON, &"ready".to_owned(), || {
        node.state("counts")
    });
}
