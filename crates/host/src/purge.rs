//! Removing an app's data, and nothing beyond: neither behind a link nor on a file system that is
//! mounted among them.

use std::io;
use std::path::{Path, PathBuf};

use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::printable::one_line;

use super::{disk, mounts, stores};

/// Why data could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error("look for mounts among the data of {0}")]
    Mounts(AppId, #[source] io::Error),
    #[error("remove the data of {0} with podman unshare rm")]
    Start(AppId, #[source] io::Error),
    /// The words are those of `rm`.
    #[error("remove the data of {app} with podman unshare rm: {words}")]
    Remove { app: AppId, words: String },
}

/// A part of an app's data that a purge leaves where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its place among the data.
    pub path: PathBuf,
    pub place: Place,
}

/// The place of an app's data that do not lie in the data folder itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind a link, which is removed.
    Behind(PathBuf),
    /// On a file system that is mounted there, or deeper inside.
    Mounted,
}

/// The data that a purge of the app would leave.
///
/// # Errors
/// When it cannot be told.
pub fn left(layout: &Layout, app: &AppId) -> Result<Vec<Left>, Error> {
    let mut left = Vec::new();
    for path in parts(layout, app)? {
        if let Some(target) = disk::read_link(&path)? {
            let place = Place::Behind(target);
            left.push(Left { path, place });
        } else if has_mounts(layout, app, &path)? {
            let place = Place::Mounted;
            left.push(Left { path, place });
        }
    }
    Ok(left)
}

/// Removes an app's volumes, files, secrets and copies, except the parts that [`left`] returns.
///
/// # Errors
/// When something is left for another reason.
pub async fn remove(layout: &Layout, app: &AppId) -> Result<(), Error> {
    let mut removed = Vec::new();
    for path in parts(layout, app)? {
        let is_link = disk::read_link(&path)?.is_some();
        if is_link || !has_mounts(layout, app, &path)? {
            removed.push(path);
        } else {
            tracing::warn!(
                "{} is left as it is: a file system is mounted there",
                path.display()
            );
        }
    }
    remove_owned_by_containers(app, &removed).await?;
    for folder in folders(layout, app) {
        // One with something left in it stays.
        match std::fs::remove_dir(&folder) {
            Ok(()) => disk::sync_folder(folder.parent().unwrap_or(Path::new("/")))?,
            Err(_) if !disk::may_exist(&folder) => {}
            Err(_) if disk::names(&folder).is_ok_and(|names| !names.is_empty()) => {}
            Err(_) => remove_owned_by_containers(app, &[folder]).await?,
        }
    }
    Ok(stores::forget_origin(layout, app)?)
}

fn folders(layout: &Layout, app: &AppId) -> [PathBuf; 4] {
    [
        layout.volumes(app),
        layout.files(app),
        layout.secrets(app),
        layout.undo(app),
    ]
}

/// The volumes, files and secrets of an app, and the copy of an update that was not ended: what is
/// in the folders, or a folder itself where it is a link.
fn parts(layout: &Layout, app: &AppId) -> Result<Vec<PathBuf>, disk::Error> {
    let mut parts = Vec::new();
    for folder in folders(layout, app) {
        if disk::read_link(&folder)?.is_some() {
            parts.push(folder);
            continue;
        }
        let names = disk::names(&folder)?;
        parts.extend(names.iter().map(|name| folder.join(name)));
    }
    Ok(parts)
}

fn has_mounts(layout: &Layout, app: &AppId, path: &Path) -> Result<bool, Error> {
    let found = mounts::beneath(layout, path);
    let found = found.map_err(|error| Error::Mounts(app.clone(), error))?;
    Ok(!found.is_empty())
}

/// Removes what belongs to users inside containers, which only Podman's user namespace may touch.
async fn remove_owned_by_containers(app: &AppId, paths: &[PathBuf]) -> Result<(), Error> {
    if paths.is_empty() {
        return Ok(());
    }
    let output = tokio::process::Command::new("podman")
        .args(["unshare", "rm", "-rf", "--"])
        .args(paths)
        .output()
        .await
        .map_err(|source| Error::Start(app.clone(), source))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(Error::Remove {
        app: app.clone(),
        words: one_line(words.trim()).to_string(),
    })
}
