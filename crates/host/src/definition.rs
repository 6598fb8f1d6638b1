//! Apps as folders: reading one, finding one in the catalog.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use archipelago_core::desired::{self, read_schema};
use archipelago_core::file::{File, FileMode};
use archipelago_core::manifest::{COMPOSE_FILE, Files};
use archipelago_core::name::AppId;
use archipelago_core::operation::Definition;

use crate::cache::ReadSet;
use crate::{disk, folders};

/// An app is a handful of small files; a folder with more than this is a mistake.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
const FILES_MAX: usize = 2_000;

/// Why a folder cannot be read as an app.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// Its metadata cannot be read.
    #[error("read the metadata of {}", path.display())]
    Look {
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A link, device or the like.
    #[error("{} is neither a file nor a folder; an app's folder holds only those", .0.display())]
    Kind(PathBuf),
    /// A name that is not UTF-8.
    #[error("{} has a name that is not UTF-8", .0.display())]
    Name(PathBuf),
    #[error("{} holds more than {FILES_MAX} files or {} MiB; is it the folder of an app?", .0.display(), BYTES_MAX >> 20)]
    TooMuch(PathBuf),
    /// Nothing by that name.
    #[error(
        "there is no app {name:?} in the catalog ({known}), and no folder or file of that name"
    )]
    Unknown {
        /// The name given.
        name: String,
        /// The catalog's apps.
        known: String,
    },
    /// The manifest cannot be accepted.
    #[error(transparent)]
    Manifest(#[from] desired::Error),
    /// A build context beside the app's folder.
    #[error(
        "{}: build: ../{sibling} comes along as {sibling}/, which the app's folder has already; rename one of the two",
        file.display()
    )]
    Sibling { file: PathBuf, sibling: String },
}

/// Reads all files of a folder.
///
/// # Errors
/// When something in it is no file or folder, or there is too much of it.
pub fn read_folder(folder: &Path) -> Result<Files, Error> {
    read_traced(folder, &mut ReadSet::begin())
}

/// As [`read_folder`], noting what was read.
///
/// # Errors
/// As [`read_folder`].
pub fn read_traced(folder: &Path, read_set: &mut ReadSet) -> Result<Files, Error> {
    let read = read_chosen(
        folder,
        read_set,
        &|Entry { path, metadata, .. }| match metadata.is_dir() || metadata.is_file() {
            true => Ok(true),
            false => Err(Error::Kind(path.to_owned())),
        },
    );
    if read.is_err() {
        // Files behind the place where reading ended were not read.
        read_set.doubt();
    }
    read
}

/// A file, folder or the like in a folder that is read.
pub(crate) struct Entry<'a> {
    pub(crate) path: &'a Path,
    /// Its path in the folder.
    pub(crate) relative: &'a str,
    pub(crate) metadata: &'a Metadata,
}

type Choice<'a> = &'a dyn Fn(Entry<'_>) -> Result<bool, Error>;

/// Reads the chosen files of a folder. What is in a folder that is not chosen is not looked at.
///
/// # Errors
/// When there is too much of it, or `choice` fails.
pub(crate) fn read_chosen(
    folder: &Path,
    read_set: &mut ReadSet,
    choice: Choice<'_>,
) -> Result<Files, Error> {
    let mut walk = Walk {
        root: folder,
        read_set,
        choice,
        files: Files::new(),
        bytes: 0,
    };
    walk.read(folder, "")?;
    Ok(walk.files)
}

struct Walk<'a> {
    root: &'a Path,
    read_set: &'a mut ReadSet,
    choice: Choice<'a>,
    files: Files,
    bytes: u64,
}

