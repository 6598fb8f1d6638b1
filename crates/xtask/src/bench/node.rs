//! A host with Archipelago, and the shell that measures inside the host: entering a host takes
//! longer than much of the measured work.

use std::path::Path;

use anyhow::{Context, Result, bail};
use testhost::{Account, Host, Options};

use crate::host;

/// Shell functions that every measuring script has.
const SHELL: &str = include_str!("shell.sh");

pub(crate) struct Node(pub(crate) Host);

impl Node {
    /// Boots a fresh host with the package, and with the other programs when `podup` is given.
    pub(crate) fn boot(name: &str, package: &Path, podup: Option<&Path>) -> Result<Self> {
        let options = Options::named(name).detached();
        let host = Host::boot(match podup {
            Some(_) => options.with_peers(),
            None => options,
        })?;
        host::install(&host, package)?;
        if let Some(podup) = podup {
            host.copy_in(podup, "/usr/local/bin/podup")?;
        }
        Ok(Self(host))
    }

    /// Runs a script as the user; each of its commands must succeed. Returns what it printed.
    pub(crate) fn shell(&self, script: &str, arguments: &[&str]) -> Result<String> {
        let path = "/home/archy/measure.sh";
        let text = format!("set -euo pipefail\n{SHELL}\n{script}");
        self.0.write_file(Account::User, path, text.as_bytes())?;
        self.0
            .run_user(&[&["bash", path], arguments].concat())?
            .checked()
    }

    /// Runs a script that prints a number per line.
    pub(crate) fn numbers(&self, script: &str, arguments: &[&str]) -> Result<Vec<f64>> {
        let printed = self.shell(script, arguments)?;
        let numbers = printed.lines().map(|line| {
            line.trim()
                .parse()
                .with_context(|| format!("{line:?} is no number"))
        });
        let numbers: Vec<f64> = numbers.collect::<Result<_>>()?;
        if numbers.is_empty() {
            bail!("the script measured nothing");
        }
        Ok(numbers)
    }

    /// Writes the intents and manifests of `count` apps with one container each, and waits until
    /// all are ready or stopped. Every tenth publishes a port and has a readiness probe over HTTP.
    pub(crate) fn apps(&self, count: usize, running: bool) -> Result<()> {
        let state = if running { "running" } else { "stopped" };
        self.shell(include_str!("apps.sh"), &[&count.to_string(), state])?;
        Ok(())
    }
}
