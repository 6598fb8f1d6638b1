//! Passes at a thousand units: what one with nothing to do costs, and that any change leads to one reload.

use anyhow::Result;

use super::figures::{Row, Trials};
use super::node::Node;

/// Of two units each.
const APPS: usize = 500;
const PASSES: usize = 20;

pub(super) fn thousand_units(node: &Node, _trials: usize) -> Result<Vec<Row>> {
    node.apps(APPS, false)?;
    // Timers start processes of their own.
    node.0
        .run_root(&["bash", "-c", "systemctl stop '*.timer'"])?
        .checked()?;
    let measured = node.numbers(include_str!("passes.sh"), &[&PASSES.to_string()])?;
    let [cpu_ns, count, processes, reloads, reloads_of_changes] = measured[..] else {
        anyhow::bail!("passes.sh printed {measured:?}");
    };
    let one = |value: f64, unit| Trials::new(vec![value], unit);
    let pass = |what: &str| format!("pass with nothing to do at {} units: {what}", APPS * 2);
    Ok(vec![
        Row::at_most(&pass("CPU"), &one(cpu_ns / count / 1e6, "ms"), 100.0),
        Row::at_most(&pass("reloads"), &one(reloads, ""), 0.0),
        Row::at_most(&pass("spawned processes"), &one(processes, ""), 0.0),
        Row::at_most(
            "a hundred of 1000 unit files changed at once: reloads",
            &one(reloads_of_changes, ""),
            1.0,
        ),
    ])
}
