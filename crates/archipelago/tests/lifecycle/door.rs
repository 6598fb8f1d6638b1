//! The daemon's doors: what they say, to whom, and that nothing that happens at them or to the lock
//! keeps it from its work.

use std::time::Duration;

use serde_json::{Value, json};

use crate::apps;
use crate::node::{CONFIG, Node, ONE_TICK, SOON, UNITS, text, until, until_equal};

const DETAILS: &str = "curl -fsS --max-time 2 --unix-socket $XDG_RUNTIME_DIR/archipelago/api.sock http://localhost/v1";

/// The status of an answer to `curl` with these arguments; 000 when there is none.
fn status_of(node: &Node, arguments: &str) -> String {
    let script = format!("curl -s -o /dev/null -w '%{{http_code}}' --max-time 5 {arguments} || :");
    node.shell(&script)
}

fn show(node: &Node, property: &str) -> String {
    let value = node.shell(&format!("systemctl --user show -P {property} archipelago"));
    value.trim().to_owned()
}

/// Deletes a unit file and waits until it is back.
fn is_repaired(node: &Node, unit: &str) {
    node.shell(&format!("rm {UNITS}/{unit}"));
    until("the unit file to be back", SOON, || {
        node.try_shell(&format!("test -e {UNITS}/{unit}"))
            .success()
            .then_some(())
    });
}

#[test]
fn the_health_page_is_for_this_host_and_says_states_alone() {
    let node = Node::new();
    let url = "http://127.0.0.1:5678/health";
    for (arguments, expected) in [
        (url, "200"),
        ("http://localhost:5678/health", "200"),
        (&format!("-I {url}"), "200"),
        (&format!("-H 'Host: evil.example' {url}"), "421"),
        (&format!("-H 'Host: 127.0.0.1.evil.example' {url}"), "421"),
        (
            "--resolve evil.example:5678:127.0.0.1 http://evil.example:5678/health",
            "421",
        ),
        ("http://127.0.0.1:5678/v1/status", "404"),
        ("http://127.0.0.1:5678/", "404"),
        (&format!("-X POST -d x=1 {url}"), "405"),
    ] {
        assert_eq!(status_of(&node, arguments), expected, "{arguments}");
    }

    // A line with a password that somebody has just broken.
    node.install(&apps::lone("lone", 8481));
    node.write(
        &format!("{CONFIG}/apps/lone.toml"),
        "state = \"running\"\n[settings]\npassword = \"hunter2-planted\n",
    );
    let health = until("the daemon to see it", SOON, || {
        let health = node.try_health()?;
        (health["apps"]["failed"] == 1).then_some(health)
    });
    let all = health.to_string();
    assert_eq!(health["problems"], 1, "{health}");
    for word in ["planted", "lone", "toml", "/"] {
        assert!(!all.contains(word), "{word:?} in {all}");
    }
    let Value::Object(said) = &health else {
        panic!("{health}")
    };
    let keys: Vec<&str> = said.keys().map(String::as_str).collect();
    assert_eq!(keys, ["apps", "last_pass", "podman", "problems", "version"]);
}

#[test]
fn details_are_for_its_own_user() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let socket = "$XDG_RUNTIME_DIR/archipelago/api.sock";
    assert_eq!(node.shell(&format!("stat -c %a {socket}")), "600\n");
    let details = until("the daemon to know the app", SOON, || {
        let details = node.try_details()?;
        (details["apps"][0]["state"] == "ready").then_some(details)
    });
    assert_eq!(details["apps"], node.json(&["status"])["apps"]);
    assert_eq!(details["has_port"], true);
    assert_eq!(details["podman"], json!(null));
    let last: Value =
        serde_json::from_str(&node.shell(&format!("{DETAILS}/last-pass"))).expect("JSON");
    assert!(
        last["finished_unix_s"].is_u64() && last["error"].is_null(),
        "{last}"
    );
    // Whom the file system lets in, as it does root, is still asked who he is.
    let as_root = node.0.run_root(&[
        "curl",
        "-sS",
        "--max-time",
        "5",
        "--unix-socket",
        "/run/user/1000/archipelago/api.sock",
        "http://localhost/v1/status",
    ]);
    let as_root = as_root.expect("a run in the host");
    assert!(
        !as_root.success() && as_root.stdout.is_empty(),
        "{as_root:?}"
    );

    // One that was killed leaves its socket behind.
    node.shell(&format!(
        "systemctl --user kill -s KILL archipelago; test -S {socket}"
    ));
    until("the next daemon to answer", SOON, || node.try_details());
    node.shell("systemctl --user stop archipelago");
    assert!(!node.try_shell(&format!("test -e {socket}")).success());
    assert_eq!(node.state("lone"), "ready");
}

