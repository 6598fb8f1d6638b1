//! A removal deletes neither through a mount nor through a link, and names the data that it leaves.

use crate::apps::{self, App};
use crate::node::{DATA, Node, SOON, until};

fn two_volumes() -> App {
    apps::app(
        "twice",
        "services:
  twice:
    image: docker.io/library/busybox:stable
    volumes: [\"one:/one\", \"two:/two\", \"./three:/three\"]
    secrets: [token]
    command: [sh, -c, \"trap 'exit 0' TERM; for v in one two three; do echo $$v >/$$v/file; done; sleep infinity & wait\"]
volumes:
  one:
  two:
secrets: {token: }
x-archipelago:
  secrets: {token: {description: A token.}}
",
    )
}

#[test]
fn data_are_not_deleted_through_a_leftover_mount_in_podmans_namespace() {
    let node = Node::new();
    node.install(&two_volumes());
    let folder = format!("{DATA}/volumes/twice/one");
    let point = node.shell("podman volume inspect archy-twice-one --format '{{.Mountpoint}}'");
    let point = point.trim();
    // A second mount over Podman's own, as an interrupted command leaves it.
    node.shell(&format!("podman unshare mount --bind {folder} {point}"));

    let said = node.exits(1, &["uninstall", "twice"]);
    assert!(
        said.contains(point) && said.contains("podman unshare umount"),
        "{said}"
    );
    assert_eq!(node.shell(&format!("cat {folder}/file")), "one\n");
    node.shell(&format!("podman unshare umount {point}"));
    // The removal continues by itself.
    until("the app to be gone", SOON * 2, || {
        let left = node.try_shell("podman volume ls -q; ls ~/.config/archipelago/apps");
        left.stdout.is_empty().then_some(())
    });
    assert_eq!(node.shell(&format!("cat {folder}/file")), "one\n");
}

#[test]
fn a_purge_leaves_and_names_data_behind_a_link_or_mount() {
    let node = Node::new();
    node.shell(&format!(
        "mkdir -p big/one big/three {DATA}/volumes/twice {DATA}/files/twice
        ln -s /home/archy/big/one {DATA}/volumes/twice/one
        mkdir {DATA}/files/twice/three"
    ));
    let bind = ["mount", "--bind", "/home/archy/big/three"];
    let three = format!("{DATA}/files/twice/three");
    node.root(&[&bind[..], &[&three]].concat());
    node.install(&two_volumes());
    // No secret is made through a link, so this one comes later.
    node.shell(&format!(
        "mv {DATA}/secrets/twice big/secrets; ln -s /home/archy/big/secrets {DATA}/secrets/twice"
    ));

    let said = node.user(&["archipelago", "uninstall", "twice", "--purge"]);
    for words in [
        &format!(
            "{DATA}/volumes/twice/one was a link to /home/archy/big/one, which is left as it was"
        ),
        &format!(
            "{DATA}/secrets/twice was a link to /home/archy/big/secrets, which is left as it was"
        ),
        &format!("{three} is left as it was: a file system is mounted there"),
    ] {
        assert!(
            said.contains(words.as_str()),
            "{words:?} is missing in: {said}"
        );
    }
    assert_eq!(
        node.shell("cat big/one/file big/three/file"),
        "one\nthree\n"
    );
    assert_eq!(node.shell("ls big/secrets"), "token\n");
    let left = node.shell(&format!(
        "cd {DATA}; find volumes files secrets -mindepth 2"
    ));
    assert_eq!(left, "files/twice/three\nfiles/twice/three/file\n");

    // After the unmount a purge deletes everything.
    node.root(&["umount", &three]);
    let said = node.json(&["uninstall", "twice", "--purge"]);
    assert_eq!(said["left"], serde_json::json!([]));
    assert_eq!(
        node.shell(&format!(
            "cd {DATA}; find volumes files secrets -mindepth 1"
        )),
        ""
    );
}
