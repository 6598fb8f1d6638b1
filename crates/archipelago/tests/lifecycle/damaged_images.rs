//! An image that is damaged in Podman's storage, as by a power cut, affects only its own app. It is
//! built or pulled again where that is possible.

use crate::apps::{self, App};
use crate::node::{CONFIG, Node, ONE_TICK, SOON, text, until, until_equal};

const IMAGES: &str = "/home/archy/.local/share/containers/storage/overlay-images";

fn built(id: &str, port: u16) -> App {
    let mut app = apps::lone(id, port);
    app.files[0].1 = app.files[0]
        .1
        .replace("image: docker.io/library/busybox:stable", "build: ./image");
    app.with(
        "image/Containerfile",
        &format!("FROM docker.io/library/busybox:stable\nRUN echo {id} >/etc/{id}\n"),
    )
}

fn image_id(node: &Node, container: &str) -> String {
    let id = node.shell(&format!(
        "podman container inspect --format '{{{{.Image}}}}' {container}"
    ));
    id.trim().to_owned()
}

fn list_fails(node: &Node) -> bool {
    !node
        .try_shell("curl -fsS --unix-socket $XDG_RUNTIME_DIR/podman/podman.sock http://d/v5.0.0/libpod/images/json")
        .success()
}

/// Stops and starts an app. The new container needs the image.
fn stop_and_start(node: &Node, app: &str) {
    node.archipelago(&["stop", app]);
    node.archipelago(&["start", app]);
}

#[test]
fn a_damaged_image_affects_only_its_own_app_and_is_built_again() {
    let node = Node::new();
    node.install(&built("hurt", 8481));
    node.install(&apps::lone("other", 8482));
    let other = node.containers()["archy-other"].clone();
    let damaged = image_id(&node, "archy-hurt");
    node.shell(&format!("rm {IMAGES}/{damaged}/manifest"));
    assert!(list_fails(&node));

    // Meanwhile another app is built, installed and repaired.
    node.install(&built("third", 8483));
    let killed = node.containers()["archy-third"].clone();
    node.shell("podman kill archy-third");
    until("the third app to run again", SOON, || {
        let now = node.try_containers()?.remove("archy-third")?;
        (now.id != killed.id && now.state == "running").then_some(())
    });
    until_equal(
        "the third app to be ready again",
        SOON,
        &"ready".to_owned(),
        || node.state("third"),
    );
    assert_eq!(node.containers()["archy-other"], other);
    let failed_checks = node.failed_checks();
    assert!(
        failed_checks["images"].contains(&damaged[..12])
            && failed_checks["images"].contains("manifest"),
        "{failed_checks:?}"
    );

    stop_and_start(&node, "hurt");
    until_equal("the app to be ready", ONE_TICK, &"ready".to_owned(), || {
        node.state("hurt")
    });
    let repaired = image_id(&node, "archy-hurt");
    assert_ne!(repaired, damaged);

    // The command that `doctor` names removes the damaged image, and no container notices.
    let doctor = node.archipelago(&["doctor"]).stdout;
    let cure = doctor
        .lines()
        .find_map(|line| line.trim().strip_prefix("to do: podman rmi --force "))
        .unwrap_or_else(|| panic!("{doctor}"));
    let ids = cure.split(" (").next().unwrap_or_default();
    assert!(ids.split(' ').any(|id| id == damaged), "{doctor}");
    let before = node.containers();
    node.shell(&format!("podman rmi --force {ids}"));
    assert!(!list_fails(&node));
    assert!(
        !node.failed_checks().contains_key("images"),
        "{:?}",
        node.failed_checks()
    );
    assert_eq!(node.containers(), before);
}

#[test]
fn an_image_without_its_manifest_or_configuration_is_pulled_again() {
    let node = Node::new();
    node.write(
        &format!("{CONFIG}/config.toml"),
        "insecure_registries = [\"127.0.0.1:5000\"]\n",
    );
    let registry = node.0.registry(5000).expect("a registry");
    node.shell("printf 'FROM docker.io/library/busybox:stable\\nRUN echo x >/x\\n' | podman build -q -t localhost/pulled -");
    let web = registry
        .push("localhost/pulled", "web:1")
        .expect("a pushed image");
    node.shell("podman rmi -af >/dev/null 2>&1 || true");
    node.install(&apps::of_image("pulled", 8481, &web));
    let image = image_id(&node, "archy-pulled");
    let of_config = format!(
        "for f in {IMAGES}/{image}/=*; do case $(basename $f | cut -c2- | base64 -d) in sha256:*) rm $f;; esac; done"
    );
    for damage in [format!("rm {IMAGES}/{image}/manifest"), of_config] {
        node.shell(&damage);
        assert!(list_fails(&node), "{damage}");
        stop_and_start(&node, "pulled");
        until_equal("the app to be ready", ONE_TICK, &"ready".to_owned(), || {
            node.state("pulled")
        });
        assert!(!list_fails(&node), "{damage}");
    }

    // A lost layer cannot be pulled again while the rest of its image is there. The app's message
    // refers to `doctor`, which names the command.
    let layer = node.shell(&format!(
        "podman image inspect --format '{{{{.GraphDriver.Data.UpperDir}}}}' {web}"
    ));
    node.archipelago(&["stop", "pulled"]);
    node.shell(&format!("podman unshare rm -r $(dirname {})", layer.trim()));
    node.archipelago(&["start", "pulled"]);
    until("the app to report the damage", ONE_TICK, || {
        let status = node.status("pulled");
        let message = text(&status["message"]);
        (message.contains("is damaged") && message.contains("archipelago doctor")).then_some(())
    });
    let doctor = node.archipelago(&["doctor"]).stdout;
    assert!(
        doctor.contains(&format!("podman rmi --force {image}")),
        "{doctor}"
    );
    node.shell(&format!("podman rmi --force {image}"));
    node.user(&["archipelago", "start", "pulled"]);
    assert_eq!(node.state("pulled"), "ready");
    assert!(!list_fails(&node));
}
