//! An app that asks for more on this host than other apps is installed only after somebody has
//! agreed to each part.

use crate::apps::{self, App};
use crate::node::{CONFIG, Node, SOON, text, until_equal};

/// An app with one container that sleeps, and these further lines of its service.
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

/// The words for all of that, the worst first, and the beginning of each description.
const WORDS: [(&str, &str); 5] = [
    ("podman-socket", "control all containers of this user"),
    (
        "path:/",
        "read and change /: the files that start this user's",
    ),
    ("host-network", "use this host's network as its own"),
    ("capability:SYS_ADMIN", "use the capability SYS_ADMIN"),
    ("device:/dev/null", "use the device /dev/null"),
];

/// The arguments of an `install` with these words, without a terminal.
fn arguments<'a>(folder: &'a str, words: &[&'a str]) -> Vec<&'a str> {
    let allow = words.iter().flat_map(|word| ["--allow", word]);
    let install = ["install", "--yes", folder];
    install.into_iter().chain(allow).collect()
}

/// Runs a command at a terminal and answers its question. Returns the exit code and all output,
/// without the answer.
fn at_a_terminal(node: &Node, answer: &str, command: &str) -> (i32, String) {
    let run = format!("echo {answer} | script --echo never -qec {command:?} /dev/null");
    let output = node.try_shell(&run);
    (output.status, output.stdout)
}

fn kept(node: &Node) -> String {
    node.shell(&format!("grep '^allow' {CONFIG}/apps/asks.toml || true"))
}

#[test]
fn without_a_terminal_each_part_needs_its_word() {
    let node = Node::new();
    let folder = node.put(&asking(ALL));
    let before = node.shell(&format!("find {CONFIG} | sort"));
    let said = node.exits(3, &arguments(&folder, &[]));
    let told: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("  it may "))
        .collect();
    assert_eq!(told.len(), WORDS.len(), "{said}");
    for (told, (word, may)) in told.iter().zip(WORDS) {
        assert!(told.starts_with(may), "{may:?}: {said}");
        assert!(said.contains(&format!(" --allow {word}")), "{word}: {said}");
    }
    let words = WORDS.map(|(word, _)| word);
    let (left, others) = words.split_last().expect("words");
    let said = node.exits(3, &arguments(&folder, others));
    let command = format!("add to the command: --allow {left}\n");
    assert!(said.ends_with(&command), "{said}");
    // A word that the app does not ask for is a mistake.
    let mistyped = [&words[..], &["host-netwrk"]].concat();
    let said = node.exits(3, &arguments(&folder, &mistyped));
    assert!(
        said.contains("--allow host-netwrk: asks does not ask for that; it asks for "),
        "{said}"
    );
    assert_eq!(node.shell(&format!("find {CONFIG} | sort")), before);
    assert_eq!(node.containers().len(), 0);

    let said = node.exits(0, &arguments(&folder, &words));
    assert!(said.contains("asks may use the device /dev/null"), "{said}");
    assert_eq!(node.state("asks"), "ready");
    let allow = kept(&node);
    for word in words {
        assert!(allow.contains(&format!("{word:?}")), "{allow}");
    }
}

#[test]
fn only_new_rights_are_asked_for() {
    let node = Node::new();
    let folder = node.put(&asking("cap_add: [SYS_PTRACE]"));
    node.exits(0, &arguments(&folder, &["all"]));
    let runs = node.containers();
    node.exits(0, &arguments(&folder, &[]));
    // Version 0.1.0 kept no consent. Its apps keep running, and are not asked about.
    node.shell(&format!("sed -i '/^allow/d' {CONFIG}/apps/asks.toml"));
    node.exits(0, &["start", "asks"]);
    node.exits(0, &arguments(&folder, &[]));
    assert_eq!(node.containers(), runs);
    assert_eq!(kept(&node), "allow = [\"capability:SYS_PTRACE\"]\n");

    node.put(&asking("cap_add: [SYS_PTRACE, SYS_ADMIN]"));
    let said = node.exits(3, &arguments(&folder, &["capability:SYS_PTRACE"]));
    assert!(
        said.ends_with("add to the command: --allow capability:SYS_ADMIN\n"),
        "{said}"
    );
    assert_eq!(node.containers(), runs);
    node.exits(0, &arguments(&folder, &["capability:SYS_ADMIN"]));
    assert_ne!(node.containers(), runs);

    // Consent ends with the app.
    node.user(&["archipelago", "uninstall", "asks"]);
    node.exits(3, &arguments(&folder, &[]));
}

