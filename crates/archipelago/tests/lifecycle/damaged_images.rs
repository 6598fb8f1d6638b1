//! An image that a power cut damaged is its app's own trouble, and is got again where that can be.

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

/// Ends an app's container so that it can only come back with its image.
fn stop_and_start(node: &Node, app: &str) {
    node.archipelago(&["stop", app]);
    node.archipelago(&["start", app]);
}

#[test]
fn only_the_app_of_a_damaged_image_is_affected_and_it_is_built_again() {
    let node = Node::new();
    node.install(&built("hurt", 8481));
    node.install(&apps::lone("other", 8482));
    let other = node.containers()["archy-other"].clone();
    let damaged = image_id(&node, "archy-hurt");
    node.shell(&format!("rm {IMAGES}/{damaged}/manifest"));
    assert!(list_fails(&node));

    // Others can be installed, be it that they are built, and be repaired.
    node.install(&built("third", 8483));
    node.shell("podman kill archy-third");
    until_equal("the third to be back", SOON, &"ready".to_owned(), || {
        node.state("third")
    });
    assert_eq!(node.containers()["archy-other"], other);
    let ailments = node.ailments();
    assert!(
        ailments["images"].contains(&damaged[..12]) && ailments["images"].contains("manifest"),
        "{ailments:?}"
    );

    stop_and_start(&node, "hurt");
    until_equal("the app to be ready", ONE_TICK, &"ready".to_owned(), || {
        node.state("hurt")
    });
    let mended = image_id(&node, "archy-hurt");
    assert_ne!(mended, damaged);

    // The cure that is named is one.
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
        !node.ailments().contains_key("images"),
        "{:?}",
        node.ailments()
    );
    assert_eq!(node.containers(), before);
}

#[test]
fn an_image_is_pulled_again_whatever_of_it_is_missing() {
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

    // A layer cannot be put back beside what is left of it; the person is told what to do.
    let layer = node.shell(&format!(
        "podman image inspect --format '{{{{.GraphDriver.Data.UpperDir}}}}' {web}"
    ));
    node.archipelago(&["stop", "pulled"]);
    node.shell(&format!("podman unshare rm -r $(dirname {})", layer.trim()));
    node.archipelago(&["start", "pulled"]);
    until("the app to say why", ONE_TICK, || {
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
