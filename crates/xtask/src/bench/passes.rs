//! Passes at a thousand units: the cost of a pass with nothing to do, and that any change leads to
//! one reload.

use anyhow::{Result, bail};

use super::figures::{Row, Trials};
use super::node::Node;

/// Each app has two units.
const APPS: usize = 500;

pub(super) fn thousand_units(node: &Node, trials: usize) -> Result<Vec<Row>> {
    node.apps(APPS, false)?;
    // Timers would start processes, which are counted.
    node.0
        .run_root(&["bash", "-c", "systemctl stop '*.timer'"])?
        .checked()?;
    let counts = [APPS, trials].map(|count| count.to_string());
    let arguments = counts.each_ref().map(String::as_str);
    let measured = node.numbers(include_str!("passes.sh"), &arguments)?;
    let [
        passes,
        cpu_us,
        processes,
        reloads,
        files,
        definitions,
        folder,
    ] = measured[..]
    else {
        bail!("passes.sh printed {measured:?}");
    };
    if passes == 0.0 {
        bail!("no write led to a pass");
    }
    let one = |value: f64, unit| Trials::new(vec![value], unit);
    let units = APPS * 2;
    let pass = |what: &str| format!("{passes} passes with nothing to do at {units} units: {what}");
    let change = |what: &str, reloads| {
        let work = format!("{what} at {units} units: reloads");
        Row::exactly(&work, &one(reloads, ""), 1.0)
    };
    Ok(vec![
        Row::at_most(
            &pass("CPU of each"),
            &one(cpu_us / passes / 1e3, "ms"),
            100.0,
        ),
        Row::exactly(&pass("reloads"), &one(reloads, ""), 0.0),
        Row::exactly(&pass("spawned processes"), &one(processes, ""), 0.0),
        change("a hundred unit files changed by hand", files),
        change("a hundred definitions changed", definitions),
        change("the unit folder deleted", folder),
    ])
}