#[test]
fn a_setting_that_opens_a_path_needs_its_word_too() {
    let node = Node::new();
    node.shell("mkdir plain; ln -s .config link");
    let folder = node.put(&asking("volumes: ['${place}:/x:ro']"));
    node.exits(0, &arguments(&folder, &["path:/home/archy/plain:ro"]));
    let runs = node.containers();
    // A link counts as its target.
    let said = node.exits(3, &["set", "asks", "place=/home/archy/link"]);
    assert!(
        said.contains("it may read /home/archy/.config (to which the link /home/archy/link leads)")
            && said.ends_with("--allow path:/home/archy/.config:ro\n"),
        "{said}"
    );
    // No word opens these.
    for place in [
        "/home/archy/.config/archipelago",
        "/home/archy/link/systemd/user",
        "/run/user/1000/bus",
    ] {
        let set = format!("place={place}");
        let said = node.exits(3, &["set", "asks", &set, "--allow", "all"]);
        assert!(said.contains("no app may mount"), "{place}: {said}");
    }
    assert_eq!(node.containers(), runs);
    let set = ["set", "asks", "place=/home/archy/link"];
    node.exits(
        0,
        &[&set[..], &["--allow", "path:/home/archy/.config:ro"]].concat(),
    );
    assert_ne!(node.containers(), runs);
}

#[test]
fn at_a_terminal_a_person_is_asked() {
    let node = Node::new();
    let folder = node.put(&asking("cap_add: [SYS_ADMIN]"));
    let install = format!("archipelago install {folder}");
    let first_line = |shown: &str| shown.lines().next().map(str::to_owned);
    for answer in ["", "n"] {
        let (code, shown) = at_a_terminal(&node, answer, &install);
        assert_eq!(code, 1, "{shown}");
        assert_eq!(first_line(&shown), Some(format!("asks, from {folder}")));
        assert!(
            shown.contains("  asks may use the capability SYS_ADMIN") && shown.contains("[y/N]"),
            "{shown}"
        );
        assert_eq!(node.containers().len(), 0);
        assert_eq!(node.shell(&format!("find {CONFIG} -name 'asks*'")), "");
    }
    // `--yes` is no consent.
    let (code, shown) = at_a_terminal(&node, "y", &format!("{install} --yes"));
    assert_eq!(code, 3, "{shown}");
    let (code, shown) = at_a_terminal(&node, "y", &install);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(node.state("asks"), "ready");
    let (code, shown) = at_a_terminal(&node, "n", &install);
    assert_eq!(code, 0, "{shown}");

    let mut named = asking("cap_add: [SYS_ADMIN, SYS_PTRACE]");
    let (_, compose) = named.files.first_mut().expect("a file");
    compose.push_str("  title: It asks\n  version: \"2.1\"\n");
    node.put(&named);
    let (code, shown) = at_a_terminal(&node, "n", &install);
    assert_eq!(code, 1, "{shown}");
    let expected = format!("It asks 2.1, from {folder}");
    assert_eq!(first_line(&shown), Some(expected));
    assert!(!shown.contains("SYS_ADMIN"), "{shown}");
}

