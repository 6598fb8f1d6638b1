//! The journal of a host, which is kept when the test that owned the host fails.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::enter::Output;
use crate::host::Host;

impl Host {
    /// The whole journal of the host: the system's and the user's, of all boots, with times since
    /// boot.
    ///
    /// # Errors
    /// When the host is not running.
    pub fn journal(&self) -> Result<String> {
        self.run_root(&["journalctl", "--no-pager", "--output=short-monotonic"])?
            .checked()
    }
}

/// Writes the state and the journal of the host to `target/testhost/<host>.log` and prints the
/// path. A host is named after its test. A panic is under way, so a failure is printed, not
/// returned.
pub(crate) fn keep(host: &Host) {
    match write(host) {
        Ok(path) => eprintln!(
            "the journal of the host {} is kept in {}",
            host.name(),
            path.display()
        ),
        Err(error) => eprintln!(
            "the journal of the host {} could not be kept: {error:#}",
            host.name()
        ),
    }
}

fn write(host: &Host) -> Result<PathBuf> {
    let folder = target_folder()?.join("testhost");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let path = folder.join(format!("{}.log", host.name()));
    let shown = |title: &str, output: Result<Output>| match output {
        Ok(output) => format!("== {title}\n{}{}\n", output.stdout, output.stderr),
        Err(error) => format!("== {title}\n{error:#}\n"),
    };
    let text = [
        shown("podman ps --all", host.run_user(&["podman", "ps", "--all"])),
        shown(
            "systemctl --user list-units --all",
            host.run_user(&["systemctl", "--user", "--no-pager", "list-units", "--all"]),
        ),
        shown(
            "systemctl --user status",
            host.run_user(&["systemctl", "--user", "--no-pager", "--full", "status"]),
        ),
        host.journal().map_or_else(
            |error| format!("== no journal: {error:#}\n"),
            |journal| format!("== journal\n{journal}"),
        ),
    ]
    .concat();
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// The target folder of cargo. This program lies in it: `<target>/<profile>/deps/<program>`.
fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe().context("finding this program")?;
    program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .map(ToOwned::to_owned)
        .with_context(|| format!("{} lies in no target folder of cargo", program.display()))
}
