//! The way to the terminal: all that a command shows goes through here, except for the lines of
//! `logs`, which are journalctl's. What a terminal would act on is left out.

use std::io::Write;

use archipelago_core::printable;
use clap::ValueEnum;

use super::failure::{Code, Failure};

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs; the shapes are in docs/cli.md.
    Json,
}

/// Prints lines on standard output, all at once; a reader that has gone away, such as `head`, is no
/// error.
pub(super) fn print_line(text: &str) {
    let text = printable::lines(text);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{}", lines.join("\n"));
}

/// Prints a value as JSON on standard output.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::from_error(Code::Failed, &error))?;
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{}", printable::json(&text));
    Ok(())
}

/// Prints lines on standard error: what goes on meanwhile, warnings, and how it failed.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", printable::lines(text));
}

/// A writer for the log: each write is whole lines, and they are cleaned like all others.
#[derive(Debug)]
pub struct CleanLines<W>(pub W);

impl<W: Write> Write for CleanLines<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.write_all(printable::lines(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Asks a question on standard error and returns the answer.
pub(super) fn ask(question: &str) -> Result<String, Failure> {
    let failed = |error| Failure::from_error(Code::Failed, &error);
    let mut errors = std::io::stderr().lock();
    write!(errors, "{} ", printable::lines(question)).map_err(failed)?;
    errors.flush().map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(answer)
}