/// Lines of a service that ask for more, the word, and the beginning of its description.
const SAMPLE: [(&str, &str, &str); 7] = [
    (
        "volumes: ['/home/archy/films:/films:ro']",
        "path:/home/archy/films:ro",
        "read /home/archy/films",
    ),
    (
        "volumes: ['/run/user/1000/podman/podman.sock:/sock']",
        "podman-socket",
        "control all containers of this user",
    ),
    (
        "networks: [outer]",
        "network:outer",
        "join Podman's network outer",
    ),
    ("pid: host", "host-pid", "see all programs of this host"),
    (
        "security_opt: [seccomp=unconfined]",
        "security:seccomp=unconfined",
        "run with less protection: seccomp=unconfined",
    ),
    (
        "cap_add: [SYS_PTRACE]",
        "capability:SYS_PTRACE",
        "use the capability SYS_PTRACE",
    ),
    (
        "devices: [/dev/null]",
        "device:/dev/null",
        "use the device /dev/null",
    ),
];

/// The same app, with Podman's network `outer` declared for the lines that join it.
fn asking_on(node: &Node, lines: &str) -> String {
    let mut app = asking(lines);
    let (_, compose) = app.files.first_mut().expect("a file");
    if lines.starts_with("networks") {
        compose.push_str("networks: {outer: {external: true}}\n");
    }
    node.put(&app)
}

#[test]
fn an_edited_definition_that_asks_for_more_waits_until_it_is_granted() {
    let node = Node::new();
    node.shell("mkdir films; podman network create outer");
    let folder = asking_on(&node, "");
    node.exits(0, &arguments(&folder, &[]));
    let intent = || node.shell(&format!("cat {CONFIG}/apps/asks.toml"));
    for (lines, word, may) in SAMPLE {
        let (runs, before) = (node.containers(), intent());
        asking_on(&node, lines);
        let plan = node.user(&["archipelago", "plan", "install", &folder]);
        assert!(plan.contains(&format!("\n  asks may {may}")), "{plan}");
        let plan = node.json(&["plan", "install", &folder]);
        assert_eq!(plan["grants"][0]["word"], word, "{plan:#}");
        assert_eq!(plan["grants"].as_array().map(Vec::len), Some(1), "{plan:#}");

        let said = node.exits(3, &arguments(&folder, &[]));
        assert!(said.contains(&format!("\n  it may {may}")), "{said}");
        // A word with an equals sign is quoted for the shell.
        let command = format!(" --allow {word}\n");
        assert!(said.replace('\'', "").ends_with(&command), "{said}");
        // The old version runs on, also when the daemon begins anew.
        node.user(&["systemctl", "--user", "restart", "archipelago"]);
        until_equal("a pass of the new daemon", SOON, &true, || {
            node.try_details_of("asks").is_some()
        });
        let nothing = node.user(&["archipelago", "plan"]);
        assert_eq!(nothing.trim_end(), "Nothing to do.", "{word}");
        assert_eq!((node.containers(), intent()), (runs.clone(), before));

        let said = node.exits(0, &arguments(&folder, &[word]));
        assert!(said.contains(&format!("asks may {may}")), "{said}");
        assert_eq!(node.state("asks"), "ready", "{word}");
        assert_ne!(node.containers(), runs, "{word}");
        assert_eq!(kept(&node), format!("allow = [{word:?}]\n"));

        // A version that asks for less gives the right up.
        asking_on(&node, "");
        node.exits(0, &arguments(&folder, &[]));
        assert_eq!(kept(&node), "", "{word}");
    }
}

#[test]
fn a_kept_definition_that_is_edited_to_ask_for_more_is_not_followed() {
    let node = Node::new();
    let folder = node.put(&asking("cap_add: [SYS_PTRACE]"));
    node.exits(0, &arguments(&folder, &["capability:SYS_PTRACE"]));
    let runs = node.containers();
    node.shell(&format!(
        "sed -i 's/SYS_PTRACE/SYS_PTRACE, SYS_ADMIN/' {CONFIG}/releases/*/compose.yaml"
    ));
    until_equal("the change to be reported", SOON, &true, || {
        let message = node.status("asks")["message"].clone();
        text(&message).contains("is not as it was installed")
    });
    assert_eq!(node.containers(), runs);
    assert_eq!(kept(&node), "allow = [\"capability:SYS_PTRACE\"]\n");
    let effective = "podman inspect archy-asks --format '{{.EffectiveCaps}}'";
    assert!(!node.shell(effective).contains("SYS_ADMIN"));
}

