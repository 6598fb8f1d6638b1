//! `cargo xtask …`: the commands for developers and continuous integration. Each group of
//! commands has a file; this one only lists the groups. Nothing of this crate is installed on a
//! user's machine.

mod bench;
mod corpus;
mod corpus_model;
mod coverage;
mod deb;
mod demo;
mod demo_bitcoin;
mod fuzz;
mod host;
mod keys;
mod oracle;
mod revision;
mod screenshot;
mod sim;
mod soak;
mod structure;
mod test;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Archipelago's commands for developers")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install Archipelago and a node on a real Debian 13 host, break things, and show the repair.
    Demo {
        /// The apps of the demo.
        #[arg(value_enum, default_value_t = Demo::Litecoin)]
        what: Demo,
    },
    /// Check the format and the lints, and run all tests, also those on real hosts and with real
    /// daemons.
    Test(test::Arguments),
    /// Cause every fault on real hosts: kills, reboots, full disks and more. Takes about an hour.
    Torture(torture::Arguments),
    /// Run the simulation: many seeds, or every placement of two faults.
    Sim(sim::Arguments),
    /// Measure how fast Archipelago is on a fresh host, beside bare systemctl and other programs,
    /// and print a table. Without names, all cases.
    Bench(bench::Arguments),
    /// Disturb a host with forty apps every second; all must be repaired at the end.
    Soak(soak::Arguments),
    /// Check that there is no circle between files and no file over 500 lines.
    Structure,
    /// Measure which lines and branches of `core` the tests run; fails below 95 % of either. Takes
    /// some minutes.
    Coverage,
    /// Write compose-go's model of the Compose files of a folder of apps. Needs Go.
    Oracle(oracle::Arguments),
    /// Write docs/compose.md, which says what becomes of each key of Compose.
    ComposeKeys,
    /// Read the Compose files of collections as apps: how many are accepted, and why the others are
    /// refused.
    Corpus(corpus::Arguments),
    /// Compare our reader of Compose files with compose-go, field by field, over a folder of apps.
    /// Needs Go.
    CorpusModel(corpus_model::Arguments),
    /// Search for inputs that make a parser or the renderer break a rule, led by the code that they
    /// reach. Needs a C++ compiler.
    Fuzz(fuzz::Arguments),
    /// Take the README's pictures of the running demos' pages with a real browser.
    Screenshot,
    /// Boot, enter, reboot and take down throw-away Debian hosts.
    #[command(subcommand)]
    Host(host::Command),
    /// Build the Debian package and print its path.
    Deb {
        /// The profile with which the program is compiled.
        #[arg(long, value_enum, default_value_t = deb::Profile::Release)]
        profile: deb::Profile,
        /// Build an earlier revision, unoptimised. Its package is kept in the cache of the test
        /// hosts.
        #[arg(long, conflicts_with = "profile")]
        revision: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Demo {
    /// A litecoin node, disturbed and repaired.
    Litecoin,
    /// Bitcoin Core, electrs and lnd with their pages.
    Bitcoin,
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let ended = match command {
        Command::Demo { what } => match what {
            Demo::Litecoin => demo::run(),
            Demo::Bitcoin => demo_bitcoin::run(),
        }
        .map(|()| ExitCode::SUCCESS),
        Command::Test(arguments) => test::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Torture(arguments) => torture::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Sim(arguments) => sim::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Bench(arguments) => bench::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Soak(arguments) => soak::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Structure => structure::check().map(|()| ExitCode::SUCCESS),
        Command::Coverage => coverage::run(),
        Command::Oracle(arguments) => oracle::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::ComposeKeys => keys::run().map(|()| ExitCode::SUCCESS),
        Command::Corpus(arguments) => corpus::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::CorpusModel(arguments) => {
            corpus_model::run(&arguments).map(|()| ExitCode::SUCCESS)
        }
        Command::Fuzz(arguments) => fuzz::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Screenshot => screenshot::run().map(|()| ExitCode::SUCCESS),
        Command::Host(command) => host::run(command),
        Command::Deb { profile, revision } => match revision {
            Some(revision) => revision::package(&revision),
            None => deb::build_with(profile),
        }
        .map(|package| {
            println!("{}", package.display());
            ExitCode::SUCCESS
        }),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
