//! `cargo xtask bench`: measures how fast Archipelago is on a fresh Debian host, beside bare
//! `systemctl` and other programs that run Compose files, all in the same run. Goals are ratios
//! where possible, because the times depend on the machine.
//!
//! A case is a function that measures one kind of work and returns rows. Each case has a host of
//! its own, so that none disturbs another; `core` needs none.

mod core;
mod door;
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
    /// Run only these cases.
    cases: Vec<String>,
    /// The number of trials of each case; by default each case has its own.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    trials: Option<u16>,
    /// Leave the hosts up after the run.
    #[arg(long)]
    keep: bool,
}

/// The function that measures one kind of work, and where it runs.
#[derive(Clone, Copy)]
enum Case {
    /// On this machine.
    Here(fn() -> Result<Vec<Row>>),
    /// On a fresh host, once.
    Once(fn(&Node) -> Result<Vec<Row>>),
    /// On a fresh host, with this number of trials.
    OnHost(u16, fn(&Node, usize) -> Result<Vec<Row>>),
    /// On a fresh host that has the other programs, with this number of trials.
    BesidePeers(u16, fn(&Node, usize) -> Result<Vec<Row>>),
}

const CASES: [(&str, Case); 9] = [
    ("core", Case::Here(core::render_and_plan)),
    // The only case with a goal for its p99, which needs many trials.
    ("repair", Case::OnHost(100, repair::units)),
    ("door", Case::OnHost(40, door::idle_connections)),
    ("objects", Case::OnHost(20, repair::objects)),
    // Each trial of these two takes half a minute.
    ("folder", Case::OnHost(10, repair::folder)),
    ("install", Case::BesidePeers(10, install::forty_services)),
    ("status", Case::OnHost(20, idle::hundred_apps)),
    ("idle", Case::Once(idle::five_minutes)),
    ("passes", Case::OnHost(20, passes::thousand_units)),
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
            "unknown case {unknown:?}; the cases are {}",
            known.join(", ")
        );
    }
    prerequisites::ensure()?;
    let package = deb::build_with(deb::Profile::Release)?;
    let mut rows = Vec::new();
    for (name, case) in CASES {
        if !cases.is_empty() && !cases.iter().any(|wanted| wanted == name) {
            continue;
        }
        eprintln!("── {name}");
        let often = |usual: u16| usize::from(trials.unwrap_or(usual));
        let measured = match case {
            Case::Here(case) => case(),
            Case::Once(case) => measure(&package, name, None, *keep, case),
            Case::OnHost(usual, case) => {
                measure(&package, name, None, *keep, |node| case(node, often(usual)))
            }
            Case::BesidePeers(usual, case) => {
                measure(&package, name, Some(&peers::podup()?), *keep, |node| {
                    case(node, often(usual))
                })
            }
        }?;
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
    podup: Option<&Path>,
    keep: bool,
    case: impl Fn(&Node) -> Result<Vec<Row>>,
) -> Result<Vec<Row>> {
    let node = Node::boot(&format!("bench-{name}"), package, podup)?;
    let rows = case(&node);
    if keep || rows.is_err() {
        eprintln!(
            "the host bench-{name} stays up; to take it down: cargo xtask host down bench-{name}"
        );
    } else {
        node.0.down()?;
    }
    rows
}
