//! Jobs on a real host: they run before what awaits them, once for each start of their app, and a
//! failure is told and not repeated.

use testhost::Reboot;

use crate::apps::{self, App};
use crate::node::{DATA, Node, ONE_TICK, SOON, text, until, until_equal};

const BOX: &str = "docker.io/library/busybox:stable";

/// A web service that serves what the migration before it wrote.
fn shelf(migration: &str) -> App {
    apps::app(
        "shelf",
        &format!(
            "services:
  web:
    image: {BOX}
    command: [sh, -c, \"trap 'exit 0' TERM; cp /data/schema /tmp/served && httpd -f -p 80 -h /tmp & wait\"]
    ports: ['8580:80']
    volumes: ['data:/data']
    depends_on: {{migrate: {{condition: service_completed_successfully}}}}
  migrate:
    image: {BOX}
    restart: \"no\"
    command: [sh, -c, \"{migration}\"]
    volumes: ['data:/data']
volumes: {{data: }}
"
        ),
    )
}

fn runs(node: &Node) -> usize {
    let runs = node.try_shell(&format!("cat {DATA}/volumes/shelf/data/runs"));
    runs.stdout.lines().count()
}

/// When the daemon's last pass ended, in seconds since 1970.
fn last_pass(node: &Node) -> u64 {
    let health = until("the daemon's answer", SOON, || node.try_health());
    health["last_pass"]["finished_unix_s"]
        .as_u64()
        .expect("a time")
}

fn served(node: &Node) -> String {
    let answer = node.try_shell("curl -fsS --max-time 5 http://127.0.0.1:8580/served");
    answer.stdout
}

#[test]
fn a_migration_runs_before_its_web_service_once_for_each_start() {
    let node = Node::new();
    let works = shelf("date >>/data/runs; wc -l </data/runs >/data/schema");
    node.install(&works);
    assert_eq!((runs(&node), served(&node).trim()), (1, "1"));
    let unit =
        node.shell("systemctl --user show -p Type,RemainAfterExit,SubState archy-shelf-migrate");
    for line in ["Type=oneshot", "RemainAfterExit=yes", "SubState=exited"] {
        assert!(unit.contains(line), "{unit}");
    }

    // Neither a tick nor a lost container runs it again.
    node.shell("podman rm -f -t 0 archy-shelf-web");
    until_equal(
        "the web service to come back",
        ONE_TICK,
        &"1".to_owned(),
        || served(&node).trim().to_owned(),
    );
    node.user(&["archipelago", "start", "shelf"]);
    assert_eq!(runs(&node), 1);

    // Each start of the app does, as `docker compose up` would.
    node.user(&["archipelago", "restart", "shelf"]);
    assert_eq!((runs(&node), served(&node).trim()), (2, "2"));
    node.user(&["archipelago", "stop", "shelf"]);
    node.user(&["archipelago", "start", "shelf"]);
    assert_eq!((runs(&node), served(&node).trim()), (3, "3"));
    node.0.reboot(Reboot::Soft).expect("a reboot");
    until_equal(
        "the app to serve after the reboot",
        ONE_TICK,
        &"4".to_owned(),
        || served(&node).trim().to_owned(),
    );
    assert_eq!((runs(&node), node.state("shelf").as_str()), (4, "ready"));
}

#[test]
fn a_failing_job_is_told_with_its_last_line_and_not_repeated() {
    let node = Node::new();
    let fails = shelf("date >>/data/runs; echo the table is locked >&2; exit 3");
    let folder = node.put(&fails);
    let said = node.exits(1, &["install", &folder]);
    assert!(
        said.contains("archy-shelf-migrate.service: the job ended with exit-code (status 3)"),
        "{said}"
    );
    let told = || {
        let status = node.status("shelf");
        (text(&status["state"]), text(&status["message"]))
    };
    until("the last line to be told", SOON, || {
        let (state, message) = told();
        let line = "its last line: the table is locked";
        (state == "failed" && message.contains(line)).then_some(())
    });
    // The web service awaits its success.
    assert!(!node.containers().contains_key("archy-shelf-web"));
    // Longer than systemd or a pass would wait before another attempt.
    let first = last_pass(&node);
    until("a pass after the next tick", 2 * ONE_TICK, || {
        (last_pass(&node) > first + 31).then_some(())
    });
    assert_eq!(runs(&node), 1);
    assert!(!node.archipelago(&["start", "shelf"]).success());
    assert_eq!(runs(&node), 2, "a person asked");

    let works = shelf("date >>/data/runs; wc -l </data/runs >/data/schema");
    node.install(&works);
    assert_eq!((runs(&node), served(&node).trim()), (3, "3"));
}