#[test]
fn a_taken_port_is_tried_again_and_keeps_nobody_from_repairing() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    node.shell("systemctl --user stop archipelago");
    // Of another user, so that this one cannot even see which program it is.
    node.root(&["busybox", "httpd", "-p", "127.0.0.1:5678"]);
    node.shell("systemctl --user start archipelago");
    is_repaired(&node, "archy-lone.container");
    let details = until("the daemon to answer its user", SOON, || node.try_details());
    assert_eq!(details["has_port"], false, "{details}");
    let log = node.shell("journalctl --user -u archipelago -o cat --no-pager");
    let told = log
        .lines()
        .filter(|line| line.contains("port 5678 on 127.0.0.1 is taken"));
    assert_eq!(told.count(), 1, "{log}");
    assert_eq!(show(&node, "NRestarts"), "0");
    node.root(&["bash", "-c", "kill $(pidof busybox)"]);
    until("the health page to answer", ONE_TICK, || node.try_health());
}

/// Opens a thousand connections, says so, and keeps them.
const IDLE: &str = r#"
ulimit -n 4096
for ((count = 0; count < 1000; count++)); do exec {fd}<>/dev/tcp/127.0.0.1/5678; done
echo $$ >~/idle.new; mv ~/idle.new ~/idle
exec sleep infinity
"#;

#[test]
fn a_thousand_idle_connections_take_no_descriptors_and_keep_nobody_out() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let descriptors = |node: &Node| -> usize {
        let pid = show(node, "MainPID");
        let count = node.shell(&format!("ls /proc/{pid}/fd | wc -l"));
        count.trim().parse().expect("a number")
    };
    let before = descriptors(&node);
    let mut idle = node
        .0
        .spawn_user(&["bash", "-euc", IDLE])
        .expect("a process in the host");
    until("a thousand connections", SOON, || {
        node.try_shell("test -e ~/idle").success().then_some(())
    });
    let during = descriptors(&node);
    assert!(
        during <= before + 64 + 8,
        "{before} descriptors, then {during}"
    );
    assert!(node.try_health().is_some(), "the health page is silent");
    assert!(node.try_details().is_some(), "the socket is silent");
    is_repaired(&node, "archy-lone.container");
    node.shell("kill $(cat ~/idle)");
    idle.wait().expect("the connections to end");
    // What is idle is closed after a while, whether others come or not.
    until("the connections to be closed", SOON, || {
        (descriptors(&node) <= before + 2).then_some(())
    });
}

