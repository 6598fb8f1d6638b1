//! The program: parses the command line, sets up the log, and says how it ended.
#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::io;
use std::process::ExitCode;

use archipelago::cli::{self, CleanLines, Cli, Command};
use clap::Parser;
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(matches!(cli.command, Command::Daemon));
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            cli::tell(&format!(
                "error: start the program's own scheduler: {error}"
            ));
            return ExitCode::from(cli::Code::Failed as u8);
        }
    };
    let ended = runtime.block_on(cli::run(cli));
    // A thread that waits for another process's lock must not delay the end.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            cli::tell(&format!("error: {}", failure.message));
            ExitCode::from(failure.code as u8)
        }
    }
}

/// The daemon logs what it does; a command shows it and logs only when asked
/// (`ARCHIPELAGO_LOG=info`).
fn start_log(daemon: bool) {
    let default = if daemon { "info" } else { "error" };
    let filter =
        EnvFilter::try_from_env("ARCHIPELAGO_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let registry = tracing_subscriber::registry().with(filter);
    match tracing_journald::layer() {
        // The journal knows levels and fields; plain lines are for those who run the daemon by
        // hand.
        Ok(journal) if daemon && std::env::var_os("JOURNAL_STREAM").is_some() => {
            registry
                .with(journal.with_field_prefix(Some("ARCHIPELAGO".to_owned())))
                .init();
        }
        _ => registry.with(plain(io::stderr)).init(),
    }
}

/// Plain lines for a terminal. Colours are sequences too, so there are none.
fn plain<S, W>(output: impl Fn() -> W + Send + Sync + 'static) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: io::Write + 'static,
{
    fmt::layer()
        .with_writer(move || CleanLines(output()))
        .with_ansi(false)
        .without_time()
        .with_target(false)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_log_has_nothing_that_a_terminal_acts_on() {
        let (mut shown, output) = io::pipe().unwrap();
        let log = tracing_subscriber::registry().with(plain(move || output.try_clone().unwrap()));
        tracing::subscriber::with_default(log, || {
            tracing::warn!(app = "a\u{9b}2J", "Podman says \u{1b}[2J and \u{202e}x");
        });
        let mut text = String::new();
        shown.read_to_string(&mut text).unwrap();
        assert!(text.starts_with(" WARN Podman says "), "{text:?}");
        assert!(text.ends_with('\n'), "{text:?}");
        let acts = |character: char| character.is_control() || character == '\u{202e}';
        assert!(!text.trim_end().contains(acts), "{text:?}");
    }
}
