//! Containers that use the data of an import. Data that change while they are copied are of no use.

use std::path::{Path, PathBuf};

use super::Error;

/// A container that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningContainer {
    pub name: String,
    /// The program whose container it is: `docker` or `podman`.
    pub program: &'static str,
    /// The folders of the host that it mounts.
    pub mounts: Vec<PathBuf>,
}

/// Refuses an import while a container mounts one of these folders or a part of it.
///
/// # Errors
/// With the first such container.
pub fn judge_running(containers: &[RunningContainer], folders: &[&Path]) -> Result<(), Error> {
    for container in containers {
        let mut mounts = container.mounts.iter();
        let used = mounts.find(|mount| folders.iter().any(|folder| mount.starts_with(folder)));
        if let Some(used) = used {
            return Err(Error::Running {
                container: container.name.clone(),
                program: container.program,
                folder: used.clone(),
            });
        }
    }
    Ok(())
}
