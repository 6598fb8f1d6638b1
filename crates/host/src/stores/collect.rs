//! The apps of a store, read from its source into memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use archipelago_core::error::chain;
use archipelago_core::file::{File, FileMode, Files};
use archipelago_core::release::ReleaseId;
use archipelago_core::store::{Entry, FoundApp, apps_in, is_ignored};

use super::error::{BYTES_MAX, Error, FILES_MAX};
use super::git::{self, Blob, Repository};
use crate::{definition, disk};

/// Of one app, as in `definition`.
const APP_BYTES_MAX: u64 = 32 << 20;
/// The maximum depth of the apps' folders.
const DEPTH_MAX: usize = 3;

/// The apps of a store.
pub(super) struct Content {
    /// The commit, or the hash of all files.
    pub pin: String,
    pub apps: Vec<(Entry, Files)>,
    /// Folders that could not become an app.
    pub left_out: Vec<String>,
}

/// Reads a folder.
pub(super) fn of_folder(root: &Path) -> Result<Content, Error> {
    let mut paths = Vec::new();
    list(root, "", 0, &mut paths)?;
    let (found, left_out) = found(&root.display().to_string(), &paths)?;
    let mut apps = Vec::new();
    let mut bytes = 0;
    for FoundApp { app, folder } in found {
        let read = definition::read_folder(&root.join(&folder));
        let (entry, files) = match read {
            Ok(files) => entry(app, &folder, files),
            Err(error) => (
                Entry::unreadable(app, &folder, &chain(&error)),
                Files::new(),
            ),
        };
        bytes += size(&files);
        if bytes > BYTES_MAX {
            return Err(too_large(root.display()));
        }
        apps.push((entry, files));
    }
    let all = apps.iter().map(|(entry, _)| {
        let line = format!("{} {}\n", entry.folder, entry.revision);
        (entry.app.to_string(), line.into_bytes().into())
    });
    let pin = ReleaseId::of(&all.collect()).as_str().to_owned();
    Ok(Content {
        pin,
        apps,
        left_out,
    })
}

/// Reads a git repository. `scratch` is a folder for it, which the caller removes.
pub(super) fn of_git(url: &str, scratch: &Path) -> Result<Content, Error> {
    let Repository { commit, blobs } = git::fetch(url, scratch)?;
    let paths: Vec<&str> = blobs.iter().map(|blob| blob.path.as_str()).collect();
    let (found, left_out) = found(url, &paths)?;
    let mut wanted: BTreeMap<&str, Vec<&Blob>> = BTreeMap::new();
    let folders: BTreeSet<&str> = found.iter().map(|found| found.folder.as_str()).collect();
    for blob in &blobs {
        if let Some(folder) = folder_of(&blob.path, &folders) {
            wanted.entry(folder).or_default().push(blob);
        }
    }
    let total: u64 = wanted.values().flatten().map(|blob| blob.bytes).sum();
    if total > BYTES_MAX || blobs.len() > FILES_MAX {
        return Err(too_large(url));
    }
    let all: Vec<&Blob> = wanted.values().flatten().copied().collect();
    let mut contents = git::read(url, scratch, &all)?;
    let mut apps = Vec::new();
    for FoundApp { app, folder } in &found {
        let (app, folder) = (app.clone(), folder.as_str());
        let blobs = wanted.remove(folder).unwrap_or_default();
        if let Some(problem) = problem_of(&blobs) {
            apps.push((Entry::unreadable(app, folder, problem), Files::new()));
            continue;
        }
        let files = blobs.into_iter().filter_map(|blob| {
            let path = blob.path.strip_prefix(&format!("{folder}/"))?.to_owned();
            let content = contents.remove(&blob.path)?;
            let mode = FileMode {
                executable: blob.is_executable,
                private: false,
            };
            Some((
                path,
                File {
                    content: content.into(),
                    mode,
                },
            ))
        });
        let files: Files = files.filter(|(path, _)| !is_ignored(path)).collect();
        apps.push(entry(app, folder, files));
    }
    Ok(Content {
        pin: commit,
        apps,
        left_out,
    })
}

fn entry(app: archipelago_core::name::AppId, folder: &str, files: Files) -> (Entry, Files) {
    let revision = ReleaseId::of(&files).as_str().to_owned();
    (Entry::read(app, folder, &files, revision), files)
}

fn found<T: AsRef<str>>(source: &str, paths: &[T]) -> Result<(Vec<FoundApp>, Vec<String>), Error> {
    let paths = || paths.iter().map(AsRef::as_ref);
    let (found, left_out) = apps_in(paths());
    if found.is_empty() {
        let is_app = paths().any(|path| !path.contains('/') && path.contains("compose.y"));
        return Err(match is_app {
            true => Error::IsApp(source.to_owned()),
            false => Error::Empty(source.to_owned()),
        });
    }
    Ok((found, left_out))
}

/// The app's folder in which a path lies.
fn folder_of<'a>(path: &str, folders: &BTreeSet<&'a str>) -> Option<&'a str> {
    let mut above = path;
    while let Some((next, _)) = above.rsplit_once('/') {
        above = next;
        if let Some(folder) = folders.get(above) {
            return Some(folder);
        }
    }
    None
}

fn problem_of(blobs: &[&Blob]) -> Option<&'static str> {
    if blobs.iter().any(|blob| blob.is_link) {
        return Some("a link is among its files; an app's folder holds only files and folders");
    }
    let bytes: u64 = blobs.iter().map(|blob| blob.bytes).sum();
    (bytes > APP_BYTES_MAX).then_some("its files have more than 32 MiB")
}

fn size(files: &Files) -> u64 {
    files.values().map(|file| file.content.len() as u64).sum()
}

fn too_large(source: impl std::fmt::Display) -> Error {
    Error::TooLarge {
        source_name: source.to_string(),
    }
}

/// The paths of the files that are not deeper than the Compose file of an app may be. Links are not
/// followed.
fn list(root: &Path, prefix: &str, depth: usize, paths: &mut Vec<String>) -> Result<(), Error> {
    for name in disk::names(&root.join(prefix))? {
        if name.starts_with('.') {
            continue;
        }
        let relative = format!("{prefix}{name}");
        let path = root.join(&relative);
        let metadata = std::fs::symlink_metadata(&path)
            .map_err(disk::failed("read the metadata of", &path))?;
        if metadata.is_dir() && depth < DEPTH_MAX {
            list(root, &format!("{relative}/"), depth + 1, paths)?;
        } else if metadata.is_file() {
            paths.push(relative);
        }
        if paths.len() > FILES_MAX {
            return Err(too_large(root.display()));
        }
    }
    Ok(())
}
