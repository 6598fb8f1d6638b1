//! `cargo xtask sim`: long runs of the simulation, compiled with optimisations.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

/// The runs to make.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run at most this many seeds.
    #[arg(long)]
    count: Option<u64>,
    /// Run at least this many steps, unless the seeds run out first.
    #[arg(long, default_value_t = 1_000_000)]
    steps: u64,
    /// Run every placement of up to two faults in the scenarios instead.
    #[arg(long)]
    pairs: bool,
    /// Run one script instead, and print its trace.
    #[arg(long)]
    script: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments {
        seed,
        count,
        steps,
        pairs,
        script,
    } = arguments;
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args([
        "run",
        "--quiet",
        "--profile",
        "sim",
        "-p",
        "sim",
        "--example",
        "sim",
        "--",
    ]);
    command.args(["--seed", &seed.to_string(), "--steps", &steps.to_string()]);
    if let Some(count) = count {
        command.args(["--count", &count.to_string()]);
    }
    if *pairs {
        command.arg("--pairs");
    }
    if let Some(script) = script {
        command.args(["--script", script]);
    }
    let status = command
        .stdin(Stdio::null())
        .status()
        .context("starting cargo")?;
    if !status.success() {
        bail!("the simulation ended with {status}");
    }
    Ok(())
}
