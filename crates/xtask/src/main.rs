//! `cargo xtask …`: the developer's and the continuous integration's commands. One file per group
//! of commands; this one only names the groups. Never part of what a user installs.

mod bench;
mod corpus_model;
mod coverage;
mod deb;
mod demo;
mod demo_bitcoin;
mod host;
mod oracle;
mod screenshot;
mod sim;
mod soak;
mod structure;
mod test;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    about = "The developer's commands of Archipelago"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The main job, for real: a Debian 13 host, Archipelago installed as a user would, a node,
    /// breakage and repair.
    Demo {
        /// What is shown.
        #[arg(value_enum, default_value_t = Demo::Litecoin)]
        what: Demo,
    },
    /// Everything that must hold: format, lints, and all tests, those on real hosts and of real
    /// daemons included.
    Test(test::Arguments),
    /// Every fault on real hosts: kills, reboots, full disks and more. Takes about an hour.
    Torture(torture::Arguments),
    /// Long runs of the simulation: seeds, or every placement of two faults.
    Sim(sim::Arguments),
    /// How fast it is on a fresh host, beside bare systemctl and other programs: a table. Without
    /// names, all cases.
    Bench(bench::Arguments),
    /// A host with forty apps on which something happens every second; it must end as it began.
    Soak(soak::Arguments),
    /// No circle between files, and no file over 500 lines.
    Structure,
    /// Which lines and branches of `core` the tests run; fails below 95 % of either. Takes some
    /// minutes.
    Coverage,
    /// What compose-go makes of the Compose files of a folder of apps; needs Go.
    Oracle(oracle::Arguments),
    /// Our reader of Compose files beside compose-go, field by field, over a folder of apps; needs
    /// Go.
    CorpusModel(corpus_model::Arguments),
    /// Take the README's pictures of the pages of the demos that are up, with a real browser.
    Screenshot,
    /// Throw-away Debian 13 hosts: bring one up, enter it, reboot it, take it down.
    #[command(subcommand)]
    Host(host::Command),
    /// Build the Debian package, and say where it is.
    Deb {
        /// How the program is compiled.
        #[arg(long, value_enum, default_value_t = deb::Profile::Release)]
        profile: deb::Profile,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Demo {
    /// A litecoin node: installed, disturbed, and back again.
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
        Command::CorpusModel(arguments) => {
            corpus_model::run(&arguments).map(|()| ExitCode::SUCCESS)
        }
        Command::Screenshot => screenshot::run().map(|()| ExitCode::SUCCESS),
        Command::Host(command) => host::run(command),
        Command::Deb { profile } => deb::build_with(profile).map(|package| {
            println!("{}", package.display());
            ExitCode::SUCCESS
        }),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
