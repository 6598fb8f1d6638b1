//! Images are present, built or pulled; without TLS only from registries that the operator has
//! listed.

use archipelago_core::reconcile::TICK;

use crate::apps;
use crate::node::{CONFIG, Node, SOON, until_equal};

const BUSYBOX: &str = "docker.io/library/busybox:stable";

#[test]
fn a_registry_without_tls_is_refused_until_it_is_listed() {
    let node = Node::new();
    let registry = node.0.registry(5000).expect("a registry");
    let web = registry.push(BUSYBOX, "web:1").expect("a pushed image");
    registry.push(BUSYBOX, "mapped:1").expect("a pushed image");
    let by_tag = apps::of_image("tagged", 8481, &web);

    let folder = node.put(&by_tag);
    let said = node.exits(1, &["install", &folder]);
    assert!(
        said.contains(&web)
            && said.contains("insecure_registries")
            && said.contains("127.0.0.1:5000"),
        "{said}"
    );
    // Every process shows the failure, whichever process had it.
    let status = node.status("tagged");
    assert_eq!(status["state"], "failed");
    assert!(
        status["message"]
            .as_str()
            .is_some_and(|cause| cause.contains("insecure_registries")),
        "{status}"
    );
    // The daemon learns of the failure without waiting for its tick.
    until_equal("the daemon to report the failure", TICK / 2, &true, || {
        let health = node.shell("curl -fsS http://127.0.0.1:5678/health");
        health.contains("{\"failed\":1}")
    });
    assert!(
        !node
            .try_shell(&format!("podman image exists {web}"))
            .success()
    );
    assert_eq!(node.containers().len(), 0);

    // Once the registry is listed, the pull succeeds without another command.
    node.write(
        &format!("{CONFIG}/config.toml"),
        "insecure_registries = [\"127.0.0.1:5000\"]\n[images]\n\"docker.io/acme/thing:1\" = \"127.0.0.1:5000/mapped:1\"\n",
    );
    until_equal(
        "the app to be ready by itself",
        SOON,
        &"ready".to_owned(),
        || node.state("tagged"),
    );
    assert_eq!(
        node.shell("curl -fsS http://127.0.0.1:8481/passwd | wc -l"),
        "2\n"
    );

    node.install(&apps::of_image("mapped", 8482, "docker.io/acme/thing:1"));
    let image = node.shell("podman container inspect --format '{{.ImageName}}' archy-mapped");
    assert_eq!(image.trim(), "127.0.0.1:5000/mapped:1");
}

#[test]
fn an_image_is_pulled_by_its_digest() {
    let node = Node::new();
    node.write(
        &format!("{CONFIG}/config.toml"),
        "insecure_registries = [\"127.0.0.1:5000\"]\n",
    );
    let registry = node.0.registry(5000).expect("a registry");
    registry.push(BUSYBOX, "web:1").expect("a pushed image");
    let digest = node.shell(
        "curl -fsS -I -H 'Accept: application/vnd.oci.image.manifest.v1+json' http://127.0.0.1:5000/v2/web/manifests/1 |
        tr -d '\\r' | sed -n 's/^Docker-Content-Digest: //Ip'",
    );
    let digest = digest.trim();
    node.install(&apps::of_image(
        "pinned",
        8481,
        &format!("127.0.0.1:5000/web:1@{digest}"),
    ));
    let image = node.shell("podman container inspect --format '{{.ImageName}}' archy-pinned");
    assert_eq!(image.trim(), format!("127.0.0.1:5000/web@{digest}"));

    let wrong = format!("127.0.0.1:5000/web@sha256:{}", "0".repeat(64));
    let said = node.exits(
        1,
        &["install", &node.put(&apps::of_image("wrong", 8482, &wrong))],
    );
    assert!(
        said.contains(&wrong) && said.contains("manifest unknown"),
        "{said}"
    );
    assert_eq!(node.state("pinned"), "ready");
}

#[test]
fn an_image_is_built_before_it_is_pulled_and_only_when_it_is_absent() {
    let node = Node::new();
    let app = apps::app(
        "built",
        "services:\n  built:\n    build: ./image\n    command: [sh, -c, \"trap 'exit 0' TERM; sleep infinity & wait\"]\n",
    );
    let app = app.with(
        "image/Containerfile",
        &format!("FROM {BUSYBOX}\nRUN head -c 8 /dev/urandom >/built\n"),
    );
    node.install(&app);
    let built = || {
        node.shell("podman exec archy-built md5sum /built; podman container inspect --format '{{.Image}}' archy-built")
    };
    let first = built();
    node.user(&["archipelago", "uninstall", "built"]);
    // Without the base image it cannot be built again, so it runs from the present image.
    node.shell("podman image prune -f >/dev/null");
    node.install(&app);
    assert_eq!(built(), first);

    let broken = apps::app("broken", "services:\n  broken:\n    build: ./image\n").with(
        "image/Containerfile",
        &format!("FROM {BUSYBOX}\nRUN echo out of coffee; exit 3\n"),
    );
    let said = node.exits(1, &["install", &node.put(&broken)]);
    assert!(
        said.contains("out of coffee") || said.contains("exit status 3"),
        "{said}"
    );
    assert_eq!(node.state("built"), "ready");

    // An image that can be pulled as well is pulled when the build fails.
    node.write(
        &format!("{CONFIG}/config.toml"),
        "insecure_registries = [\"127.0.0.1:5000\"]\n",
    );
    let registry = node.0.registry(5000).expect("a registry");
    let web = registry.push(BUSYBOX, "web:1").expect("a pushed image");
    let compose = format!(
        "services:\n  rescued:\n    build: ./image\n    image: {web}\n    command: [sh, -c, \"trap 'exit 0' TERM; sleep infinity & wait\"]\n"
    );
    let rescued = apps::app("rescued", &compose).with(
        "image/Containerfile",
        &format!("FROM {BUSYBOX}\nRUN echo out of coffee; exit 3\n"),
    );
    node.install(&rescued);
    node.shell(&format!("podman image exists {web}"));
}
