//! Data that a container writes into a volume of its image outlives the container.

use crate::apps::{self, App};
use crate::node::{DATA, Node, SOON, UNITS, until_equal};

/// An app whose image declares two volumes, and sets their owner. One has a file of the image, and
/// the other lies in a volume of the app.
fn keeps(version: &str) -> App {
    apps::app(
        "keeps",
        "services:
  keeps:
    build: ./image
    user: \"33:33\"
    volumes: [\"above:/above\"]
    command: [sh, -c, \"trap 'exit 0' TERM; echo start >>/kept/starts; echo start >>/above/inside/starts; sleep infinity & wait\"]
volumes:
  above:
",
    )
    .with(
        "image/Containerfile",
        &format!(
            "FROM docker.io/library/busybox:stable
RUN mkdir -p /kept /above/inside && echo {version} >/kept/from-image && chown -R 33:33 /kept /above && chmod 750 /kept
VOLUME /kept /above/inside/
"
        ),
    )
}

fn starts(node: &Node) -> String {
    node.shell("podman exec archy-keeps cat /kept/starts /above/inside/starts")
}

#[test]
fn data_in_a_volume_of_the_image_are_kept() {
    let node = Node::new();
    node.install(&keeps("one"));
    // The image's content and owner are there, as in a volume that Podman makes by itself.
    assert_eq!(
        node.shell("podman exec archy-keeps sh -c 'cat /kept/from-image; stat -c %u:%g:%a /kept'"),
        "one\n33:33:750\n"
    );
    node.user(&["systemctl", "--user", "restart", "archy-keeps"]);
    let twice = "start\nstart\n".repeat(2);
    until_equal("both starts to be kept", SOON, &twice, || starts(&node));
    node.user(&["archipelago", "restart", "keeps"]);
    assert_eq!(starts(&node).lines().count(), 6);
    // Podman has made no anonymous volume.
    let volumes = node.shell("podman volume ls -q");
    assert!(
        volumes.lines().count() == 3
            && volumes.lines().all(|name| name.starts_with("archy-keeps-")),
        "{volumes}"
    );

    // `images.json` is a cache: its loss restarts nothing.
    let before = node.containers();
    let units = node.shell(&format!("cd {UNITS}; cat archy-keeps*"));
    node.shell(&format!("systemctl --user stop archipelago; rm {DATA}/images.json; rm {UNITS}/archy-keeps.container; systemctl --user start archipelago"));
    until_equal(
        "`images.json` and the unit to be written again",
        SOON,
        &true,
        || {
            node.try_shell(&format!(
                "test -s {DATA}/images.json -a -s {UNITS}/archy-keeps.container"
            ))
            .success()
        },
    );
    assert_eq!(node.shell(&format!("cd {UNITS}; cat archy-keeps*")), units);
    assert_eq!(node.state("keeps"), "ready");
    assert_eq!(node.containers(), before);
    assert_eq!(
        node.shell(&format!("stat -c %a {DATA}/images.json")).trim(),
        "600"
    );

    // Another image and an uninstallation keep the data. A purge deletes them.
    node.install(&keeps("two"));
    assert_eq!(starts(&node).lines().count(), 8);
    node.user(&["archipelago", "uninstall", "keeps"]);
    let kept = node.shell(&format!("ls {DATA}/volumes/keeps"));
    assert_eq!(kept.lines().count(), 3, "{kept}");
    node.install(&keeps("two"));
    assert_eq!(starts(&node).lines().count(), 10);
    node.user(&["archipelago", "uninstall", "keeps", "--purge"]);
    assert!(
        !node
            .try_shell(&format!("ls {DATA}/volumes/keeps"))
            .success()
    );
    assert_eq!(node.shell("podman volume ls -q"), "");
}
