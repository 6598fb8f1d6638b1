//! A hundred running apps: the time of `status`, the daemon's start, and the cost of the daemon
//! while nothing happens.

use anyhow::Result;

use super::figures::{Row, Trials};
use super::node::Node;

const APPS: usize = 100;
/// The length of the measurement without events.
const IDLE_S: f64 = 300.0;

pub(super) fn hundred_apps(node: &Node, trials: usize) -> Result<Vec<Row>> {
    node.apps(APPS, true)?;
    let script = include_str!("status.sh");
    let count = trials.to_string();
    // `unasked` removes the probes from the manifests, so it comes last.
    let measured = ["bare", "ask", "status", "health", "unasked"].map(|what| {
        let times = node.numbers(script, &[what, &count])?;
        anyhow::Ok(Trials::ms(times))
    });
    let [bare, ask, status, health, unasked] = measured;
    Ok(vec![
        Row::of("bare `systemctl --user list-units 'archy-*'`", &bare?),
        Row::of("bare `curl --parallel` of ten apps", &ask?),
        Row::at_most(
            &format!("`status` at {APPS} apps, of which it asks none over HTTP"),
            &unasked?,
            30.0,
        ),
        Row::at_most(
            &format!("`status` at {APPS} apps, of which it asks ten over HTTP"),
            &status?,
            30.0,
        ),
        Row::at_most(
            &format!("daemon start → /health 200, {APPS} apps"),
            &health?,
            150.0,
        ),
    ])
}

pub(super) fn five_minutes(node: &Node) -> Result<Vec<Row>> {
    node.apps(APPS, true)?;
    let measured = node.numbers(include_str!("idle.sh"), &[&IDLE_S.to_string()])?;
    let [cpu_us, wakeups, rss_kb] = measured[..] else {
        anyhow::bail!("idle.sh printed {measured:?}");
    };
    let one = |value: f64, unit| Trials::new(vec![value], unit);
    let name = |what: &str| format!("idle with {APPS} running apps over 5 min: {what}");
    Ok(vec![
        Row::at_most(
            &name("share of one core"),
            &one(cpu_us / (IDLE_S * 1e6) * 100.0, "%"),
            0.05,
        ),
        Row::at_most(&name("memory"), &one(rss_kb / 1000.0, "MB"), 15.0),
        Row::at_most(&name("wake-ups"), &one(wakeups / IDLE_S, "/s"), 1.0),
    ])
}
