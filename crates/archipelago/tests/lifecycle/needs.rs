//! A device, limit or processor that a container needs and this host lacks is named, before the
//! installation and while the app is installed.

use crate::apps::{self, App};
use crate::node::{CONFIG, Node, SOON, text, until};

const FOREIGN: &str = "docker.io/acme/foreign:1";

fn needing(lines: &str) -> App {
    let text = format!(
        "services:\n  needs:\n    image: docker.io/library/busybox:stable\n    command: sh -c \"trap 'exit 0' TERM; sleep 1000 & wait\"\n{lines}"
    );
    apps::app("needs", &text)
}

/// Runs `install`, which must end with this exit code. Returns its standard error.
fn install(node: &Node, app: &App, code: i32) -> String {
    let folder = node.put(app);
    node.exits(code, &["install", "--yes", &folder, "--allow", "all"])
}

#[test]
fn a_missing_device_or_limit_is_reported_before_anything_is_installed() {
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

    // `-1` asks for no limit. The app runs with the limit of the host, and a warning says so.
    let said = install(&node, &needing("    ulimits: {memlock: -1}\n"), 0);
    assert!(
        said.contains("warning: archy-needs: it asks for memlock without limit, and gets"),
        "{said}"
    );
    assert_eq!(node.state("needs"), "ready");
    // A limit equal to the host's is accepted.
    node.user(&["archipelago", "uninstall", "--purge", "needs"]);
    let at = format!("    ulimits: {{nofile: {limit}}}\n    devices: [/dev/null]\n");
    let said = install(&node, &needing(&at), 0);
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn a_device_that_is_removed_later_is_named() {
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

/// Imports an image for s390x. Its program has no more than the ELF header of that processor.
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
    let cause = format!("the image {FOREIGN} is for s390x, and this machine is ");
    assert!(
        said.contains(&format!("warning: archy-foreign: {cause}")),
        "{said}"
    );
    let error = said.lines().find(|line| line.starts_with("error: "));
    assert!(error.is_some_and(|line| line.contains(&cause)), "{said}");
    let status = node.status("foreign");
    assert_eq!(status["state"], "failed");
    assert!(text(&status["message"]).contains(&cause), "{status}");
}
