//! The files of an app's folder that are its definition, not its data. Links, sockets and the like
//! are no part of a definition.

use std::collections::BTreeSet;
use std::path::Path;

use archipelago_core::manifest::Files;

use crate::cache::ReadSet;
use crate::definition::{Entry, Error, read_chosen};

/// A Compose file and the files beside it that name folders are small.
const TOP_FILE_BYTES_MAX: u64 = 1 << 20;

/// The small files that are in the folder itself.
///
/// # Errors
/// When one cannot be read.
pub fn top_files(folder: &Path) -> Result<Files, Error> {
    read_chosen(
        folder,
        &mut ReadSet::begin(),
        &|Entry { metadata, .. }| Ok(metadata.is_file() && metadata.len() <= TOP_FILE_BYTES_MAX),
    )
}

/// All files in the folder, except what is in the `mounted` folders: those are data.
///
/// # Errors
/// When one cannot be read, or there are too many.
pub fn definition_files(folder: &Path, mounted: &BTreeSet<String>) -> Result<Files, Error> {
    read_chosen(folder, &mut ReadSet::begin(), &|entry| {
        let is_folder = entry.metadata.is_dir() && !mounted.contains(entry.relative);
        Ok(is_folder || entry.metadata.is_file())
    })
}
