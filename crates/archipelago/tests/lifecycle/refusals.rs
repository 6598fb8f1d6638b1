//! Refused commands name the reason and the way out, end with the exit code of that kind of
//! refusal, and leave nothing behind.

use crate::apps::{self, App};
use crate::node::{CONFIG, DATA, Node, SOON, UNITS, text, until_equal};

/// One refused `install`: the app and the arguments, the exit code, and texts of the error.
struct Wrong<'a> {
    app: App,
    arguments: &'a [&'a str],
    code: i32,
    says: &'a [&'a str],
}

/// Everything that a refused command could have left.
fn everything(node: &Node) -> String {
    node.shell(&format!(
        "find {CONFIG} {UNITS} {DATA} -printf '%p %i %T@\\n' | sort
        podman ps -a --format '{{{{.Names}}}}'; podman network ls -q; podman volume ls -q; podman image ls -q
        systemctl --user list-units --all --plain --no-legend 'archy-*'"
    ))
}

/// Starts a program of another account, outside any container, that listens on a port.
fn take_port(node: &Node, port: u16) {
    node.root(&["busybox", "httpd", "-p", &format!("127.0.0.1:{port}")]);
}

fn settings(lines: &str) -> App {
    let text = format!(
        "services:\n  lone:\n    image: docker.io/library/busybox:stable\nx-archipelago:\n  settings:\n{lines}"
    );
    apps::app("lone", &text)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_refused_install_names_the_error_and_leaves_nothing_behind() {
    let node = Node::new();
    node.install(&apps::lone("first", 8480));
    take_port(&node, 8499);
    let port = "    port: {type: port, default: 8481, description: Port.}\n";
    let choice =
        "    color: {type: choice, choices: [red, blue], default: red, description: Color.}\n";
    let wrongs = [
        Wrong {
            app: apps::app("lone", "services:\n  lone:\n    image: [busybox\n"),
            arguments: &[],
            code: 3,
            says: &["/home/archy/apps/lone/compose.yaml:4:1"],
        },
        Wrong {
            app: apps::app("lone", "services:\n  lone:\n    image: busybox\n    runtime: runsc\n"),
            arguments: &[],
            code: 3,
            says: &["/home/archy/apps/lone/compose.yaml:4:", "runtime"],
        },
        Wrong {
            app: apps::app("lone", "services:\n  lone:\n    image: busybox\n    imag: x\n"),
            arguments: &[],
            code: 3,
            says: &["/home/archy/apps/lone/compose.yaml:4:", "imag"],
        },
        Wrong {
            app: settings(port),
            arguments: &["--set", "port=high"],
            code: 3,
            says: &["port", "from 1 to 65535"],
        },
        Wrong {
            app: settings(port),
            arguments: &["--set", "port"],
            code: 3,
            says: &["number 1", "KEY=VALUE"],
        },
        Wrong {
            app: settings(port),
            arguments: &["--set", "prot=1"],
            code: 3,
            says: &["prot", "port"],
        },
        Wrong {
            app: settings(choice),
            arguments: &["--set", "color=green"],
            code: 3,
            says: &["color", "red", "blue"],
        },
        Wrong {
            app: settings("    name: {type: string, description: Name.}\n"),
            arguments: &[],
            code: 3,
            says: &["name", "--set"],
        },
        Wrong {
            app: apps::lone("lone", 8499),
            arguments: &[],
            code: 5,
            says: &["127.0.0.1:8499", "in use", "--set"],
        },
        Wrong {
            app: apps::lone("lone", 8480),
            arguments: &[],
            code: 5,
            says: &["8480", "first"],
        },
        Wrong {
            app: apps::lone("lone", 8481),
            arguments: &["--set", "port=8480"],
            code: 5,
            says: &["8480", "first"],
        },
        Wrong {
            app: apps::app("lone", "services:\n  lone:\n    image: busybox\nx-archipelago:\n  requires: {apps: [atlantis]}\n"),
            arguments: &[],
            code: 3,
            says: &["atlantis"],
        },
        Wrong {
            app: apps::app("lone", "services:\n  lone:\n    image: busybox\nx-archipelago:\n  requires: {disk_mib: 4000000000}\n"),
            arguments: &[],
            code: 4,
            says: &["4000000000 MiB", DATA],
        },
        Wrong {
            app: apps::app("lone", "services:\n  lone:\n    image: busybox\n    volumes: [\"data:/x\"]\n"),
            arguments: &[],
            code: 3,
            says: &["/home/archy/apps/lone/compose.yaml:4:", "there is no volume"],
        },
        Wrong {
            app: settings(port).with("t", "{{ settings.none }}").with(
                "compose.yaml",
                "services:\n  lone:\n    image: busybox\nx-archipelago:\n  templates: [{source: t, service: lone, target: /t}]\n",
            ),
            arguments: &[],
            code: 3,
            says: &["t", "settings.none"],
        },
    ];
    let before = everything(&node);
    for Wrong {
        app,
        arguments,
        code,
        says,
    } in wrongs
    {
        let folder = node.put(&app);
        let said = node.exits(code, &[&["install", &folder], arguments].concat());
        for words in says {
            assert!(said.contains(words), "{words:?} is missing in: {said}");
        }
        assert_eq!(everything(&node), before, "after: {said}");
        node.shell(&format!("rm -r {folder}"));
    }
    for (name, code, says) in [
        (
            "atlantis",
            3,
            "there is no app \"atlantis\" in the catalog (bitcoin, electrs, litecoin, lnd)",
        ),
        ("./atlantis", 3, "atlantis"),
        ("UPPER", 3, "UPPER"),
    ] {
        let said = node.exits(code, &["install", name]);
        assert!(said.contains(says), "{says:?} is missing in: {said}");
        assert_eq!(everything(&node), before, "after: {said}");
    }
    for command in ["start", "stop", "restart", "uninstall", "status", "logs"] {
        assert!(
            node.exits(3, &[command, "atlantis"])
                .contains("atlantis is not installed")
        );
        assert!(node.exits(3, &[command, "../first"]).contains("../first"));
    }
    node.exits(2, &["instal", "lone"]);
    assert_eq!(
        node.root(&["sh", "-c", "archipelago status 2>&1 || echo $?"])
            .lines()
            .last(),
        Some("4"),
        "as root"
    );
    assert_eq!(everything(&node), before);
    assert_eq!(node.state("first"), "ready");
}

#[test]
fn a_file_broken_by_hand_is_reported_and_harms_no_other_app() {
    let node = Node::new();
    node.install(&apps::shop());
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();
    let lone = format!("{CONFIG}/apps/lone.toml");
    let kept = node.shell(&format!("cat {lone}"));

    node.write(&lone, "state = \"running\"\nsate = 1\n");
    let status = node.status("lone");
    let message = text(&status["message"]);
    assert_eq!(text(&status["state"]), "failed");
    assert!(
        message.starts_with(&format!("{lone}:2:1: sate: ")),
        "{message}"
    );
    assert_eq!(node.state("shop"), "ready");
    let listed = node.json(&["list"]);
    assert!(listed.to_string().contains("lone.toml:2:1: "), "{listed}");
    // Other apps can be changed meanwhile, and running containers keep running.
    node.user(&["archipelago", "stop", "shop"]);
    node.user(&["archipelago", "start", "shop"]);
    assert_eq!(node.containers()["archy-lone"], before["archy-lone"]);
    assert!(node.exits(3, &["stop", "lone"]).contains("lone.toml:2:1: "));

    node.write(&lone, &kept);
    until_equal(
        "the app to be ready again",
        SOON,
        &"ready".to_owned(),
        || node.state("lone"),
    );
    let before = node.containers();

    // The daemon follows a valid edit by itself.
    node.write(&lone, &kept.replace("running", "stopped"));
    until_equal("the app to be stopped", SOON, &"stopped".to_owned(), || {
        node.state("lone")
    });
    node.write(&lone, &kept);
    until_equal("the app to run again", SOON, &"ready".to_owned(), || {
        node.state("lone")
    });

    node.write(
        &format!("{CONFIG}/config.toml"),
        "\npublish_adress = \"0.0.0.0\"\n",
    );
    let said = node.exits(3, &["install", &node.put(&apps::lone("third", 8482))]);
    assert!(said.contains("config.toml:2:1: publish_adress: "), "{said}");
    assert!(
        !node
            .try_shell(&format!("ls {CONFIG}/apps | grep third"))
            .success()
    );
    let message = text(&node.status("shop")["message"]);
    assert!(message.contains("config.toml:2:1: "), "{message}");
    assert_eq!(node.containers()["archy-shop"], before["archy-shop"]);
    node.shell(&format!("rm {CONFIG}/config.toml"));
    until_equal(
        "both apps to be ready again",
        SOON,
        &["ready".to_owned(), "ready".to_owned()],
        || ["shop", "lone"].map(|app| node.state(app)),
    );
    assert_eq!(node.containers()["archy-shop"], before["archy-shop"]);
}

#[test]
fn an_app_that_ends_at_once_shows_its_last_log_lines() {
    let node = Node::new();
    let ends = apps::app(
        "ends",
        "services:\n  ends:\n    image: docker.io/library/busybox:stable\n    command: [sh, -c, \"echo out of coffee; exit 3\"]\n",
    );
    let said = node.exits(1, &["install", &node.put(&ends)]);
    assert!(
        said.contains("status 3")
            && said.contains("archy-ends.service")
            && said.contains("out of coffee"),
        "{said}"
    );
    assert!(said.contains("archipelago stop ends"), "{said}");
    // Every ten seconds the container runs again for a moment.
    until_equal(
        "the failure to be reported",
        SOON,
        &"failed".to_owned(),
        || node.state("ends"),
    );
    assert!(text(&node.status("ends")["units"][0]["name"]).contains("archy-ends"));
    node.user(&["archipelago", "uninstall", "ends"]);
    assert_eq!(node.containers().len(), 0);
}

#[test]
fn a_second_daemon_is_refused() {
    let node = Node::new();
    let said = node.exits(7, &["daemon"]);
    assert!(
        said.contains("another archipelago daemon")
            && said.contains("systemctl --user status archipelago"),
        "{said}"
    );
    node.user(&["systemctl", "--user", "is-active", "archipelago"]);
}

#[test]
fn an_unfit_host_is_refused_before_anything_is_written() {
    let node = Node::new();
    let folder = node.put(&apps::lone("lone", 8481));
    let before = everything(&node);
    let generators =
        "/usr/lib/systemd/user-generators/podman-user-generator /usr/libexec/podman/quadlet";
    for (breaks, repairs, says) in [
        (
            "rm /var/lib/systemd/linger/archy",
            "touch /var/lib/systemd/linger/archy",
            "sudo loginctl enable-linger archy",
        ),
        (
            &format!("for file in {generators}; do mv $file $file.gone; done"),
            &format!("for file in {generators}; do mv $file.gone $file; done"),
            "podman 4.9 or newer",
        ),
        (
            "systemctl --user --machine=archy@ stop podman.socket",
            "systemctl --user --machine=archy@ start podman.socket",
            "systemctl --user enable --now podman.socket",
        ),
        (
            &format!("chown root {UNITS}"),
            &format!("chown archy {UNITS}"),
            &format!("sudo chown archy: {UNITS}"),
        ),
    ] {
        node.root(&["bash", "-euc", breaks]);
        let said = node.exits(4, &["install", &folder]);
        assert!(said.contains(says), "{says:?} is missing in: {said}");
        node.root(&["bash", "-euc", repairs]);
        assert_eq!(everything(&node), before, "after: {said}");
    }
    node.user(&["archipelago", "install", &folder]);
}
