//! `cargo xtask bench`: how fast Archipelago is on a fresh Debian host, beside bare `systemctl` and other programs that run Compose files,
//! all measured in the same run. What is compared are ratios: the times themselves are the machine's.
//!
//! A case is a function that measures one kind of work and returns rows. Each has a host of its own, so one disturbs no other.

mod figures;
mod idle;
mod install;
mod node;
mod passes;
mod repair;

use std::path::Path;

use anyhow::{Result, bail};
use testhost::{peers, prerequisites};

use crate::deb;
use figures::{Row, print};
pub(crate) use node::Node;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only these cases.
    cases: Vec<String>,
    /// How often each thing is done.
    #[arg(long, default_value_t = 20)]
    trials: usize,
    /// Leave the hosts up, to look around in.
    #[arg(long)]
    keep: bool,
}

/// A case: its name, whether its host has the other programs, and what it does.
type Case = (&'static str, bool, fn(&Node, usize) -> Result<Vec<Row>>);

const CASES: [Case; 7] = [
    ("repair", false, repair::units),
    ("objects", false, repair::objects),
    ("folder", false, repair::folder),
    ("install", true, install::forty_services),
    ("status", false, idle::hundred_apps),
    ("idle", false, idle::five_minutes),
    ("passes", false, passes::thousand_units),
];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments {
        cases,
        trials,
        keep,
    } = arguments;
    if let Some(unknown) = cases
        .iter()
        .find(|wanted| !CASES.iter().any(|(name, ..)| name == wanted))
    {
        let known: Vec<&str> = CASES.iter().map(|(name, ..)| *name).collect();
        bail!(
            "there is no case {unknown:?}; there are {}",
            known.join(", ")
        );
    }
    prerequisites::ensure()?;
    let package = deb::build_with(deb::Profile::Release)?;
    let mut rows = Vec::new();
    for (name, with_peers, case) in CASES {
        if !cases.is_empty() && !cases.iter().any(|wanted| wanted == name) {
            continue;
        }
        eprintln!("── {name}");
        let measured = measure(&package, name, with_peers, *keep, |node| {
            case(node, *trials)
        })?;
        print(&measured);
        rows.extend(measured);
    }
    println!();
    print(&rows);
    Ok(())
}

fn measure(
    package: &Path,
    name: &str,
    with_peers: bool,
    keep: bool,
    case: impl Fn(&Node) -> Result<Vec<Row>>,
) -> Result<Vec<Row>> {
    let podup = with_peers.then(peers::podup).transpose()?;
    let node = Node::boot(&format!("bench-{name}"), package, podup.as_deref())?;
    let rows = case(&node);
    if keep || rows.is_err() {
        eprintln!(
            "the host bench-{name} stays up; cargo xtask host down bench-{name} takes it down"
        );
    } else {
        node.0.down()?;
    }
    rows
}
