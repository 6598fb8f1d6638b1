//! The added stores on the disk. Each is a folder with the store's source, its index, and its apps'
//! files as they were when the store was added or last updated. An update replaces the whole folder
//! at once.

mod collect;
mod error;
mod git;

use std::path::{Path, PathBuf};

use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::Files;
use archipelago_core::name::AppId;
use archipelago_core::store::{Change, Entry, StoreName, changes, is_added_store};
use serde::{Deserialize, Serialize};

use crate::{data_folder, definition, disk};

pub use error::Error;
pub use git::Error as GitError;

use collect::Content;

const PRIVATE_FOLDER: u32 = 0o700;
const PRIVATE: u32 = 0o600;
/// The store's source and index.
const INDEX: &str = "store.json";
/// The folder of its apps, each under its name in the store.
const APPS: &str = "apps";

/// A store that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// The absolute path of a folder, or the URL of a git repository.
    pub source: String,
    /// The commit, or the hash of all files of a folder.
    pub pin: String,
    pub entries: Vec<Entry>,
    /// The folders of apps that are left out, because their name is not one for an app or another
    /// app has it.
    pub left_out: Vec<String>,
}

/// The names of the added stores.
///
/// # Errors
/// When their folder cannot be read.
pub fn names(layout: &Layout) -> Result<Vec<StoreName>, Error> {
    let names = disk::names(&layout.stores())?;
    let names = names.iter().filter_map(|name| StoreName::parse(name).ok());
    Ok(names.collect())
}

/// Reads a store without its apps' files.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn read(layout: &Layout, name: &StoreName) -> Result<Store, Error> {
    let path = layout.store(name).join(INDEX);
    let Some(content) = disk::read(&path)? else {
        let others = names(layout)?;
        return Err(Error::Unknown {
            name: name.to_string(),
            others: others.iter().map(StoreName::to_string).collect(),
        });
    };
    serde_json::from_slice(&content).map_err(|error| Error::Index {
        path,
        reason: error.to_string(),
    })
}

/// The files of an app of a store.
///
/// # Errors
/// When there is no such app, or its files cannot be read.
pub fn files(layout: &Layout, name: &StoreName, entry: &Entry) -> Result<Files, Error> {
    let folder = layout.store(name).join(APPS).join(entry.app.as_str());
    Ok(definition::read_folder(&folder)?)
}

/// Adds a store.
///
/// # Errors
/// When there is one of that name, or its source cannot be read.
pub fn add(layout: &Layout, name: &StoreName, source: &str) -> Result<Store, Error> {
    if disk::may_exist(&layout.store(name)) {
        return Err(Error::Exists(name.clone()));
    }
    let source = absolute(source)?;
    let content = content(layout, &source)?;
    write(layout, name, &source, content)
}

/// Reads a store's source again. Returns the store and the changes.
///
/// # Errors
/// When there is no such store, or its source cannot be read. The store then stays as it is.
pub fn update(layout: &Layout, name: &StoreName) -> Result<(Store, Vec<Change>), Error> {
    let before = read(layout, name)?;
    let content = content(layout, &before.source)?;
    if content.pin == before.pin {
        return Ok((before, Vec::new()));
    }
    let after = write(layout, name, &before.source, content)?;
    let changes = changes(&before.entries, &after.entries);
    Ok((after, changes))
}

/// Removes a store. The apps installed from it stay.
///
/// # Errors
/// When there is none, or it cannot be removed.
pub fn remove(layout: &Layout, name: &StoreName) -> Result<(), Error> {
    if !disk::may_exist(&layout.store(name)) {
        read(layout, name)?;
    }
    disk::remove_folder(&layout.store(name))?;
    Ok(disk::remove_if_empty(&layout.stores())?)
}

