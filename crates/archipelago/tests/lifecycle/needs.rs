//! A device, limit or architecture that a container needs and this host lacks is named, before the
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

/// Runs `install`, which must end with this exit code. Returns its standard error. A device needs a
/// person's consent.
fn install(node: &Node, app: &App, code: i32) -> String {
    let folder = node.put(app);
    let mut arguments = vec!["install", "--yes", &folder];
    if app.files[0].1.contains("devices:") {
        arguments.extend(["--allow", "all"]);
    }
    node.exits(code, &arguments)
}

#[test]
fn a_missing_device_or_limit_is_reported_before_anything_is_installed() {
    let node = Node::new();
    let limit = node.shell("ulimit -Hn");
    let limit: u64 = limit.trim().parse().expect("a number");
    let above = format!("    ulimits: {{nofile: {}}}\n", limit + 1);
    let said = install(&node, &needing(&above), 4);
    let expected = format!(
        "it asks for the limit nofile={}, and services of this user may have {limit} at most",
        limit + 1
    );
    assert!(said.contains(&expected), "{said}");
    let said = install(&node, &needing("    devices: [/dev/absent]\n"), 4);
    assert!(
        said.contains("archy-needs: it needs the device /dev/absent"),
        "{said}"
    );
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
fn a_new_definition_of_an_installed_app_is_refused_for_a_need_that_it_adds() {
    let node = Node::new();
    install(&node, &needing(""), 0);
    let (before, intent) = (node.containers(), node.shell(INTENT));
    let said = install(&node, &needing("    devices: [/dev/absent]\n"), 4);
    assert!(said.contains("it needs the device /dev/absent"), "{said}");
    let said = install(&node, &needing("    ulimits: {nofile: 9999999}\n"), 4);
    assert!(said.contains("the limit nofile=9999999"), "{said}");
    let room = format!("x-archipelago: {{requires: {{disk_mib: {}}}}}\n", u32::MAX);
    let said = install(&node, &needing(&room), 4);
    assert!(said.contains("MiB more in /var/lib/archipelago"), "{said}");
    assert_eq!((node.containers(), node.shell(INTENT)), (before, intent));
    assert_eq!(node.state("needs"), "ready");

    // It goes on without a device that it has used before and that is away.
    node.root(&["mv", "/dev/fuse", "/dev/stick"]);
    install(&node, &needing("    devices: [/dev/stick]\n"), 0);
    node.root(&["mv", "/dev/stick", "/dev/fuse"]);
    let folder = node.put(&needing(
        "    devices: [/dev/stick]\n    environment: {A: b}\n",
    ));
    let install = node.archipelago(&["install", "--yes", &folder, "--allow", "all"]);
    assert_ne!(install.status, 4, "{install:?}");
    node.root(&["mv", "/dev/fuse", "/dev/stick"]);
    until("the app to be ready by itself", 2 * SOON, || {
        (node.state("needs") == "ready").then_some(())
    });
}

/// The intent and the definitions of the app `needs`.
const INTENT: &str = "cat ~/.config/archipelago/apps/needs.toml; ls ~/.config/archipelago/releases";

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

/// Imports an image for s390x. Its program has no more than the ELF header of that architecture.
const IMPORT: &str = r#"
mkdir foreign
printf '\x7fELF\x02\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x16\x00\x00\x00\x01' >foreign/program
head -c 1000 /dev/zero >>foreign/program
chmod +x foreign/program
tar -C foreign -cf foreign.tar program
podman import --arch s390x --change 'ENTRYPOINT ["/program"]' foreign.tar "$1"
"#;

#[test]
fn an_image_for_another_architecture_is_named() {
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

/// Pushes the image for s390x to a registry in three ways, and keeps none of them here: as an image
/// alone, in a list of its own, and in a list beside an image for this machine.
const PUSH: &str = r#"
podman push --quiet --tls-verify=false "$1" 127.0.0.1:5000/alone:1
for list in foreign both; do
    podman manifest create localhost/$list:1
    podman manifest add localhost/$list:1 "containers-storage:$1"
done
podman manifest add localhost/both:1 containers-storage:docker.io/library/busybox:stable
for list in foreign both; do
    podman manifest push --quiet --all --tls-verify=false localhost/$list:1 docker://127.0.0.1:5000/$list:1
    podman manifest rm localhost/$list:1
done
podman rmi "$1"
"#;

#[test]
fn an_image_that_a_registry_has_for_other_architectures_only_is_refused_before_anything_changes() {
    let node = Node::new();
    node.write(
        &format!("{CONFIG}/config.toml"),
        "insecure_registries = [\"127.0.0.1:5000\"]\n",
    );
    let _registry = node.0.registry(5000).expect("a registry");
    for script in [IMPORT, PUSH] {
        node.user(&["bash", "-euc", script, "bash", FOREIGN]);
    }
    let of = |image: &str| {
        let text = needing("").files[0]
            .1
            .replace("docker.io/library/busybox:stable", image);
        apps::app("needs", &text)
    };
    let cause = "archy-needs: its registry has the image 127.0.0.1:5000/foreign:1 for s390x only, and this machine is ";
    let foreign = of("127.0.0.1:5000/foreign:1");
    let said = install(&node, &foreign, 4);
    assert!(said.contains(cause), "{said}");
    assert_eq!(node.traces("needs"), Vec::<String>::new());

    install(&node, &of("127.0.0.1:5000/both:1"), 0);
    let (before, intent) = (node.containers(), node.shell(INTENT));
    let said = install(&node, &foreign, 4);
    assert!(said.contains(cause), "{said}");
    let built = apps::app("needs", "services:\n  needs:\n    build: ./image\n").with(
        "image/Containerfile",
        "FROM 127.0.0.1:5000/foreign:1\nLABEL a=b\n",
    );
    let said = install(&node, &built, 4);
    assert!(said.contains(cause), "{said}");
    assert_eq!((node.containers(), node.shell(INTENT)), (before, intent));
    assert_eq!(node.state("needs"), "ready");

    // The manifest of an image alone does not name its architecture. The image does, once it is
    // here.
    let said = install(&node, &of("127.0.0.1:5000/alone:1"), 1);
    let error = said.lines().find(|line| line.starts_with("error: "));
    let cause = "the image 127.0.0.1:5000/alone:1 is for s390x, and this machine is ";
    assert!(error.is_some_and(|line| line.contains(cause)), "{said}");
}
