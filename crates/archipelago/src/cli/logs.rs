//! `logs`: the journal of an app's containers, by `journalctl`, which knows how to follow, filter
//! and page.

use std::os::unix::process::CommandExt;

use archipelago_core::layout::Layout;
use archipelago_node::apps::{self, Selection};
use clap::Args;

use super::failure::{Code, Failure};
use super::printer::Output;

/// `logs`
#[derive(Debug, Args)]
pub struct Arguments {
    /// The app.
    app: String,
    /// Keep showing new lines.
    #[arg(short, long)]
    follow: bool,
    /// Show this many lines first.
    #[arg(short = 'n', long, default_value_t = 100)]
    lines: u32,
}

pub(super) fn run(layout: &Layout, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let app = apps::installed(layout, &arguments.app)?;
    let selection = Selection {
        lines: arguments.lines,
        follow: arguments.follow,
        json: output == Output::Json,
    };
    // On success this process is journalctl from here on.
    let error = apps::logs(layout, &app, selection)?.exec();
    Err(Failure::new(Code::Host, format!("run journalctl: {error}")))
}
