//! The journal of the user's services, read by `journalctl`, which knows how to follow, filter and
//! page.

use std::borrow::Cow;
use std::process::Command;

use archipelago_core::printable::one_line;

/// The part of the journal to show.
#[derive(Clone, Copy, Debug)]
pub struct Selection {
    /// Lines from the end.
    pub lines: u32,
    /// Whether to keep showing new lines.
    pub follow: bool,
    /// As JSON, one object a line.
    pub json: bool,
}

/// The command that shows the journal of these services.
#[must_use]
pub fn command(services: &[String], selection: Selection) -> Command {
    let Selection {
        lines,
        follow,
        json,
    } = selection;
    let mut command = Command::new("journalctl");
    command.args(["--user", "--no-pager", "-n", &lines.to_string()]);
    for service in services {
        command.args(["-u", service]);
    }
    if follow {
        command.arg("-f");
    }
    if json {
        command.args(["-o", "json"]);
    }
    command
}

/// The last lines of a service's journal; none when it cannot be read.
#[must_use]
pub fn last_lines(service: &str, lines: u32) -> Vec<String> {
    let output = Command::new("journalctl")
        .args(["--user", "--no-pager", "-q", "-o", "cat"])
        .args(["-n", &lines.to_string(), "-u", service])
        .output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    // With `-o cat`, journalctl shows what the program wrote as it is.
    let lines = text.lines().map(one_line);
    lines.map(Cow::into_owned).collect()
}

/// The last line that the programs of one invocation of a service wrote. `None` if there is none or
/// the journal cannot be read. Messages of systemd and Podman do not count.
#[must_use]
pub fn last_line(invocation: &str) -> Option<String> {
    let output = Command::new("journalctl")
        .args(["--user", "--no-pager", "-q", "-o", "cat", "-n", "1"])
        .args(["_TRANSPORT=stdout"])
        .arg(format!("_SYSTEMD_INVOCATION_ID={invocation}"))
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().last()?.trim();
    (!line.is_empty()).then(|| one_line(line).into_owned())
}
