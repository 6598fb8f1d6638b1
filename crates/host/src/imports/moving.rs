//! Moving one folder within a file system.

use std::path::Path;

use tokio::process::Command;

use super::Error;
use super::programs::{start, words};
use crate::disk;

/// Moves a folder within a file system, as root in this user's containers: to rename a folder, its
/// owner must be able to write in it.
///
/// # Errors
/// When something is at the new place, or it does not work.
pub async fn move_folder(from: &Path, to: &Path) -> Result<(), Error> {
    if disk::may_exist(to) {
        return Err(Error::Taken(to.to_owned()));
    }
    if let Some(above) = to.parent() {
        disk::make_folder(above, 0o700)?;
    }
    let mut command = Command::new("podman");
    command
        .args([
            "unshare",
            "mv",
            "--no-clobber",
            "--no-target-directory",
            "--",
        ])
        .args([from, to])
        .env("LC_ALL", "C");
    let output = command.output().await.map_err(start("podman unshare mv"))?;
    if !output.status.success() || disk::may_exist(from) {
        return Err(Error::Move {
            from: from.to_owned(),
            to: to.to_owned(),
            words: words(&output.stderr),
        });
    }
    for folder in [from, to].into_iter().filter_map(Path::parent) {
        disk::sync_folder(folder)?;
    }
    Ok(())
}
