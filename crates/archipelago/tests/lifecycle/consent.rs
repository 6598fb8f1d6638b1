//! What an app may do on this machine beyond others is shown, and nothing of it is done unless somebody has agreed to it by name.

use crate::apps::{self, App};
use crate::node::{CONFIG, Node};

/// An app with one container that sleeps; its service has these lines besides.
fn asking(lines: &str) -> App {
    apps::app(
        "asks",
        &format!(
            "services:
  asks:
    image: docker.io/library/busybox:stable
    command: [sh, -c, \"trap 'exit 0' TERM; sleep infinity & wait\"]
    {lines}
x-archipelago:
  settings:
    place: {{type: path, default: /home/archy/plain, description: A folder.}}
"
        ),
    )
}

const ALL: &str = "network_mode: host
    cap_add: [SYS_ADMIN]
    devices: [/dev/null]
    volumes: ['/:/host', '/run/user/1000/podman/podman.sock:/sock']";

const WORDS: [&str; 5] = [
    "network=host",
    "capability=SYS_ADMIN",
    "device=/dev/null",
    "mount=/",
    "mount=/run/user/1000/podman/podman.sock",
];

/// `install` with these words, without a terminal.
fn arguments<'a>(folder: &'a str, words: &[&'a str]) -> Vec<&'a str> {
    let allow = words.iter().flat_map(|word| ["--allow", word]);
    ["install", "--yes", folder]
        .into_iter()
        .chain(allow)
        .collect()
}

/// What a person at a terminal sees that answers so, and the exit code.
fn at_a_terminal(node: &Node, answer: &str, command: &str) -> (i32, String) {
    let run = format!("echo {answer} | script -qec {command:?} /dev/null");
    let output = node.try_shell(&run);
    (output.status, output.stdout)
}

#[test]
fn without_a_terminal_each_of_it_needs_its_word() {
    let node = Node::new();
    node.shell("mkdir plain");
    let folder = node.put(&asking(ALL));
    let before = node.shell(&format!("find {CONFIG} | sort"));
    let said = node.refused(3, &arguments(&folder, &[]));
    for word in WORDS {
        let told = format!("--allow '{word}'");
        assert!(said.contains(&told), "{told} is missing in: {said}");
    }
    for may in [
        "it may use this machine's network as its own",
        "it may use the capability SYS_ADMIN",
        "it may use the device /dev/null",
        "it may read and change /, where this user's own files",
        "it may read and change /run/user/1000/podman/podman.sock, through which programs",
    ] {
        assert!(said.contains(may), "{may:?} is missing in: {said}");
    }
    let (last, others) = WORDS.split_last().expect("words");
    let said = node.refused(3, &arguments(&folder, others));
    let asked: Vec<&str> = said.split_whitespace().collect();
    assert_eq!(asked.iter().filter(|word| **word == "--allow").count(), 1);
    assert!(said.contains(last), "{said}");
    assert_eq!(node.shell(&format!("find {CONFIG} | sort")), before);
    assert_eq!(node.containers().len(), 0);

    let said = node.refused(0, &arguments(&folder, &WORDS));
    assert!(
        said.contains("asks may use the capability SYS_ADMIN"),
        "{said}"
    );
    assert_eq!(node.state("asks"), "ready");

    // What was agreed to is not asked for again; what comes with an update is, and the app goes on without it.
    node.refused(0, &arguments(&folder, &[]));
    let runs = node.containers();
    node.put(&asking(&ALL.replace("SYS_ADMIN", "SYS_ADMIN, SYS_PTRACE")));
    let said = node.refused(3, &arguments(&folder, &WORDS));
    assert!(
        said.ends_with("add to the command: --allow 'capability=SYS_PTRACE'\n"),
        "{said}"
    );
    assert_eq!(node.containers(), runs);
    node.refused(0, &arguments(&folder, &["capability=SYS_PTRACE"]));
    assert_ne!(node.containers(), runs);
}

#[test]
fn a_setting_that_opens_a_place_needs_its_word_too() {
    let node = Node::new();
    node.shell("mkdir plain");
    let folder = node.put(&asking("volumes: ['${place}:/x:ro']"));
    node.refused(0, &arguments(&folder, &[]));
    let runs = node.containers();
    let said = node.refused(3, &["set", "asks", "place=/home/archy/.config"]);
    assert!(
        said.contains("--allow 'mount=/home/archy/.config:ro'"),
        "{said}"
    );
    assert_eq!(node.containers(), runs);
    // A link is what it leads to.
    node.shell("ln -s .config plain/link");
    let said = node.refused(3, &["set", "asks", "place=/home/archy/plain/link"]);
    assert!(
        said.contains("--allow 'mount=/home/archy/plain/link:ro'"),
        "{said}"
    );
    node.user(&[
        "archipelago",
        "set",
        "asks",
        "place=/home/archy/.config",
        "--allow",
        "mount=/home/archy/.config:ro",
    ]);
    assert_ne!(node.containers(), runs);
}

#[test]
fn at_a_terminal_it_is_shown_and_asked() {
    let node = Node::new();
    let folder = node.put(&asking("cap_add: [SYS_ADMIN]"));
    let install = format!("archipelago install {folder}");
    for answer in ["", "n"] {
        let (code, shown) = at_a_terminal(&node, answer, &install);
        assert_eq!(code, 1, "{shown}");
        assert!(
            shown.contains("  may use the capability SYS_ADMIN") && shown.contains("[y/N]"),
            "{shown}"
        );
        assert!(node.traces("archy-asks").is_empty());
    }
    // Who does not want to be asked has to say it.
    let (code, shown) = at_a_terminal(&node, "y", &format!("{install} --yes"));
    assert_eq!(code, 3, "{shown}");
    let (code, shown) = at_a_terminal(&node, "y", &install);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(node.state("asks"), "ready");
}
