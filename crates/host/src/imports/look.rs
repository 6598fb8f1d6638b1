//! Looking at the data of an app before they are imported.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use archipelago_core::import::{Engine, FORMAT, IdMap, Scan};
use archipelago_core::layout::Layout;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::Error;
use super::programs::{first_words, program, start, words};
use crate::{disk, folders};

/// Docker's folder of volumes, which mostly only root can read.
const DOCKER_VOLUMES: &str = "/var/lib/docker/volumes";

const CHUNK_BYTES: usize = 64 << 10;

/// The mapping of users and that of groups in this user's containers.
///
/// # Errors
/// When Podman does not work.
pub async fn ids() -> Result<(IdMap, IdMap), Error> {
    Ok((
        id_map("/proc/self/uid_map").await?,
        id_map("/proc/self/gid_map").await?,
    ))
}

async fn id_map(file: &'static str) -> Result<IdMap, Error> {
    let mut command = Command::new("podman");
    command.args(["unshare", "cat", file]).kill_on_drop(true);
    let output = command.output().await.map_err(start("podman unshare"))?;
    if !output.status.success() {
        return Err(Error::Ids {
            file,
            words: words(&output.stderr),
        });
    }
    Ok(IdMap::parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Lists all files of these folders: as this user sees them, or, for Podman, as root in this user's
/// containers does. No link is followed.
///
/// # Errors
/// When `find` does not work.
pub async fn scan(folders: &[&Path], engine: Engine) -> Result<Scan, Error> {
    let mut scan = Scan::default();
    if folders.is_empty() {
        return Ok(scan);
    }
    let mut child = program("find", engine)
        .args(folders)
        .args(["(", "(", "-type", "l"])
        .args(["-o", "!", "-type", "d", "-readable"])
        .args(["-o", "-type", "d", "-readable", "-executable"])
        .args([")", "-printf", "+", "-o", "-printf", "-", ")"])
        .args(["-printf", FORMAT])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start("find"))?;
    let errors = first_words(child.stderr.take());
    let mut pending = Vec::new();
    if let Some(mut listed) = child.stdout.take() {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = listed.read(&mut chunk).await.map_err(start("find"))?;
            if count == 0 {
                break;
            }
            pending.extend_from_slice(&chunk[..count]);
            let used = scan.add(&pending);
            pending.drain(..used);
        }
    }
    let status = child.wait().await.map_err(start("find"))?;
    let words = errors.await.unwrap_or_default();
    // A folder that cannot be opened makes it fail, and is in the list.
    let mut found = scan.folders.values();
    if !status.success() && !found.any(|found| found.unreadable.is_some()) {
        return Err(Error::Find { words });
    }
    Ok(scan)
}

/// Those of these paths that are there, as far as this user can see.
#[must_use]
pub fn there<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> BTreeSet<PathBuf> {
    let paths = paths.into_iter();
    let there = paths.filter(|path| std::fs::symlink_metadata(path).is_ok());
    there.cloned().collect()
}

/// The first link on the way from a folder to a path in it.
#[must_use]
pub fn first_link(folder: &Path, path: &Path) -> Option<PathBuf> {
    let inside = path.strip_prefix(folder).ok()?;
    let mut place = folder.to_owned();
    inside.components().find_map(|part| {
        place.push(part);
        let metadata = std::fs::symlink_metadata(&place).ok()?;
        metadata.is_symlink().then(|| place.clone())
    })
}

/// The folders in which an engine keeps a volume of this name, each with the engine by which the
/// files in it have their owners: Podman's, that of Docker without root, and Docker's.
#[must_use]
pub fn volume_folders(name: &str) -> Vec<(PathBuf, Engine)> {
    let podman = folders::podman_storage().map(|storage| storage.join("volumes"));
    let storage = podman
        .as_deref()
        .and_then(|folder| folder.ancestors().nth(3));
    let rootless = storage.map(|data| data.join("docker/volumes"));
    let found = [
        podman.map(|folder| (folder, Engine::Podman)),
        // Its containers have the same users as this user's Podman.
        rootless.map(|folder| (folder, Engine::Podman)),
        Some((PathBuf::from(DOCKER_VOLUMES), Engine::Docker)),
    ];
    let found = found.into_iter().flatten();
    found
        .map(|(folder, engine)| (folder.join(name).join("_data"), engine))
        .collect()
}

/// Whether a folder can be renamed into the data folder: both are on one file system, and nothing
/// is mounted at the folder.
#[must_use]
pub fn is_movable(layout: &Layout, folder: &Path) -> bool {
    let device = |path: &Path| std::fs::metadata(path).ok().map(|found| found.dev());
    let data = disk::nearest(&layout.data).ok().flatten().and_then(device);
    let above = folder.parent().and_then(device);
    data.is_some() && device(folder) == data && above == data
}