impl Walk<'_> {
    fn read(&mut self, folder: &Path, prefix: &str) -> Result<(), Error> {
        for name in self.read_set.names(folder)? {
            // Version control and editors' leavings are not part of an app.
            if name.starts_with(".git")
                || name.ends_with('~')
                || name.starts_with(disk::TEMPORARY_PREFIX)
            {
                continue;
            }
            let path = folder.join(&name);
            let metadata = std::fs::symlink_metadata(&path).map_err(|source| Error::Look {
                path: path.clone(),
                source,
            })?;
            let relative = format!("{prefix}{name}");
            let entry = Entry {
                path: &path,
                relative: &relative,
                metadata: &metadata,
            };
            if !(self.choice)(entry)? {
                continue;
            }
            if metadata.is_dir() {
                self.read(&path, &format!("{relative}/"))?;
                continue;
            }
            self.bytes += metadata.len();
            if self.bytes > BYTES_MAX || self.files.len() >= FILES_MAX {
                return Err(Error::TooMuch(self.root.to_owned()));
            }
            if let Some((metadata, content)) = self.read_set.read_with_metadata(&path)? {
                self.files.insert(relative, file(&metadata, content));
            }
        }
        Ok(())
    }
}

fn file(metadata: &Metadata, content: Vec<u8>) -> File {
    File {
        content: content.into(),
        mode: FileMode::of_bits(disk::mode_of(metadata)),
    }
}

/// Finds an app: by the id in the catalog, or by the path of its folder or Compose file.
///
/// # Errors
/// When there is none, or it cannot be accepted.
pub fn find(name: &str) -> Result<Definition, Error> {
    let path = Path::new(name);
    let looks_like_path = name.contains('/')
        || name.starts_with('.')
        || name.ends_with(".yaml")
        || name.ends_with(".yml");
    if !looks_like_path && AppId::parse(name).is_ok() {
        let folder = folders::catalog().join(name);
        if is_file(&folder.join(COMPOSE_FILE))? {
            return read(&folder, &folder.join(COMPOSE_FILE), "catalog".to_owned());
        }
    }
    let shown = || {
        std::path::absolute(path)
            .unwrap_or_else(|_| path.to_owned())
            .display()
            .to_string()
    };
    if is_file(path)? {
        let folder = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        return read(folder, path, shown());
    }
    if disk::file_type(path)?.is_some_and(|kind| kind.is_dir()) {
        return read(path, &path.join(COMPOSE_FILE), shown());
    }
    Err(Error::Unknown {
        name: name.to_owned(),
        known: catalog_ids()?
            .iter()
            .map(AppId::as_str)
            .collect::<Vec<_>>()
            .join(", "),
    })
}

/// The folder of the catalog.
#[must_use]
pub fn catalog_folder() -> PathBuf {
    folders::catalog()
}

/// The ids in the catalog.
///
/// # Errors
/// When the catalog cannot be read.
pub fn catalog_ids() -> Result<Vec<AppId>, Error> {
    let folder = folders::catalog();
    let mut ids = Vec::new();
    for name in disk::names(&folder)? {
        if let Ok(id) = AppId::parse(&name)
            && is_file(&folder.join(&name).join(COMPOSE_FILE))?
        {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn is_file(path: &Path) -> Result<bool, disk::Error> {
    Ok(disk::file_type(path)?.is_some_and(|kind| kind.is_file()))
}

fn read(folder: &Path, compose: &Path, source: String) -> Result<Definition, Error> {
    let mut files = read_folder(folder)?;
    // A Compose file may have another name, such as docker-compose.yml; installed, it is always
    // compose.yaml.
    if let Some((metadata, content)) = disk::read_with_metadata(compose)? {
        files.insert(COMPOSE_FILE.to_owned(), file(&metadata, content));
    }
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let default_id = absolute
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let schema = read_schema(&compose.display().to_string(), &files, &default_id)?;
    for sibling in schema.sibling_contexts() {
        let inside = format!("{sibling}/");
        if files.keys().any(|path| path.starts_with(&inside)) {
            return Err(Error::Sibling {
                file: compose.to_owned(),
                sibling,
            });
        }
        let beside = absolute.parent().unwrap_or(Path::new("/")).join(&sibling);
        for (path, file) in read_folder(&beside)? {
            files.insert(format!("{sibling}/{path}"), file);
        }
    }
    Ok(Definition {
        files,
        schema,
        source,
        folder: folder.display().to_string(),
    })
}
