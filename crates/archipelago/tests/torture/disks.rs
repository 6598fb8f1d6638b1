//! A full disk and a read-only disk: under the units, under the data, under Podman's storage.
//!
//! Each is a small real file system, so the errors are the kernel's own.

use testhost::Options;

use crate::apps;
use crate::fault::{RECOVERY, all_well, kept, shop, until_reported};
use crate::node::{DATA, Node, SOON, UNITS, until};

const STORAGE: &str = "/home/archy/.local/share/containers";

/// Fills a disk, and checks that not even a small file has room.
fn fill(node: &Node, folder: &str) {
    // Allocates the room without writing, in ever smaller pieces.
    node.shell(&format!(
        "cd {folder}; piece=$((1 << 30)); number=$(ls -A | wc -l)
        while [ $piece -ge 1024 ]; do
            if fallocate -l $piece .filler-$number 2>/dev/null; then number=$((number + 1)); else rm -f .filler-$number; piece=$((piece / 2)); fi
        done
        ! head -c 100 /dev/zero 2>/dev/null >.filler-more; rm -f .filler-more"
    ));
}

/// Removes a file and fills the room that it leaves.
fn lose(node: &Node, folder: &str, file: &str) {
    node.shell("systemctl --user kill --signal=STOP archipelago");
    node.shell(&format!("rm {folder}/{file}; sync"));
    fill(node, folder);
    node.shell("systemctl --user kill --signal=CONT archipelago");
}

fn empty(node: &Node, folder: &str) {
    node.shell(&format!("rm -f {folder}/.filler-*"));
}

/// Remounts a disk, as the kernel does read-only when a disk fails. The test can make it writable
/// again.
fn remount(node: &Node, how: &str, folder: &str) {
    node.root(&["mount", "-o", &format!("remount,{how}"), folder]);
}

#[test]
fn no_room_for_units() {
    let node = Node::with(Options::default().disk(8, UNITS));
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();

    fill(&node, UNITS);
    lose(&node, UNITS, "archy-lone.container");
    until_reported(&node, "lone", "failed", "No space left on device", RECOVERY);
    assert_eq!(node.containers(), before);
    let folder = node.put(&apps::lone("other", 8482));
    let said = node.archipelago(&["install", &folder]);
    assert!(
        said.status != 0 && said.stderr.contains("No space left on device"),
        "{said:?}"
    );

    empty(&node, UNITS);
    all_well(&node, RECOVERY);
    assert_eq!(node.containers()["archy-lone"], before["archy-lone"]);
}

#[test]
fn units_on_a_read_only_disk() {
    let node = Node::with(Options::default().disk(8, UNITS));
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();

    // The daemon is stopped first, because it would repair the file at once.
    node.shell(&format!(
        "systemctl --user stop archipelago; sed -i 's/^\\[Container\\]/&\\nEnvironment=INTRUDER=1/' {UNITS}/archy-lone.container"
    ));
    remount(&node, "ro", UNITS);
    node.shell("systemctl --user start archipelago");
    until_reported(&node, "lone", "failed", "Read-only file system", RECOVERY);
    let failed_checks = node.failed_checks();
    assert!(
        failed_checks["folder-units"].contains("is read-only"),
        "{failed_checks:?}"
    );
    assert_eq!(node.containers(), before);

    remount(&node, "rw", UNITS);
    all_well(&node, RECOVERY);
    let unit = node.shell(&format!("cat {UNITS}/archy-lone.container"));
    assert!(!unit.contains("INTRUDER"), "{unit}");
}

#[test]
fn no_room_for_data() {
    let node = Node::with(Options::default().disk(300, DATA));
    let kept_before = shop(&node);
    let before = node.containers();

    fill(&node, DATA);
    lose(&node, DATA, "archy-shop/shop.conf");
    until_reported(&node, "shop", "failed", "No space left on device", RECOVERY);
    assert_eq!(node.containers(), before);
    let failed_checks = node.failed_checks();
    assert!(
        failed_checks["disk"].contains("0 MiB are free"),
        "{failed_checks:?}"
    );
    let hoards = apps::app(
        "hoards",
        "services:\n  hoards:\n    image: docker.io/library/busybox:stable\n    command: sleep infinity\n    \
         volumes: [data:/data]\nvolumes:\n  data:\n",
    );
    let folder = node.put(&hoards);
    let said = node.archipelago(&["install", &folder]);
    assert!(
        said.status != 0 && said.stderr.contains("No space left on device"),
        "{said:?}"
    );

    empty(&node, DATA);
    all_well(&node, RECOVERY);
    assert_eq!(kept(&node), kept_before);
}

#[test]
fn data_on_a_read_only_disk_are_not_looked_for_elsewhere() {
    let node = Node::with(Options::default().disk(300, DATA));
    let kept_before = shop(&node);
    let before = node.containers();

    node.shell(&format!(
        "systemctl --user stop archipelago; chmod 644 {DATA}/archy-shop/shop.conf"
    ));
    remount(&node, "ro", DATA);
    // A daemon that starts now must know where the data are.
    node.shell("systemctl --user start archipelago");
    until_reported(&node, "shop", "failed", "Read-only file system", SOON);
    let failed_checks = node.failed_checks();
    assert!(
        failed_checks["folder-data"].contains("is read-only"),
        "{failed_checks:?}"
    );
    assert_eq!(node.containers(), before);
    let elsewhere = node.try_shell("ls -d ~/.local/share/archipelago");
    assert!(!elsewhere.success(), "{elsewhere:?}");

    remount(&node, "rw", DATA);
    all_well(&node, RECOVERY);
    assert_eq!(kept(&node), kept_before);
}

#[test]
fn no_room_for_podman() {
    let node = Node::with(Options::default().disk(300, STORAGE));
    let kept_before = shop(&node);

    fill(&node, STORAGE);
    node.try_shell("podman kill archy-shop");
    until_reported(&node, "shop", "failed", "archipelago logs", RECOVERY);
    until("the app's log to say why", RECOVERY, || {
        let log = node.archipelago(&["logs", "shop"]).stdout;
        log.to_lowercase().contains("disk is full").then_some(())
    });
    let failed_checks = node.failed_checks();
    assert!(
        failed_checks["disk"].contains("0 MiB are free"),
        "{failed_checks:?}"
    );

    empty(&node, STORAGE);
    all_well(&node, RECOVERY);
    assert_eq!(kept(&node), kept_before);
}

#[test]
fn podmans_storage_on_a_read_only_disk() {
    let node = Node::with(Options::default().disk(300, STORAGE));
    let kept_before = shop(&node);

    node.shell("systemctl --user stop podman.service");
    remount(&node, "ro", STORAGE);
    node.try_shell("podman kill archy-shop; podman exec archy-shop kill 1");
    node.try_shell("systemctl --user kill archy-shop");
    let cause = until_reported(&node, "shop", "failed", "archy-shop.service", RECOVERY);
    println!("status: {cause}; doctor: {:?}", node.failed_checks());

    remount(&node, "rw", STORAGE);
    all_well(&node, RECOVERY);
    assert_eq!(kept(&node), kept_before);
}
