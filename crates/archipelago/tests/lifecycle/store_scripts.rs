//! Scripts that come with an app of a store: they run when a person has agreed, without a network,
//! and see the app's folder alone.

use crate::apps;
use crate::node::{CONFIG, DATA, Node, UNITS, text};

const BOX: &str = "docker.io/library/busybox:stable";
/// The image of scripts, by its name in units' definitions.
const SCRIPTS: &str = "docker.io/library/debian:trixie-slim@sha256:3a39a0592364683e6bab97937b72cad5a8fa6dcbbee90edb3bb48c7f8e94f258";

const BEFORE: &str = r#"#!/usr/bin/env bash
set -eu
cd "$APP_DATA_DIR/data"
rm -f started after
sed '1,2d; s/:.*//; s/ //g' /proc/net/dev >interfaces
awk '{print $5}' /proc/self/mountinfo | grep -Ev '^/(proc|dev|sys|etc|run)(/|$)' | sort >mounts
if touch "$APP_DATA_DIR/hooks/pre-start"; then echo 'it can change its script'; exit 9; fi
echo "$APP_ID $UMBREL_ROOT $APP_SEED" >given
if [ -e fail ]; then echo 'the disk is upside down' >&2; exit 3; fi
date >>runs
"#;

const AFTER: &str = "cat /umbrel/app-data/notes/data/started >/umbrel/app-data/notes/data/after\n";

/// Adds a store with an app that has both scripts.
fn add_store(node: &Node) {
    let compose = format!(
        "services:
  app_proxy:
    environment: {{APP_HOST: notes_web_1, APP_PORT: 80}}
  web:
    image: {BOX}
    command: [sh, -c, \"trap 'exit 0' TERM; echo web >/data/started; httpd -f -p 80 -h /data & wait\"]
    volumes: ['${{APP_DATA_DIR}}/data:/data']
"
    );
    let about = "id: notes\nname: Notes\nversion: '1'\nport: 8480\n";
    let files = [
        ("notes/umbrel-app.yml", about),
        ("notes/docker-compose.yml", &*compose),
        ("notes/hooks/pre-start", BEFORE),
        ("notes/hooks/post-start", AFTER),
    ];
    let folder = node.put(&apps::App {
        id: "friends".to_owned(),
        files: files
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into(),
    });
    node.shell(&format!("chmod +x {folder}/notes/hooks/*"));
    let image = "docker.io/library/debian:trixie-slim";
    let config = format!("[images]\n{SCRIPTS:?} = {image:?}\n");
    node.write(&format!("{CONFIG}/config.toml"), &config);
    node.user(&["archipelago", "store", "add", &folder]);
}

const INSTALL: [&str; 3] = ["install", "--yes", "friends/notes"];
const ALLOW: [&str; 4] = [
    "--allow",
    "script:hooks/pre-start",
    "--allow",
    "script:hooks/post-start",
];

/// A file that the scripts or the app wrote; nothing if it is not there.
fn written(node: &Node, name: &str) -> String {
    let path = format!("{DATA}/files/notes/data/{name}");
    node.try_shell(&format!("podman unshare cat {path}")).stdout
}

fn served(node: &Node) -> String {
    node.shell("curl -fsS --max-time 60 http://127.0.0.1:8480/started")
}

#[test]
fn a_script_of_a_store_runs_by_consent_alone_and_sees_its_own_folder() {
    let node = Node::new();
    add_store(&node);
    let said = node.exits(3, &INSTALL);
    let may = "it may run its script hooks/pre-start at each start, in a container without network that sees only the app's own files";
    for part in [may, "--allow script:hooks/pre-start", "--without-scripts"] {
        assert!(said.contains(part), "{part:?}: {said}");
    }
    assert_eq!(node.containers().len(), 0);

    node.exits(0, &[&INSTALL[..], &["--without-scripts"]].concat());
    assert_eq!(node.state("notes"), "ready");
    assert_eq!(
        node.shell(&format!("ls {UNITS} | grep -c hook || true")),
        "0\n"
    );
    assert_eq!(written(&node, "runs"), "");

    // The same app with its scripts.
    node.exits(3, &INSTALL);
    node.exits(0, &[&INSTALL[..], &ALLOW].concat());
    assert_eq!(node.state("notes"), "ready");
    assert_eq!(written(&node, "interfaces"), "lo\n");
    let folder = "/umbrel/app-data/notes";
    assert_eq!(
        written(&node, "mounts"),
        format!("/\n{folder}/data\n{folder}/hooks\n{folder}/umbrel-app.yml\n")
    );
    let seed = node.shell(&format!("cat {DATA}/secrets/notes/app_seed"));
    assert_eq!(
        written(&node, "given"),
        format!("notes /umbrel {}\n", seed.trim())
    );
    assert_eq!(written(&node, "runs").lines().count(), 1);
    // The second one ran once the app had started.
    assert_eq!(written(&node, "after"), "web\n");

    node.exits(0, &["restart", "notes"]);
    assert_eq!(written(&node, "runs").lines().count(), 2);
    assert_eq!(written(&node, "after"), "web\n");
    node.exits(0, &["uninstall", "--purge", "notes"]);
    assert_eq!(node.traces("archy-"), Vec::<String>::new());
}

#[test]
fn an_app_runs_although_its_script_fails_and_status_tells_it() {
    let node = Node::new();
    add_store(&node);
    node.exits(0, &[&INSTALL[..], &ALLOW].concat());
    node.shell(&format!(
        "podman unshare touch {DATA}/files/notes/data/fail"
    ));
    let said = node.exits(1, &["restart", "notes"]);
    let unit = "archy-notes-hook-pre-start.service: the job ended with exit-code (status 3)";
    assert!(said.contains(unit), "{said}");
    let status = node.status("notes");
    assert_eq!(text(&status["state"]), "degraded");
    let message = text(&status["message"]);
    assert!(
        message.contains("its last line: the disk is upside down"),
        "{message}"
    );
    assert_eq!(served(&node), "web\n");
    assert_eq!(written(&node, "runs").lines().count(), 1);

    node.shell(&format!("podman unshare rm {DATA}/files/notes/data/fail"));
    node.exits(0, &["start", "notes"]);
    assert_eq!(node.state("notes"), "ready");
    assert_eq!(written(&node, "runs").lines().count(), 2);
}
