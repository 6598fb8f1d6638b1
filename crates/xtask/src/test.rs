//! `cargo xtask test`: checks everything that must hold before a change is merged: format, lints
//! and all tests. These include the tests on real hosts, those with the real Bitcoin daemons, and a
//! few of the kills and reboots of `cargo xtask torture`.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use testhost::{Options, Suite, prerequisites};

use crate::{deb, revision, structure};

/// Debian packages that some tests need beyond those of the hosts: the command and its package.
const TOOLS: [(&str, &str); 5] = [
    ("node", "nodejs"),
    ("faketime", "faketime"),
    ("chromium", "chromium"),
    ("busybox", "busybox-static"),
    ("jq", "jq"),
];

/// The test that needs the package of version 0.1.0. It fails in a clone without that revision,
/// such as a shallow one. There this command leaves it out and says so.
const UPGRADE: &str =
    "an_upgrade_of_the_package_keeps_containers_data_and_secrets_and_a_restart_isolates";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run only the tests with the real Bitcoin daemons and their pages.
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
        "── the hosts' root, images and daemons (a quarter of an hour when the cache is empty)"
    );
    testhost::prepare()?;
    testhost::prepare_with_bitcoin()?;
    testhost::prepare_for(&Options::default().suite(Suite::Forky))?;
    done("the hosts' root, images and daemons", began);
    let has_earlier_package = earlier_package()?;
    let package = deb::build()?;
    // Printed before the tests, so that cargo's summary of the tests is the end of the output.
    done("everything before the tests", started);
    let mut tests = cargo(tests);
    tests.env("ARCHIPELAGO_DEB", &package);
    if !has_earlier_package {
        tests.args(["--", "--skip", UPGRADE]);
    }
    let ended = step("the tests", tests);
    // Once more at the end, where it is read.
    if !has_earlier_package {
        println!("{}", not_upgraded());
    }
    ended
}

/// Has the package of version 0.1.0 in the cache before the tests, so that no test waits for its
/// build. Returns whether this clone can build it.
fn earlier_package() -> Result<bool> {
    if revision::commit(revision::VERSION_0_1_0)?.is_none() {
        println!("{}", not_upgraded());
        return Ok(false);
    }
    let began = Instant::now();
    println!("── the package of version 0.1.0");
    revision::package(revision::VERSION_0_1_0)?;
    done("the package of version 0.1.0", began);
    Ok(true)
}

fn not_upgraded() -> String {
    format!(
        "── NOT TESTED: {UPGRADE} is left out, because this clone does not have version 0.1.0 ({}); to test it: \
         git fetch --unshallow",
        revision::VERSION_0_1_0
    )
}

/// The checks that need no host.
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
    // Without an argument Node runs the tests of its working folder. The meaning of a folder as an
    // argument differs between releases of Node.
    pages.arg("--test").current_dir("catalog/node-ui/test");
    step(
        "the JavaScript of the pages, and the script of lnd's wallet",
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
    println!("── {name}: ok after {:.0} s", began.elapsed().as_secs_f64());
}