/// An app that mounts a folder by its setting, and the edit of its intent to another folder, which
/// waits.
fn with_an_edit_that_waits(node: &Node) {
    node.shell("mkdir plain other");
    let folder = node.put(&asking("volumes: ['${place}:/x:ro']"));
    node.exits(0, &arguments(&folder, &["path:/home/archy/plain:ro"]));
    node.shell(&format!(
        "printf '[settings]\\nplace = \"/home/archy/other\"\\n' >> {INTENT}"
    ));
    until_equal("the command that agrees", SOON, &true, || waits(node));
}

const INTENT: &str = "~/.config/archipelago/apps/asks.toml";
const GRANTED: &str = "~/.config/archipelago/history/asks/granted.toml";
const UNIT: &str = "~/.config/containers/systemd/archy-asks.container";

/// Whether `status` shows the command that agrees to the edit.
fn waits(node: &Node) -> bool {
    let command = "archipelago set asks --allow path:/home/archy/other:ro";
    node.user(&["archipelago", "status"]).contains(command)
}

#[test]
fn an_edited_intent_that_asks_for_more_waits_until_a_person_agrees() {
    let node = Node::new();
    with_an_edit_that_waits(&node);
    let runs = node.containers();
    assert_eq!(node.state("asks"), "ready");
    let plan = node.user(&["archipelago", "plan"]);
    assert!(
        plan.starts_with("asks waits: ") && plan.trim_end().ends_with("Nothing to do."),
        "{plan}"
    );
    // It is repaired as the version that a person has agreed to.
    node.shell(&format!("rm {UNIT}"));
    let mounts_plain = || {
        let found = node.try_shell(&format!("grep -q /home/archy/plain: {UNIT}"));
        found.status == 0
    };
    until_equal("the unit", SOON, &true, mounts_plain);
    assert_eq!(node.containers(), runs);
    // Without the word, `set` changes nothing.
    node.exits(3, &["set", "asks"]);
    assert_eq!(node.containers(), runs);

    node.exits(0, &["set", "asks", "--allow", "path:/home/archy/other:ro"]);
    assert_ne!(node.containers(), runs);
    assert!(!waits(&node));
    let kept = node.shell(&format!("grep -c /home/archy/other {GRANTED}"));
    assert_eq!(kept, "2\n");
    let said = node.exits(3, &["set", "asks"]);
    assert!(
        said.contains("name the settings of asks to change"),
        "{said}"
    );

    node.user(&["archipelago", "uninstall", "asks"]);
    assert_eq!(node.shell(&format!("find {CONFIG} -path '*asks*'")), "");
}

#[test]
fn without_the_kept_version_an_edit_that_asks_for_more_changes_nothing() {
    let node = Node::new();
    with_an_edit_that_waits(&node);
    let runs = node.containers();
    let unit = node.shell(&format!("cat {UNIT}"));
    for damage in [
        &format!("sed -i '/^allow/d' {GRANTED}"),
        &format!("rm {GRANTED}"),
    ] {
        node.shell(damage);
        until_equal(
            "the app to be left alone",
            SOON,
            &"failed".to_owned(),
            || node.state("asks"),
        );
        assert!(waits(&node), "{damage}");
        assert_eq!(node.containers(), runs, "{damage}");
        assert_eq!(node.shell(&format!("cat {UNIT}")), unit, "{damage}");
    }
    // The version from before needs nobody's agreement: its word is in the intent.
    node.shell(&format!("sed -i '/^\\[settings/d; /^place/d' {INTENT}"));
    until_equal("the app", SOON, &"ready".to_owned(), || node.state("asks"));
    assert_eq!(node.containers(), runs);
    node.shell(&format!("cat {GRANTED}"));
}
