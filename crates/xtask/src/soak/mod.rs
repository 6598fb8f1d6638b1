//! `cargo xtask soak`: a host with many apps on which something happens every second, for as long as is asked. It must end with all apps
//! ready, and with as much memory and as many open files as it began with; a plot shows both.

mod plot;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use testhost::prerequisites;

use crate::bench::Node;
use crate::deb;

const APPS: usize = 40;
const HOST: &str = "soak";
/// What it begins with is that of a daemon that has seen a minute of it: caches fill at first.
const WARM_UP_S: f64 = 60.0;
/// By how much memory and open files may be above what they began with.
const GROWTH_MAX: f64 = 1.2;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// For how long.
    #[arg(long, default_value_t = 30)]
    minutes: u32,
    /// What decides what happens when.
    #[arg(long, default_value_t = 1)]
    seed: u16,
    /// Where the plot goes.
    #[arg(long, default_value = "target/soak.svg")]
    plot: PathBuf,
}

/// The daemon at one moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    second: f64,
    memory_mb: f64,
    files: f64,
    restarts: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments {
        minutes,
        seed,
        plot,
    } = arguments;
    prerequisites::ensure()?;
    let package = deb::build_with(deb::Profile::Release)?;
    let node = Node::boot(HOST, &package, None)?;
    eprintln!("starting {APPS} apps");
    node.apps(APPS, true)?;
    eprintln!("disturbing them for {minutes} minutes");
    let samples = disturb(&node, *minutes, *seed).with_context(|| {
        format!("the host {HOST} stays up; cargo xtask host down {HOST} takes it down")
    })?;
    std::fs::write(plot, plot::svg(&samples))
        .with_context(|| format!("writing {}", plot.display()))?;
    node.0.down()?;
    println!("{}", plot.display());
    judge(&samples)
}

/// Parts of a few minutes, because no command in a host may take longer than ten.
fn disturb(node: &Node, minutes: u32, seed: u16) -> Result<Vec<Sample>> {
    const PART_S: u32 = 240;
    let mut samples: Vec<Sample> = Vec::new();
    let mut left = minutes * 60;
    let mut part = 0;
    while left > 0 {
        let seconds = left.min(PART_S);
        let seed = u32::from(seed) + part;
        let numbers = [seconds.to_string(), APPS.to_string(), seed.to_string()];
        let printed = node.shell(
            include_str!("soak.sh"),
            &numbers.each_ref().map(String::as_str),
        )?;
        let before = f64::from(part * PART_S);
        for line in printed.lines() {
            let mut sample = parse(line).with_context(|| format!("{line:?} is no sample"))?;
            sample.second += before;
            samples.push(sample);
        }
        eprintln!("{} s: {:?}", before + f64::from(seconds), samples.last());
        left -= seconds;
        part += 1;
    }
    Ok(samples)
}

fn parse(line: &str) -> Option<Sample> {
    let numbers: Vec<f64> = line
        .split(' ')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let [second, memory_kb, files, restarts] = numbers[..] else {
        return None;
    };
    Some(Sample {
        second,
        memory_mb: memory_kb / 1000.0,
        files,
        restarts,
    })
}

fn judge(samples: &[Sample]) -> Result<()> {
    let warm = samples
        .iter()
        .find(|sample| sample.second >= WARM_UP_S)
        .or(samples.first());
    let (Some(first), Some(last)) = (warm, samples.last()) else {
        bail!("nothing was measured");
    };
    println!(
        "memory: {:.1} MB, at the end {:.1} MB; open files: {}, at the end {}; all {APPS} apps are ready",
        first.memory_mb, last.memory_mb, first.files, last.files
    );
    if last.restarts > 0.0 {
        bail!("the daemon ended {} times", last.restarts);
    }
    let grown =
        last.memory_mb > first.memory_mb * GROWTH_MAX || last.files > first.files * GROWTH_MAX;
    if grown {
        bail!("it does not end with what it began with");
    }
    Ok(())
}
