//! Something else keeps changing a unit file: that is said, and costs little.

use std::time::{Duration, Instant};

use crate::apps;
use crate::node::{Node, SOON, UNITS, text, until};

/// Writes into the file whenever it was put right, at once, until a file says stop.
const OTHER: &str = r#"
cd "$1"
while [ ! -e ~/stop ]; do
    grep -qs '^# theirs' archy-lone.container || echo '# theirs' >>archy-lone.container
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
    let status = until("the fight to be reported", SOON, || {
        let status = node.status("lone");
        (text(&status["state"]) == "degraded").then_some(status)
    });
    let message = text(&status["message"]);
    assert!(
        message.starts_with("something else keeps changing archy-lone.container"),
        "{message}"
    );
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

fn repairs(node: &Node) -> usize {
    let journal = node.shell("journalctl --user -u archipelago -o cat --no-pager");
    let repair = "write the unit archy-lone.container";
    journal.lines().filter(|line| line.contains(repair)).count()
}
