//! Something else keeps changing a unit file: that is said, and who it may be, and costs little.

use std::time::{Duration, Instant};

use crate::apps;
use crate::node::{Node, SOON, UNITS, text, until};

/// Writes into the file whenever it was put right, at once, until a file says stop.
const OTHER: &str = r#"
echo $$ >~/pid
cd "$1"
while [ ! -e ~/stop ]; do
    grep -qs '^# theirs' archy-lone.container || echo '# theirs' >>archy-lone.container
    sleep 0.1
done
"#;

/// The same by root, who puts another file in its place.
const ROOT: &str = r#"
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
fn a_fight_over_a_unit_file_is_reported_and_backed_off_from() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let mut other = node
        .0
        .spawn_user(&["bash", "-c", OTHER, "bash", UNITS])
        .expect("a process in the host");
    let message = report(&node);
    let pid = node.shell("cat ~/pid");
    let expected = told(&format!(
        "It may be bash (process {}, names it in its arguments)",
        pid.trim()
    ));
    assert_eq!(message, expected);
    let told_by_daemon = node.try_details_of("lone").expect("the daemon answers");
    assert_eq!(text(&told_by_daemon["message"]), expected);
    until("the journal to have it", SOON, || {
        let journal = journal(&node);
        journal.lines().any(|line| line == expected).then_some(())
    });
    let before = repairs(&node);
    let watched = Instant::now();
    until("the 20 s to pass in which it is watched", SOON, || {
        (watched.elapsed() > Duration::from_secs(20)).then_some(())
    });
    let more = repairs(&node) - before;
    assert!(more <= 2, "in 20 s it was put right {more} times");
    node.shell("touch ~/stop");
    other.wait().expect("the other to end");
    // The operator need not wait for the next attempt.
    node.user(&["archipelago", "start", "lone"]);
    until("the app to be well again", SOON, || {
        (node.state("lone") == "ready").then_some(())
    });
    let kept = node.shell(&format!("cat {UNITS}/archy-lone.container"));
    assert!(!kept.contains("# theirs"));
}

#[test]
fn a_fight_with_the_system_names_its_user_and_what_can_be_stopped() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8482));
    node.root(&["systemd-run", "--unit=meddler", "bash", "-c", ROOT]);
    let message = report(&node);
    let show = ["systemctl", "show", "-P", "MainPID", "meddler"];
    let pid = node.root(&show);
    let expected = told(&format!(
        "It may be bash (process {} of root in the system's meddler.service, names it in its arguments). What it left there belongs to root",
        pid.trim()
    ));
    assert_eq!(message, expected);
    node.root(&["systemctl", "stop", "meddler"]);
}

/// Deletes a file twenty times, once every two seconds, and says after how many milliseconds it was
/// back each time.
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
fn a_person_who_deletes_a_unit_again_and_again_does_not_wait() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8483));
    let file = format!("{UNITS}/archy-lone.container");
    let back_ms = node.user(&["bash", "-euc", DELETE, "bash", &file]);
    let back_ms: Vec<u64> = back_ms
        .lines()
        .map(|line| line.parse().expect("milliseconds"))
        .collect();
    assert_eq!(back_ms.len(), 20);
    // The first wait in a fight is 10 s.
    assert!(back_ms.iter().all(|ms| *ms < 8_000), "{back_ms:?}");
    until("the app to be well", SOON, || {
        (node.state("lone") == "ready").then_some(())
    });
    assert!(!journal(&node).contains("keeps changing"));
}

#[test]
fn operations_of_ones_own_are_no_fight() {
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

/// What is said of the app once the fight is noticed.
fn report(node: &Node) -> String {
    let status = until("the fight to be reported", SOON, || {
        let status = node.status("lone");
        (text(&status["state"]) == "degraded").then_some(status)
    });
    text(&status["message"])
}

fn told(who: &str) -> String {
    format!(
        "something else keeps changing archy-lone.container; it is put right less and less often until that ends. {who}. Stop what does it, \
         or put what it wants into a drop-in"
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
