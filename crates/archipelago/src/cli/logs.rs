//! `logs`: the journal of an app's containers, by `journalctl`, which knows how to follow, filter and page.

use std::os::unix::process::CommandExt;
use std::process::Command;

use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::quadlet::{is_unit_file, mark_of, service_of};
use clap::Args;

use super::{Code, Failure, Output, installed};
use archipelago_host::disk;

/// `logs`
#[derive(Debug, Args)]
pub struct Arguments {
    /// The app.
    app: String,
    /// Go on showing what comes.
    #[arg(short, long)]
    follow: bool,
    /// How many lines to show first.
    #[arg(short = 'n', long, default_value_t = 100)]
    lines: u32,
}

pub(super) fn run(layout: &Layout, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let id = installed(layout, &arguments.app)?;
    let services = services(layout, &id)?;
    if services.is_empty() {
        return Err(Failure::new(
            Code::Failed,
            format!("{id} has no units yet; archipelago status {id} says why"),
        ));
    }
    let mut command = Command::new("journalctl");
    command.args(["--user", "--no-pager", "-n", &arguments.lines.to_string()]);
    for service in services {
        command.args(["-u", &service]);
    }
    if arguments.follow {
        command.arg("-f");
    }
    if output == Output::Json {
        command.args(["-o", "json"]);
    }
    // On success this process is journalctl from here on.
    let error = command.exec();
    Err(Failure::new(Code::Host, format!("run journalctl: {error}")))
}

fn services(layout: &Layout, id: &AppId) -> Result<Vec<String>, Failure> {
    let mut services = Vec::new();
    for name in disk::names(&layout.units)?
        .into_iter()
        .filter(|name| is_unit_file(name))
    {
        let content = disk::read_file(&layout.unit(&name)).unwrap_or_default();
        if name.ends_with(".container") && mark_of(&content).is_some_and(|mark| mark.app == *id) {
            services.push(service_of(&name));
        }
    }
    Ok(services)
}

/// The last lines of a service's journal, for the end of a failed command.
pub(super) fn last_lines(service: &str, lines: u32) -> Vec<String> {
    let output = Command::new("journalctl")
        .args([
            "--user",
            "--no-pager",
            "-q",
            "-o",
            "cat",
            "-n",
            &lines.to_string(),
            "-u",
            service,
        ])
        .output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
