//! Bringing Podman back after all of the user's processes were killed at once, and its own among
//! them.
//!
//! Its records then say that containers run whose processes are gone, and it looks for one of them
//! to enter its namespaces. Until somebody tells it otherwise no Podman command works, so no
//! container starts: `podman-system-migrate(1)` is what Podman's own error advises.

use std::io;
use std::process::Output;
use std::time::Duration;

use tokio::process::Command;

/// Podman's message when none of the processes that it believes to run do. It has no other meaning.
const LOST: &str = "could not find any running process";

/// The longest that one command may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Podman 5.4 crashes at each container that it corrects, one in every run.
const RUNS_MAX: usize = 200;

/// Why Podman still does not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("run podman {arguments}")]
    Run {
        arguments: String,
        #[source]
        source: io::Error,
    },
    #[error("podman {arguments} did not end within {} s", LIMIT.as_secs())]
    Silent { arguments: String },
    #[error("`podman system migrate` did not help in {RUNS_MAX} runs; reboot the machine")]
    Lost,
}

/// Makes Podman see that its containers ended, if it says that it lost them. Says whether that was
/// so.
///
/// # Errors
/// When it still says so afterwards, or cannot be run.
pub async fn revive() -> Result<bool, Error> {
    for run in 0..RUNS_MAX {
        if !is_lost().await? {
            return Ok(run > 0);
        }
        podman(&["system", "migrate"]).await?;
    }
    Err(Error::Lost)
}

async fn is_lost() -> Result<bool, Error> {
    let output = podman(&["unshare", "true"]).await?;
    Ok(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains(LOST))
}

async fn podman(arguments: &[&str]) -> Result<Output, Error> {
    let output = Command::new("podman")
        .args(arguments)
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(LIMIT, output).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(source)) => Err(Error::Run {
            arguments: arguments.join(" "),
            source,
        }),
        Err(_) => Err(Error::Silent {
            arguments: arguments.join(" "),
        }),
    }
}
