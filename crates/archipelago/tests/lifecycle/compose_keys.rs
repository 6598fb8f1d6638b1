//! A Compose file with configs, secrets of variables, hooks, volumes with options, Podman's socket
//! and a Containerfile of its own, brought up and taken down.

use crate::apps::{self, App};
use crate::node::{CONFIG, DATA, Node, SOON, UNITS, until, until_equal};

const SLEEP: &str = r#"[sh, -c, "trap 'exit 0' TERM; sleep infinity & wait"]"#;
/// Nobody may read this but the container and this user.
const PASSWORD: &str = "planted-hunter2";
const OTHER: &str = "planted-other";

const WORDS: [&str; 3] = ["podman-socket", "volume:theirs", "path:/home/archy/films"];

fn app(password: &str) -> App {
    let processor = std::env::consts::ARCH;
    let compose = format!(
        r#"services:
  keys:
    build:
      context: .
      dockerfile_inline: |
        FROM docker.io/library/busybox:stable
        RUN mkdir /kept && echo image >/kept/file
    command: {SLEEP}
    configs:
      - {{source: page, target: /etc/page, mode: 0444}}
      - {{source: variable, target: /etc/variable, mode: 0400}}
      - {{source: file, target: /etc/file}}
    secrets:
      - db-password
      - {{source: db-password, target: /etc/secret, uid: "70", gid: "71", mode: 0400}}
    extra_hosts: {{other.example: 10.1.2.3}}
    volumes:
      - films:/films
      - memory:/memory
      - theirs:/theirs
      - {{type: volume, source: empty, target: /kept, volume: {{nocopy: true}}}}
      - {{type: tmpfs, target: /small, tmpfs: {{size: 1m, mode: 0700}}}}
      - ./own.conf:/etc/own.conf:ro
      - /var/run/docker.sock:/sock
    post_start:
      - command: [sh, -c, 'echo "started 100% of $$0" >>/films/log; echo the hook speaks; exit 3', "a\nb\"; x"]
      - {{command: [sh, -c, "echo $$WORD $$(id -u) $$(pwd) >/memory/second"], user: "33", working_dir: /etc, environment: {{WORD: "two words"}}}}
    pre_stop:
      - {{command: [sh, -c, "echo stops >>/films/log"]}}
    stop_grace_period: 5s
  tool:
    image: docker.io/library/busybox:stable
    platform: linux/{processor}
    pull_policy: missing
    command: {SLEEP}
    use_api_socket: true
configs:
  page: {{content: "hello ${{GREETED}}\n"}}
  variable: {{environment: GREETED}}
  file: {{file: ./own.conf}}
secrets:
  db-password: {{environment: DB_PASSWORD}}
volumes:
  films: {{driver: local, driver_opts: {{type: none, o: bind, device: /home/archy/films}}}}
  memory: {{driver_opts: {{type: tmpfs, device: tmpfs, o: "size=2m,mode=1777"}}}}
  theirs: {{external: true}}
  empty:
"#
    );
    apps::app("keys", &compose)
        .with(".env", &format!("GREETED=world\nDB_PASSWORD={password}\n"))
        .with("own.conf", "own\n")
}

/// The output of a command in the container.
fn inside(node: &Node, command: &str) -> String {
    let output = node.try_shell(&format!("podman exec archy-keys {command}"));
    output.stdout.trim_end().to_owned()
}

fn log(node: &Node) -> String {
    node.shell("cat /home/archy/films/log")
}

fn install(node: &Node, folder: &str) {
    let words = WORDS.iter().flat_map(|word| ["--allow", word]);
    let command: Vec<&str> = ["archipelago", "install", "--yes", folder]
        .into_iter()
        .chain(words)
        .collect();
    node.user(&command);
    assert_eq!(node.state("keys"), "ready");
}

