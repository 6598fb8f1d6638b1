//! Needs of a container that this host does not meet are named, before the installation and when
//! one arises later.

use crate::apps::{self, App};
use crate::node::{CONFIG, Node, SOON, text, until};

const FOREIGN: &str = "docker.io/acme/foreign:1";

fn needing(lines: &str) -> App {
    let text = format!(
        "services:\n  needs:\n    image: docker.io/library/busybox:stable\n    command: sh -c \"trap 'exit 0' TERM; sleep 1000 & wait\"\n{lines}"
    );
    apps::app("needs", &text)
}

/// An installation that ends with this exit code. Returns what it said.
fn install(node: &Node, app: &App, code: i32) -> String {
    let folder = node.put(app);
    node.refused(code, &["install", "--yes", &folder, "--allow", "all"])
}

#[test]
fn a_device_or_limit_that_this_host_does_not_have_is_told_before_anything_is_installed() {
    let node = Node::new();
    let said = install(&node, &needing("    devices: [/dev/absent]\n"), 4);
    assert!(
        said.contains("archy-needs: it needs the device /dev/absent"),
        "{said}"
    );
    let limit = node.shell("ulimit -Hn");
    let limit: u64 = limit.trim().parse().expect("a number");
    let above = format!("    ulimits: {{nofile: {}}}\n", limit + 1);
    let said = install(&node, &needing(&above), 4);
    let expected = format!(
        "it asks for the limit nofile={}, and services of this user may have {limit} at most",
        limit + 1
    );
    assert!(said.contains(&expected), "{said}");
    assert!(
        !node
            .try_shell(&format!("test -e {CONFIG}/apps/needs"))
            .success()
    );
    assert_eq!(node.containers().len(), 0);

    // As much as is allowed is less than it sounds like; the app runs.
    let said = install(&node, &needing("    ulimits: {memlock: -1}\n"), 0);
    assert!(
        said.contains("warning: archy-needs: it asks for memlock without limit, and gets"),
        "{said}"
    );
    assert_eq!(node.state("needs"), "ready");
    // At the limit is not above it.
    node.user(&["archipelago", "uninstall", "--purge", "needs"]);
    let at = format!("    ulimits: {{nofile: {limit}}}\n    devices: [/dev/null]\n");
    let said = install(&node, &needing(&at), 0);
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn a_device_that_goes_away_later_is_named() {
    let node = Node::new();
    node.root(&["mv", "/dev/fuse", "/dev/stick"]);
    install(&node, &needing("    devices: [/dev/stick]\n"), 0);
    node.root(&["mv", "/dev/stick", "/dev/fuse"]);
    node.shell("systemctl --user kill --signal=KILL archy-needs.service");
    let message = until("the missing device to be named", SOON, || {
        let message = text(&node.status("needs")["message"]);
        message.contains("the device /dev/stick").then_some(message)
    });
    assert!(
        message.contains("which this machine does not have"),
        "{message}"
    );
    node.root(&["mv", "/dev/fuse", "/dev/stick"]);
    until("the app to be ready by itself", 2 * SOON, || {
        (node.state("needs") == "ready").then_some(())
    });
}

/// A program for s390x, or what the kernel takes for one, in an image that says so.
const IMPORT: &str = r#"
mkdir foreign
printf '\x7fELF\x02\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x16\x00\x00\x00\x01' >foreign/program
head -c 1000 /dev/zero >>foreign/program
chmod +x foreign/program
tar -C foreign -cf foreign.tar program
podman import --arch s390x --change 'ENTRYPOINT ["/program"]' foreign.tar "$1"
"#;

#[test]
fn an_image_for_another_processor_is_named() {
    let node = Node::new();
    node.user(&["bash", "-euc", IMPORT, "bash", FOREIGN]);
    let app = apps::app(
        "foreign",
        &format!("services:\n  foreign:\n    image: {FOREIGN}\n"),
    );
    let said = install(&node, &app, 1);
    let told = format!("the image {FOREIGN} is for s390x, and this machine is ");
    assert!(
        said.contains(&format!("warning: archy-foreign: {told}")),
        "{said}"
    );
    let error = said.lines().find(|line| line.starts_with("error: "));
    assert!(error.is_some_and(|line| line.contains(&told)), "{said}");
    let status = node.status("foreign");
    assert_eq!(status["state"], "failed");
    assert!(text(&status["message"]).contains(&told), "{status}");
}