/// Notes the store from which an app was installed, because its data may stay after the app is
/// removed.
///
/// # Errors
/// When the disk refuses.
pub fn note_origin(layout: &Layout, app: &AppId, source: &str) -> Result<(), data_folder::Error> {
    if !is_added_store(source) {
        return Ok(forget_origin(layout, app)?);
    }
    let path = layout.origin(app);
    let folder = path.parent().unwrap_or(&path);
    data_folder::make_folder(layout, folder, PRIVATE_FOLDER)?;
    disk::write_if_changed(&path, source.as_bytes(), PRIVATE)?;
    Ok(())
}

/// The store of an app's data; empty if they do not come from a store.
///
/// # Errors
/// When the note cannot be read.
pub fn origin(layout: &Layout, app: &AppId) -> Result<String, disk::Error> {
    Ok(disk::read_text(&layout.origin(app))?.unwrap_or_default())
}

/// Removes the note of [`note_origin`].
///
/// # Errors
/// When the disk refuses.
pub fn forget_origin(layout: &Layout, app: &AppId) -> Result<(), disk::Error> {
    let path = layout.origin(app);
    if !disk::may_exist(&path) {
        return Ok(());
    }
    disk::remove(&path)?;
    disk::remove_if_empty(path.parent().unwrap_or(&path))
}

/// The source as it is stored: a URL, or an absolute path.
fn absolute(source: &str) -> Result<String, Error> {
    if git::is_url(source) {
        return Ok(source.to_owned());
    }
    let path = std::path::absolute(source).unwrap_or_else(|_| PathBuf::from(source));
    if !disk::file_type(&path)?.is_some_and(|kind| kind.is_dir()) {
        return Err(Error::NoSource(source.to_owned()));
    }
    let path = path.to_str().map(str::to_owned);
    path.ok_or_else(|| Error::NotUtf8(PathBuf::from(source)))
}

fn content(layout: &Layout, source: &str) -> Result<Content, Error> {
    match git::is_url(source) {
        true => {
            let scratch = layout.stores().join(format!(
                "{}git-{}",
                disk::TEMPORARY_PREFIX,
                std::process::id()
            ));
            disk::make_private(&layout.stores())?;
            let fetched = collect::of_git(source, &scratch);
            disk::remove_folder(&scratch)?;
            fetched
        }
        false => collect::of_folder(Path::new(source)),
    }
}

/// Writes a store atomically.
fn write(
    layout: &Layout,
    name: &StoreName,
    source: &str,
    content: Content,
) -> Result<Store, Error> {
    let Content {
        pin,
        apps,
        left_out,
    } = content;
    disk::make_private(&layout.stores())?;
    let new = layout.stores().join(format!(
        "{}{name}-{}",
        disk::TEMPORARY_PREFIX,
        std::process::id()
    ));
    disk::remove_folder(&new)?;
    disk::make_folder(&new, PRIVATE_FOLDER)?;
    let mut entries = Vec::new();
    for (entry, files) in apps {
        let folder = new.join(APPS).join(entry.app.as_str());
        write_files(&folder, &files)?;
        entries.push(entry);
    }
    let store = Store {
        source: source.to_owned(),
        pin,
        entries,
        left_out,
    };
    let text = serde_json::to_vec(&store).map_err(|error| Error::Index {
        path: new.join(INDEX),
        reason: chain(&error),
    })?;
    disk::write_if_changed(&new.join(INDEX), &text, PRIVATE)?;
    disk::replace_folder(&new, &layout.store(name))?;
    Ok(store)
}

/// The files are not synced one by one: after a power loss, a store's files can be fetched again.
fn write_files(folder: &Path, files: &Files) -> Result<(), disk::Error> {
    use std::os::unix::fs::PermissionsExt;
    for (path, file) in files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(disk::failed("make the folder", parent))?;
        std::fs::write(&path, &file.content).map_err(disk::failed("write", &path))?;
        let mode = std::fs::Permissions::from_mode(file.mode.bits());
        std::fs::set_permissions(&path, mode).map_err(disk::failed("set the mode of", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