#[test]
fn a_lock_that_is_held_too_long_is_told_with_who_holds_it() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let mut holder = node
        .0
        .spawn_user(&[
            "bash",
            "-euc",
            "exec flock --no-fork $XDG_RUNTIME_DIR/archipelago/lock sleep 1000",
        ])
        .expect("a process in the host");
    let held = until(
        "the daemon to wait for the lock",
        Duration::from_secs(90),
        || {
            node.shell("touch ~/.config/archipelago/.look");
            let health = node.try_health()?;
            (health["last_pass"]["error"] == "lock-held").then_some(health)
        },
    );
    assert_eq!(
        held["apps"]["ready"], 1,
        "what was seen last is kept: {held}"
    );
    let pid = node.shell("pgrep -x sleep").trim().to_owned();
    let expected = format!("process {pid} (sleep) has held the lock");
    let details = node.try_details().expect("the daemon answers");
    let status = node.json(&["status"]);
    for told in [&details, &status] {
        let told = text(&told["last_pass"]["error"]);
        assert!(told.starts_with(&expected), "{told}");
    }
    let status = node.user(&["archipelago", "status"]);
    assert!(status.contains(&expected), "{status}");
    let log = node.shell("journalctl --user -u archipelago -o cat --no-pager");
    assert!(log.contains(&expected), "{log}");
    assert_eq!(show(&node, "NRestarts"), "0");

    // A command waits as well, and says for whom.
    let restart = "exec archipelago restart lone 2>~/said";
    let restart = ["bash", "-euc", restart];
    let mut restart = node.0.spawn_user(&restart).expect("a process in the host");
    let waits = format!("waiting for process {pid} (sleep)");
    until("the command to say why it waits", SOON, || {
        let said = node.try_shell("cat ~/said").stdout;
        said.contains(&waits).then_some(())
    });

    node.shell(&format!("rm {UNITS}/archy-lone.container; kill {pid}"));
    holder.wait().expect("the holder to end");
    assert!(restart.wait().expect("the command to end").success());
    until("the unit file to be back", SOON, || {
        node.try_shell(&format!("test -e {UNITS}/archy-lone.container"))
            .success()
            .then_some(())
    });
    until_equal("a pass to be made", SOON, &json!(null), || {
        node.try_health().map_or(json!("no answer"), |health| {
            health["last_pass"]["error"].clone()
        })
    });
}

/// Puts the folder of intents on a file system whose server can be halted.
const FUSE: &str = "
cd /home/archy/.config/archipelago
mkdir /tmp/lower /tmp/upper /tmp/work
cp -a apps/. /tmp/lower
chown archy: /tmp/lower /tmp/upper /tmp/work
fuse-overlayfs -o allow_other,timeout=0,lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work apps
";

#[test]
fn a_daemon_that_hangs_is_started_again_and_no_container_notices() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();
    node.shell("systemctl --user stop archipelago");
    node.root(&["bash", "-euc", FUSE]);
    let folder = "~/.config/systemd/user/archipelago.service.d";
    node.shell(&format!(
        "mkdir -p {folder}; printf '[Service]\nWatchdogSec=6\nTimeoutStartSec=6\n' >{folder}/watchdog.conf
        systemctl --user daemon-reload; systemctl --user start archipelago"
    ));
    let pid = show(&node, "MainPID");
    // It goes on for longer than the watchdog's time, waiting and making passes.
    let passes = until_pass(&node, 8);
    assert!(passes, "it makes no passes");
    assert_eq!(
        show(&node, "MainPID"),
        pid,
        "it gets on, so it is left alone"
    );

    node.root(&["bash", "-c", "kill -STOP $(pidof fuse-overlayfs)"]);
    until("systemd to start it again", Duration::from_secs(90), || {
        (show(&node, "NRestarts") != "0").then_some(())
    });
    let log = node.shell("journalctl --user --no-pager -o cat");
    assert!(
        log.contains("archipelago.service: Watchdog timeout"),
        "{log}"
    );
    node.root(&["bash", "-c", "kill -CONT $(pidof fuse-overlayfs)"]);
    until_equal("the app to be known", SOON, &json!(1), || {
        node.try_health()
            .map_or(json!(null), |health| health["apps"]["ready"].clone())
    });
    is_repaired(&node, "archy-lone.container");
    assert_eq!(node.containers(), before);
}

/// Waits until the daemon's last pass ended so many seconds after now, provoking passes.
fn until_pass(node: &Node, seconds: u64) -> bool {
    let ended = |node: &Node| node.try_health()?["last_pass"]["finished_unix_s"].as_u64();
    let first = until("a pass", SOON, || ended(node));
    until("passes", SOON, || {
        node.shell("touch ~/.config/archipelago/.look");
        (ended(node)? >= first + seconds).then_some(true)
    })
}
