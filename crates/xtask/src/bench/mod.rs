//! `cargo xtask bench`: how fast Archipelago is on a fresh Debian host, beside bare `systemctl` and other programs that run Compose files,
//! all measured in the same run. What is compared are ratios: the times themselves are the machine's.
//!
//! A case is a function that measures one kind of work and returns rows. Each has a host of its own, so one disturbs no other; core needs none.

mod core;
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

/// What measures one kind of work.
#[derive(Clone, Copy)]
enum Case {
    /// On this machine.
    Here(fn() -> Result<Vec<Row>>),
    /// On a fresh host.
    OnHost(fn(&Node, usize) -> Result<Vec<Row>>),
    /// On a fresh host that has the other programs.
    BesidePeers(fn(&Node, usize) -> Result<Vec<Row>>),
}

const CASES: [(&str, Case); 8] = [
    ("core", Case::Here(core::render_and_plan)),
    ("repair", Case::OnHost(repair::units)),
    ("objects", Case::OnHost(repair::objects)),
    ("folder", Case::OnHost(repair::folder)),
    ("install", Case::BesidePeers(install::forty_services)),
    ("status", Case::OnHost(idle::hundred_apps)),
    ("idle", Case::OnHost(idle::five_minutes)),
    ("passes", Case::OnHost(passes::thousand_units)),
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
    for (name, case) in CASES {
        if !cases.is_empty() && !cases.iter().any(|wanted| wanted == name) {
            continue;
        }
        eprintln!("── {name}");
        let on_host = |podup: Option<&Path>, case: fn(&Node, usize) -> Result<Vec<Row>>| {
            measure(&package, name, podup, *keep, |node| case(node, *trials))
        };
        let measured = match case {
            Case::Here(case) => case(),
            Case::OnHost(case) => on_host(None, case),
            Case::BesidePeers(case) => on_host(Some(&peers::podup()?), case),
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
            "the host bench-{name} stays up; cargo xtask host down bench-{name} takes it down"
        );
    } else {
        node.0.down()?;
    }
    rows
}
