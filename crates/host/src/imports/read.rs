//! The files of an app's folder that are its definition, not its data.

use std::collections::BTreeSet;
use std::path::Path;

use archipelago_core::manifest::Files;

use crate::definition::{BYTES_MAX, Error, FILES_MAX, file};
use crate::disk;

/// A Compose file and the files beside it that name folders are small.
const TOP_FILE_BYTES_MAX: u64 = 1 << 20;

/// The small files that are in the folder itself.
///
/// # Errors
/// When one cannot be read.
pub fn top_files(folder: &Path) -> Result<Files, Error> {
    let is_wanted =
        |_: &str, size: Option<u64>| size.is_some_and(|size| size <= TOP_FILE_BYTES_MAX);
    let mut reader = Reader::new(folder, &is_wanted);
    reader.read(folder, "")?;
    Ok(reader.files)
}

/// All files in the folder, except what is in the `mounted` folders: those are data. Links, sockets
/// and the like are no part of a definition.
///
/// # Errors
/// When one cannot be read, or there are too many.
pub fn definition_files(folder: &Path, mounted: &BTreeSet<String>) -> Result<Files, Error> {
    let is_wanted = |path: &str, size: Option<u64>| size.is_some() || !mounted.contains(path);
    let mut reader = Reader::new(folder, &is_wanted);
    reader.read(folder, "")?;
    Ok(reader.files)
}

struct Reader<'a> {
    root: &'a Path,
    /// Asked with the path in the folder, and the size of a file; `None` for a folder.
    is_wanted: &'a dyn Fn(&str, Option<u64>) -> bool,
    files: Files,
    bytes: u64,
}

impl<'a> Reader<'a> {
    fn new(root: &'a Path, is_wanted: &'a dyn Fn(&str, Option<u64>) -> bool) -> Self {
        Self {
            root,
            is_wanted,
            files: Files::new(),
            bytes: 0,
        }
    }

    fn read(&mut self, folder: &Path, prefix: &str) -> Result<(), Error> {
        for name in disk::names(folder)? {
            if name.starts_with(".git") {
                continue;
            }
            let path = folder.join(&name);
            let metadata = std::fs::symlink_metadata(&path).map_err(|source| Error::Look {
                path: path.clone(),
                source,
            })?;
            let relative = format!("{prefix}{name}");
            if metadata.is_dir() && (self.is_wanted)(&relative, None) {
                self.read(&path, &format!("{relative}/"))?;
            } else if metadata.is_file() && (self.is_wanted)(&relative, Some(metadata.len())) {
                self.bytes += metadata.len();
                if self.bytes > BYTES_MAX || self.files.len() >= FILES_MAX {
                    return Err(Error::TooMuch(self.root.to_owned()));
                }
                if let Some((metadata, content)) = disk::read_with_metadata(&path)? {
                    self.files.insert(relative, file(&metadata, content));
                }
            }
        }
        Ok(())
    }
}
