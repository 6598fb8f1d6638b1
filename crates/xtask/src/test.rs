//! `cargo xtask test`: checks everything that must hold before a change is merged: format, lints
//! and all tests. These include the tests on real hosts, those with the real Bitcoin daemons, and a
//! few of the kills and reboots of `cargo xtask torture`.

use std::fs::File;
use std::io::{self, Seek};
use std::process::{Child, Command, Stdio};
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

/// Runs the tests with the real Bitcoin daemons. The choice is made among the tests of the whole
/// workspace, because cargo would compile dependencies anew for one package.
const BITCOIN: [&str; 2] = ["--test", "bitcoin"];

/// How many tests of one binary run at once; a variable of Rust's test harness.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

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
    if !bitcoin {
        before_hosts()?;
    }
    let began = Instant::now();
    println!(
        "── the hosts' root, images and daemons (a quarter of an hour when the cache is empty)"
    );
    testhost::prepare()?;
    testhost::prepare_with_bitcoin()?;
    testhost::prepare_for(&Options::default().suite(Suite::Forky))?;
    done("the hosts' root, images and daemons", began);
    let has_earlier_package = *bitcoin || earlier_package()?;
    let package = deb::build()?;
    let tests = |arguments: &[&str]| {
        let mut tests = cargo(&["test", "--workspace"]);
        tests.args(arguments).env("ARCHIPELAGO_DEB", &package);
        if std::env::var_os(TEST_THREADS).is_none() {
            tests.env(TEST_THREADS, tests_at_once().to_string());
        }
        tests
    };
    if *bitcoin {
        // Printed before the tests, so that cargo's summary of the tests is the end of the output.
        done("everything before the tests", started);
        return step("the tests with the Bitcoin daemons", tests(&BITCOIN));
    }
    step("the compilation of the tests", tests(&["--no-run"]))?;
    let names = names(tests(&BITCOIN))?;
    done("everything before the tests", started);
    let meanwhile = Meanwhile::start(
        "the tests with the Bitcoin daemons",
        tests(&[&BITCOIN[..], &["--color", "never"]].concat()),
    )?;
    let mut others = tests(&["--no-fail-fast", "--"]);
    for name in &names {
        others.args(["--skip", name]);
    }
    if !has_earlier_package {
        others.args(["--skip", UPGRADE]);
    }
    let others = step("the other tests", others);
    let with_bitcoin = meanwhile.finish();
    // Once more at the end, where it is read.
    if !has_earlier_package {
        println!("{}", not_upgraded());
    }
    others.and(with_bitcoin)
}

/// A test on a host waits for systemd and Podman half of its time, so there is one more than
/// processors.
fn tests_at_once() -> usize {
    1 + std::thread::available_parallelism().map_or(1, usize::from)
}

/// The names of the tests that a command would run.
fn names(mut tests: Command) -> Result<Vec<String>> {
    let listed = tests
        .args(["--quiet", "--", "--list", "--format", "terse"])
        .stderr(Stdio::inherit())
        .output()
        .context("listing the tests")?;
    if !listed.status.success() {
        bail!("listing the tests: {tests:?} ended with {}", listed.status);
    }
    let text = String::from_utf8(listed.stdout).context("listing the tests")?;
    let names: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        bail!("{tests:?} lists no test");
    }
    Ok(names)
}

/// A command that runs beside others. What it prints is shown when it has ended.
struct Meanwhile {
    name: &'static str,
    child: Child,
    printed: File,
}

impl Meanwhile {
    fn start(name: &'static str, mut command: Command) -> Result<Self> {
        println!("── {name}, beside what follows");
        let printed = tempfile::tempfile().context("making a temporary file")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(printed.try_clone().context("sharing a temporary file")?)
            .stderr(printed.try_clone().context("sharing a temporary file")?)
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        Ok(Self {
            name,
            child,
            printed,
        })
    }

    /// Waits for its end and shows what it printed.
    fn finish(mut self) -> Result<()> {
        let status = self.child.wait().context("waiting for a command")?;
        println!("── {}: their output", self.name);
        self.printed.rewind().context("reading a temporary file")?;
        io::copy(&mut self.printed, &mut io::stdout()).context("reading a temporary file")?;
        if !status.success() {
            bail!("{}: ended with {status}", self.name);
        }
        Ok(())
    }
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
