//! Measures whether connections to the daemon slow a repair.

use anyhow::Result;

use super::figures::{Row, Trials};
use super::node::Node;

/// The same number as in the case `repair`.
const APPS: usize = 8;

/// Deletes a unit file and stops its service: without connections, and under a thousand idle
/// connections, under which it then also measures `/health`. The two alternate, so that both are
/// measured on the machine in the same state.
pub(super) fn idle_connections(node: &Node, trials: usize) -> Result<Vec<Row>> {
    node.apps(APPS, true)?;
    let repair = include_str!("repair.sh");
    let door = include_str!("door.sh");
    let (mut alone, mut crowded, mut answers) = (vec![], vec![], vec![]);
    let mut done = 0;
    while done < trials {
        let some = (trials - done).min(APPS).to_string();
        alone.extend(node.numbers(repair, &["deleted", &some])?);
        node.shell(door, &["open"])?;
        crowded.extend(node.numbers(repair, &["deleted", &some])?);
        answers.extend(node.numbers(door, &["ask", &some])?);
        node.shell(door, &["close"])?;
        done += APPS;
    }
    let [alone, crowded, answers] = [alone, crowded, answers].map(Trials::ms);
    let name = "unit file deleted and service stopped → active";
    Ok(vec![
        Row::of(name, &alone),
        Row::beside(
            "the same under 1,000 idle connections",
            &crowded,
            ("without them", &alone),
            1.25,
            None,
        ),
        Row::all_at_most("/health under 1,000 idle connections", &answers, 1000.0),
    ])
}
