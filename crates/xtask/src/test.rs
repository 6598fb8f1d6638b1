//! `cargo xtask test`: what must hold before a change lands: format, lints, and the tests, those on
//! real hosts and with the real Bitcoin daemons included, and of the kills and reboots of
//! `cargo xtask torture` a few.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use testhost::{Options, Suite, prerequisites};

use crate::{deb, structure};

/// Debian packages that some tests need beyond those of the hosts: the command and its package.
const TOOLS: [(&str, &str); 5] = [
    ("node", "nodejs"),
    ("faketime", "faketime"),
    ("chromium", "chromium"),
    ("busybox", "busybox-static"),
    ("jq", "jq"),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only the tests of the real Bitcoin daemons and their pages.
    #[arg(long)]
    bitcoin: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { bitcoin } = arguments;
    let started = Instant::now();
    prerequisites::ensure()?;
    prerequisites::ensure_commands(&TOOLS)?;
    let tests: &[&str] = if *bitcoin {
        &["test", "--package", "archipelago", "--test", "bitcoin"]
    } else {
        before_hosts()?;
        &["test", "--workspace", "--no-fail-fast"]
    };
    let began = Instant::now();
    println!(
        "── the hosts' root, images and daemons; where the cache is empty, a quarter of an hour"
    );
    testhost::prepare()?;
    testhost::prepare_with_bitcoin()?;
    testhost::prepare_for(&Options::default().suite(Suite::Forky))?;
    done("what hosts are made of", began);
    let package = deb::build()?;
    // Not at the end, which is cargo's word on the tests.
    done("all that comes before the tests", started);
    let mut tests = cargo(tests);
    tests.env("ARCHIPELAGO_DEB", &package);
    step("the tests", tests)
}

/// What needs no host.
fn before_hosts() -> Result<()> {
    step("the format", cargo(&["fmt", "--all", "--check"]))?;
    step(
        "the lints",
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    println!("── the structure");
    structure::check()?;
    let mut pages = Command::new("node");
    // Every test of the folder it is started in: how Node reads a folder as an argument changed
    // between its releases.
    pages.arg("--test").current_dir("catalog/node-ui/test");
    step(
        "the pages' own logic, and the script of lnd's wallet",
        pages,
    )
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

fn step(name: &str, mut command: Command) -> Result<()> {
    let began = Instant::now();
    println!("── {name}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("starting {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{name}: {command:?} ended with {status}");
    }
    done(name, began);
    Ok(())
}

fn done(name: &str, began: Instant) {
    println!(
        "── {name}: right, after {:.0} s",
        began.elapsed().as_secs_f64()
    );
}