#[test]
fn a_compose_file_with_all_of_these_keys_runs() {
    let node = Node::new();
    let folder = node.put(&app(PASSWORD));
    node.shell("mkdir /home/archy/films");

    // The missing volume is reported first. No right is granted without its word.
    let said = node.exits(4, &["install", "--yes", "--allow", "all", &folder]);
    let missing = "it mounts the volume theirs, which Podman does not have; make it (podman volume create theirs)";
    assert!(said.contains(missing), "{said}");
    node.shell("podman volume create theirs");
    let said = node.exits(3, &["install", "--yes", &folder]);
    for word in WORDS {
        assert!(said.contains(&format!(" --allow {word}")), "{word}: {said}");
    }
    assert_eq!(node.traces("keys"), Vec::<String>::new());
    install(&node, &folder);

    for (command, expected) in [
        ("cat /etc/page", "hello world"),
        ("stat -c %u:%g:%a /etc/page", "0:0:644"),
        ("cat /etc/variable", "world"),
        ("stat -c %u:%g:%a /etc/variable", "0:0:600"),
        ("cat /etc/file", "own"),
        ("cat /etc/own.conf", "own"),
        ("cat /run/secrets/db-password", PASSWORD),
        ("cat /etc/secret", PASSWORD),
        ("stat -c %u:%g:%a /etc/secret", "70:71:400"),
        ("ls /kept", ""),
        ("stat -c %a /small", "700"),
        ("grep -c 10.1.2.3.*other.example /etc/hosts", "1"),
        ("grep -c '/memory tmpfs .*size=2048k' /proc/mounts", "1"),
    ] {
        assert_eq!(inside(&node, command), expected, "{command}");
    }
    let socket = node.shell("stat -c %d:%i $XDG_RUNTIME_DIR/podman/podman.sock");
    assert_eq!(inside(&node, "stat -c %d:%i /sock"), socket.trim());
    let tool = "podman exec archy-keys-tool stat -c %d:%i /var/run/docker.sock";
    assert_eq!(node.shell(tool), socket);

    // The first hook has failed, and nothing followed from that.
    let started = "started 100% of a\nb\"; x\n";
    until_equal("the first hook", SOON, &started.to_owned(), || log(&node));
    until_equal(
        "the second hook",
        SOON,
        &"two words 33 /etc".to_owned(),
        || inside(&node, "cat /memory/second"),
    );
    let show = "systemctl --user show -p ActiveState,NRestarts archy-keys";
    assert_eq!(node.shell(show), "NRestarts=0\nActiveState=active\n");
    until("the output of the hook", SOON, || {
        let journal = node.shell("journalctl --user -u archy-keys");
        journal.contains("the hook speaks").then_some(())
    });

    // The password is in its file and in its container.
    let file = format!("{DATA}/secrets/keys/db_password");
    let kept = |text: &str| {
        let shown = node.shell(&format!("stat -c %a {file}; cat {file}"));
        assert_eq!(shown, format!("600\n{text}"));
    };
    kept(PASSWORD);
    let shown = node.shell(&format!(
        "cat {UNITS}/archy-keys*; podman inspect archy-keys; podman secret ls; archipelago status keys
        archipelago --output json status keys; archipelago plan; journalctl --user
        grep -r . {CONFIG} --exclude=.env --exclude-dir=.git | grep -v '/[.]env:' || true"
    ));
    assert!(!shown.contains(PASSWORD), "{shown}");

    // Another text takes its place.
    node.put(&app(OTHER));
    install(&node, &folder);
    kept(OTHER);
    assert_eq!(inside(&node, "cat /etc/secret"), OTHER);

    let lines = log(&node).lines().count();
    node.user(&["archipelago", "stop", "keys"]);
    let stopped = log(&node);
    assert_eq!(stopped.lines().count(), lines + 1, "{stopped}");
    assert!(stopped.ends_with("\nstops\n"), "{stopped}");

    node.user(&["archipelago", "uninstall", "--purge", "keys"]);
    assert_eq!(node.traces("keys"), Vec::<String>::new());
    assert_eq!(node.shell("podman volume ls -q"), "theirs\n");
    assert_eq!(log(&node), stopped);
}

#[test]
fn a_mount_of_a_file_that_is_not_there_makes_no_folder() {
    let node = Node::new();
    let app = |files: &[(&str, &str)]| {
        let compose = format!(
            "services:\n  one:\n    image: docker.io/library/busybox:stable\n    command: {SLEEP}\n    volumes: ['./site.conf:/etc/site.conf:ro']\n"
        );
        let app = apps::app("one", &compose);
        files
            .iter()
            .fold(app, |app, (path, text)| app.with(path, text))
    };
    let folder = node.put(&app(&[]));
    let said = node.archipelago(&["install", "--yes", &folder]);
    assert!(
        !said.success()
            && said
                .stderr
                .contains("services.one.volumes[0]: this looks like a file"),
        "{said:?}"
    );
    assert_eq!(node.traces("one"), Vec::<String>::new());
    node.install(&app(&[("site.conf", "site\n")]));
    assert_eq!(
        node.shell("podman exec archy-one cat /etc/site.conf"),
        "site\n"
    );
}
