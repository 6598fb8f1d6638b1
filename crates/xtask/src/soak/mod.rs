//! `cargo xtask soak`: disturbs a host with many apps every second, for the given number of
//! minutes. At the end all apps must be ready and everything removed must be back, and the daemon's
//! memory and open files must not have grown; a plot shows both.

mod judge;
mod plot;
mod sample;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use testhost::prerequisites;

use crate::bench::Node;
use crate::deb;
use judge::Count;
use sample::Sample;

const APPS: usize = 40;
const HOST: &str = "soak";

/// The kinds of disturbances. `soak.sh` carries them out.
const KINDS: [&str; 17] = [
    "unit",
    "unit-edit",
    "network-unit",
    "folder",
    "rendered",
    "rendered-edit",
    "stop",
    "kill",
    "container",
    "network",
    "volume",
    "secret",
    "image",
    "reload",
    "look",
    "intent",
    "freeze",
];

/// In a soak of at least this many minutes, each kind must happen.
const ALL_KINDS_MINUTES: u32 = 30;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The length of the soak in minutes.
    #[arg(long, default_value_t = 30)]
    minutes: u32,
    /// The seed of the random disturbances.
    #[arg(long, default_value_t = 1)]
    seed: u16,
    /// The path of the plot.
    #[arg(long, default_value = "target/soak.svg")]
    plot: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments {
        minutes,
        seed,
        plot,
    } = arguments;
    // Made first, so that a folder that cannot be written fails before the half hour, not after it.
    if let Some(folder) = plot.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("making the folder {}", folder.display()))?;
    }
    let writing = || format!("writing {}", plot.display());
    let opened = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(plot);
    let mut file = opened.with_context(writing)?;
    prerequisites::ensure()?;
    let package = deb::build_with(deb::Profile::Release)?;
    let node = Node::boot(HOST, &package, None)?;
    eprintln!("starting {APPS} apps");
    node.shell(include_str!("apps.sh"), &[&APPS.to_string()])?;
    eprintln!("disturbing them for {minutes} minutes");
    let Soaked { samples, counts } = disturb(&node, *minutes, *seed).with_context(|| {
        format!("the host {HOST} stays up; to take it down: cargo xtask host down {HOST}")
    })?;
    file.set_len(0)
        .and_then(|()| file.write_all(plot::svg(&samples).as_bytes()))
        .with_context(writing)?;
    node.0.down()?;
    println!("{}", plot.display());
    println!("all {APPS} apps are ready, and everything that was removed is back");
    let disturbed = judge::disturbances(&counts);
    judge::samples(&samples)?;
    if *minutes >= ALL_KINDS_MINUTES {
        disturbed?;
    }
    Ok(())
}

/// The results of a soak.
#[derive(Default)]
struct Soaked {
    samples: Vec<Sample>,
    counts: BTreeMap<&'static str, Count>,
}

/// Disturbs in parts of a few minutes, because a command in a host is ended after ten.
fn disturb(node: &Node, minutes: u32, seed: u16) -> Result<Soaked> {
    const PART_S: u32 = 240;
    let mut soaked = Soaked::default();
    for kind in KINDS {
        soaked.counts.insert(kind, Count::default());
    }
    let mut left = minutes * 60;
    let mut part = 0;
    while left > 0 {
        let seconds = left.min(PART_S);
        let seed = u32::from(seed) + part;
        let numbers = [seconds.to_string(), APPS.to_string(), seed.to_string()];
        let arguments = [numbers.each_ref().map(String::as_str).as_slice(), &KINDS].concat();
        let printed = node.shell(include_str!("soak.sh"), &arguments)?;
        let before = f64::from(part * PART_S);
        for line in printed.lines() {
            soaked
                .add(line, before)
                .with_context(|| format!("{line:?} is neither a sample nor a disturbance"))?;
        }
        let so_far = before + f64::from(seconds);
        eprintln!("{so_far} s: {:?}", soaked.samples.last());
        left -= seconds;
        part += 1;
    }
    Ok(soaked)
}

impl Soaked {
    fn add(&mut self, line: &str, before: f64) -> Option<()> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["sample", second, memory_kb, files, restarts] => self.samples.push(Sample {
                second: before + second.parse::<f64>().ok()?,
                memory_mb: memory_kb.parse::<f64>().ok()? / 1000.0,
                files: files.parse().ok()?,
                restarts: restarts.parse().ok()?,
            }),
            [kind, status] => self.counts.get_mut(kind)?.add(status.parse().ok()?),
            _ => return None,
        }
        Some(())
    }
}
