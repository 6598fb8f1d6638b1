//! Definitions are stored under the hash of their files, and an intent names one of them.

use crate::apps::{self, App};
use crate::node::{CONFIG, Node, SOON, text, until_equal};

/// An app that serves a page from its definition.
fn paged(page: &str) -> App {
    apps::app(
        "paged",
        "services:
  paged:
    image: docker.io/library/busybox:stable
    env_file: .env
    volumes: [\"./page:/page:ro\"]
    ports: [\"8481:80\"]
    command: [httpd, -f, -h, /page]
",
    )
    .with("page/index.html", page)
    .with("page/run", "#!/bin/sh\n")
    .with(".env", "WORD=kept\n")
}

/// Writes the app's folder, with modes other than the default, and installs it.
fn install(node: &Node, page: &str) -> String {
    let folder = node.put(&paged(page));
    node.shell(&format!(
        "chmod 600 {folder}/.env; chmod 750 {folder}/page/run"
    ));
    node.user(&["archipelago", "install", &folder]);
    folder
}

fn page(node: &Node) -> String {
    node.try_shell("curl -fsS http://127.0.0.1:8481/").stdout
}

fn count(node: &Node, folder: &str) -> usize {
    let listed = node.try_shell(&format!("ls {CONFIG}/{folder}"));
    listed.stdout.lines().count()
}

#[test]
fn a_definition_keeps_its_modes_and_a_change_of_it_is_reported_or_repaired() {
    let node = Node::new();
    let folder = install(&node, "one\n");
    let release = node.shell(&format!(
        "sed -n 's/^release = \"\\(.*\\)\"$/\\1/p' {CONFIG}/apps/paged.toml"
    ));
    let release = format!("{CONFIG}/releases/{}", release.trim());
    let modes = node.shell(&format!(
        "cd {release}; stat -c '%a %n' .env compose.yaml page/run; stat -c %a {CONFIG}/apps {CONFIG}/releases"
    ));
    assert_eq!(
        modes,
        "600 .env\n644 compose.yaml\n700 page/run\n700\n700\n"
    );

    // A changed file that a container mounts is repaired, and that container restarts.
    let before = node.containers();
    let mounted =
        node.shell("podman container inspect archy-paged --format '{{(index .Mounts 0).Source}}'");
    let mounted = format!("{}/index.html", mounted.trim());
    assert!(!mounted.starts_with(&release), "{mounted}");
    node.write(&mounted, "mine\n");
    until_equal(
        "the page to be as installed",
        SOON,
        &"one\n".to_owned(),
        || page(&node),
    );
    assert_ne!(node.containers(), before);

    // A changed file that no container mounts is only reported, and the containers keep running.
    let before = node.containers();
    node.write(&format!("{release}/compose.yaml"), "services: {}\n");
    until_equal("the change to be reported", SOON, &true, || {
        let message = node.status("paged")["message"].clone();
        text(&message).contains("is not as it was installed") && text(&message).contains(&folder)
    });
    assert_eq!(node.containers(), before);
    node.user(&["archipelago", "install", &folder]);
    assert_eq!(node.state("paged"), "ready");
    assert_eq!(node.containers(), before);
}

#[test]
fn the_last_versions_of_an_app_are_kept_until_it_is_removed() {
    let node = Node::new();
    for number in 1..=8 {
        install(&node, &format!("{number}\n"));
        assert_eq!(page(&node), format!("{number}\n"));
    }
    // Five earlier intents, and the version that the operator has agreed to.
    assert_eq!(count(&node, "history/paged/*.toml"), 6);
    // Five earlier definitions, the present one, and the present one's mounted part.
    until_equal("the unused releases to be removed", SOON, &7, || {
        count(&node, "releases")
    });
    let again = node.containers();
    node.user(&["archipelago", "install", "/home/archy/apps/paged"]);
    assert_eq!(
        (count(&node, "history/paged/*.toml"), node.containers()),
        (6, again)
    );
    // A command that is killed before the switch leaves a release that nothing names.
    let stray = format!("{CONFIG}/releases/{}", "a".repeat(64));
    // Put in place by a rename: the daemon may remove it at once.
    node.shell(&format!(
        "mkdir {CONFIG}/stray; touch {CONFIG}/stray/compose.yaml; mv {CONFIG}/stray {stray}"
    ));
    until_equal("that release to be removed", SOON * 2, &7, || {
        count(&node, "releases")
    });
    node.user(&["archipelago", "uninstall", "paged", "--purge"]);
    until_equal(
        "everything of the app to be removed",
        SOON,
        &"apps\n".to_owned(),
        || {
            node.shell(&format!(
                "cd {CONFIG}; ls -d apps history releases 2>/dev/null || :"
            ))
        },
    );
}
