//! Another process keeps changing a unit file: Archipelago waits longer before each repair, and
//! names the process that may be changing it.

use std::time::{Duration, Instant};

use crate::apps;
use crate::node::{Node, SOON, UNITS, text, until};

/// Appends a line to the unit file after each repair, until the file `~/stop` exists.
const WRITER: &str = r#"
echo $$ >~/pid
cd "$1"
while [ ! -e ~/stop ]; do
    grep -qs '^# theirs' archy-lone.container || echo '# theirs' >>archy-lone.container
    sleep 0.1
done
"#;

/// The same as root. Each time another file replaces the unit file.
const WRITER_OF_ROOT: &str = r#"
cd /home/archy/.config/containers/systemd
while true; do
    grep -qs '^# theirs' archy-lone.container || {
        { cat archy-lone.container; echo '# theirs'; } >/root/theirs
        mv /root/theirs archy-lone.container
    }
    sleep 0.1
done
"#;

#[test]
fn contention_of_a_unit_file_is_reported_and_backed_off_from() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let mut other = node
        .0
        .spawn_user(&["bash", "-c", WRITER, "bash", UNITS])
        .expect("a process in the host");
    let reported = report(&node);
    let pid = node.shell("cat ~/pid");
    let expected = message(&format!(
        "It may be bash (process {}, names it in its arguments)",
        pid.trim()
    ));
    assert_eq!(reported, expected);
    let details = node.try_details_of("lone").expect("the daemon answers");
    assert_eq!(text(&details["message"]), expected);
    until("the journal to have the message", SOON, || {
        let journal = journal(&node);
        journal.lines().any(|line| line == expected).then_some(())
    });
    let before = repairs(&node);
    let watched = Instant::now();
    until("20 s to pass", SOON, || {
        (watched.elapsed() > Duration::from_secs(20)).then_some(())
    });
    let more = repairs(&node) - before;
    assert!(more <= 2, "it was repaired {more} times in 20 s");
    node.shell("touch ~/stop");
    other.wait().expect("the process to end");
    // A command repairs the file at once, without waiting for the next attempt.
    node.user(&["archipelago", "start", "lone"]);
    until("the app to be ready again", SOON, || {
        (node.state("lone") == "ready").then_some(())
    });
    let kept = node.shell(&format!("cat {UNITS}/archy-lone.container"));
    assert!(!kept.contains("# theirs"));
}

#[test]
fn contention_with_a_system_service_names_the_service_and_its_user() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8482));
    node.root(&[
        "systemd-run",
        "--unit=meddler",
        "bash",
        "-c",
        WRITER_OF_ROOT,
    ]);
    let reported = report(&node);
    let show = ["systemctl", "show", "-P", "MainPID", "meddler"];
    let pid = node.root(&show);
    let expected = message(&format!(
        "It may be bash (process {} of root in the system's meddler.service, names it in its arguments). The file that it left belongs to root",
        pid.trim()
    ));
    assert_eq!(reported, expected);
    node.root(&["systemctl", "stop", "meddler"]);
}

/// Deletes a file twenty times, once every two seconds, and prints the milliseconds until it was
/// restored each time.
const DELETE: &str = r#"
now() { REPLY=${EPOCHREALTIME/./}; }
now
began=$REPLY
for ((time = 0; time < 20; time++)); do
    now
    early=$((began + time * 2000000 - REPLY))
    [ "$early" -le 0 ] || sleep "$((early / 1000000)).$(printf %06d $((early % 1000000)))"
    rm "$1"
    now
    removed=$REPLY
    until [ -e "$1" ]; do sleep 0.02; now; [ $((REPLY - removed)) -lt 60000000 ] || exit 1; done
    now
    echo $(((REPLY - removed) / 1000))
done
"#;

#[test]
fn a_unit_that_is_deleted_again_and_again_by_hand_is_restored_at_once() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8483));
    let file = format!("{UNITS}/archy-lone.container");
    let back_ms = node.user(&["bash", "-euc", DELETE, "bash", &file]);
    let back_ms: Vec<u64> = back_ms
        .lines()
        .map(|line| line.parse().expect("milliseconds"))
        .collect();
    assert_eq!(back_ms.len(), 20);
    // A few changes of a file are no contention yet, so the first repairs show the machine's speed.
    let (first, later) = back_ms.split_at(5);
    let speed_ms = *first.iter().max().expect("five times");
    let mut later = later.to_vec();
    later.sort_unstable();
    let (median, longest) = (later[later.len() / 2], later[later.len() - 1]);
    assert!(median <= speed_ms + 1_000, "the median: {back_ms:?}");
    // In contention the first wait is 10 s. A machine may stand still for a moment.
    assert!(longest <= speed_ms + 5_000, "the longest: {back_ms:?}");
    until("the app to be ready", SOON, || {
        (node.state("lone") == "ready").then_some(())
    });
    assert!(!journal(&node).contains("keeps changing"));
}

#[test]
fn repeated_installs_and_purges_are_not_reported_as_contention() {
    let node = Node::new();
    let folder = node.put(&apps::shop());
    for _ in 0..8 {
        node.user(&["archipelago", "install", &folder]);
        node.user(&["archipelago", "uninstall", "--purge", "shop"]);
    }
    node.user(&["archipelago", "install", &folder]);
    assert_eq!(node.state("shop"), "ready");
    let journal = journal(&node);
    assert!(!journal.contains("keeps changing"), "{journal}");
}

/// The app's message once the contention is reported.
fn report(node: &Node) -> String {
    let status = until("the contention to be reported", SOON, || {
        let status = node.status("lone");
        (text(&status["state"]) == "degraded").then_some(status)
    });
    text(&status["message"])
}

fn message(writer: &str) -> String {
    format!(
        "something else keeps changing archy-lone.container; until that ends, Archipelago waits longer before each repair. {writer}. Stop that \
         process, or put its change into a drop-in"
    )
}

fn repairs(node: &Node) -> usize {
    let repair = "write the unit archy-lone.container";
    let journal = journal(node);
    journal.lines().filter(|line| line.contains(repair)).count()
}

fn journal(node: &Node) -> String {
    node.shell("journalctl --user -u archipelago -o cat --no-pager")
}
