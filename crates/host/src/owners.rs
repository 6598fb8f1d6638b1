//! Folders that belong to users of containers. Outside, these users have other numbers, so only a
//! process in Podman's user namespace can give a folder to one of them.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use archipelago_core::desired::Owner;
use archipelago_core::printable::one_line;

use super::disk;

/// Why a folder could not be made or given to a user.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error("run podman unshare chown")]
    Start(#[source] io::Error),
    #[error("podman unshare chown {owner} {}: {words}", path.display())]
    Refused {
        path: PathBuf,
        owner: Owner,
        /// Its words, on one line.
        words: String,
    },
}

/// Gives a folder to a user of containers.
///
/// # Errors
/// When Podman does not work, or the user has too few subordinate ids for that number.
pub(crate) async fn give(path: &Path, owner: Owner) -> Result<(), Error> {
    let output = tokio::process::Command::new("podman")
        .args(["unshare", "chown", "--no-dereference"])
        .arg(owner.to_string())
        .arg("--")
        .arg(path)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Error::Start)?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(Error::Refused {
        path: path.to_owned(),
        owner,
        words: one_line(words.trim()).into_owned(),
    })
}

/// Makes a folder of this host for an app, outside of the data folder. Where a user of containers
/// is to write to it, it belongs to that user and to this user's group, and what is made in it
/// belongs to that group too: a person can add and remove files there as well.
///
/// # Errors
/// When it cannot be made or given.
pub async fn make_for_app(path: &Path, owner: Option<Owner>) -> Result<(), Error> {
    if let Some(above) = path.parent() {
        disk::make_folder(above, 0o755)?;
    }
    let Some(Owner { user, group: _ }) = owner else {
        return Ok(disk::make_folder(path, 0o755)?);
    };
    disk::make_folder(path, 0o2775)?;
    // Root in containers is this user.
    give(path, Owner { user, group: 0 }).await
}

/// Whether a folder is empty and belongs to this user, who is root in containers. A folder with
/// files in it is left to the person who put them there.
pub(crate) fn is_ungiven(path: &Path) -> bool {
    let user = rustix::process::getuid().as_raw();
    let is_own = std::fs::symlink_metadata(path)
        .is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == user);
    is_own && std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
