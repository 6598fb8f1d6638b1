//! `cargo xtask torture`: causes every fault on real hosts, with many kills and reboots. `--kills
//! 50 --reboots 4` is the shorter set.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::deb;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The number of kills of the daemon or of a command.
    #[arg(long, default_value_t = 500)]
    kills: u32,
    /// The number of power cuts.
    #[arg(long, default_value_t = 20)]
    reboots: u32,
    /// The seed that an earlier run printed, to repeat its random instants.
    #[arg(long)]
    seed: Option<u64>,
    /// Run only the tests whose names contain this text.
    only: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments {
        kills,
        reboots,
        seed,
        only,
    } = arguments;
    let seed = seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |now| now.subsec_nanos().into())
    });
    let only = only.as_deref().unwrap_or_default();
    let again =
        format!("cargo xtask torture --kills {kills} --reboots {reboots} --seed {seed} {only}");
    println!(
        "{kills} kills, {reboots} reboots; to repeat: {}",
        again.trim_end()
    );
    testhost::prepare()?;
    let began = Instant::now();
    let mut child = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "test",
            "--package",
            "archipelago",
            "--test",
            "torture",
            "--",
            "--nocapture",
        ])
        .args(Some(only).filter(|only| !only.is_empty()))
        .env("ARCHIPELAGO_DEB", deb::build()?)
        .env("ARCHIPELAGO_TORTURE_KILLS", kills.to_string())
        .env("ARCHIPELAGO_TORTURE_REBOOTS", reboots.to_string())
        .env("ARCHIPELAGO_TEST_SEED", seed.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the tests")?;
    let mut counts = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.context("reading the output of the tests")?;
            println!("{:>5.0} s  {line}", began.elapsed().as_secs_f64());
            if ["killed: ", "rebooted: ", "test result: "]
                .iter()
                .any(|word| line.starts_with(word))
            {
                counts.push(line);
            }
        }
    }
    let status = child.wait().context("waiting for the tests")?;
    println!("── after {:.0} s", began.elapsed().as_secs_f64());
    for line in &counts {
        println!("   {line}");
    }
    if !status.success() {
        bail!("a test failed; to repeat it: {}", again.trim_end());
    }
    Ok(())
}
