//! Why data could not be looked at or brought.

use std::io;
use std::path::PathBuf;

use crate::{data_folder, disk, lock};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error(transparent)]
    DataFolder(#[from] data_folder::Error),
    #[error(transparent)]
    Lock(#[from] lock::Error),
    #[error("run {program}")]
    Start {
        program: &'static str,
        #[source]
        source: io::Error,
    },
    /// `words` are those of the program.
    #[error("list the files of the app with find: {words}")]
    Find { words: String },
    #[error("podman unshare cat {file}: {words}")]
    Ids { file: &'static str, words: String },
    #[error("read {} with tar: {words}; nothing was imported", path.display())]
    Read { path: PathBuf, words: String },
    #[error("{} changed while it was copied ({words}); stop the app that uses it, and try again", path.display())]
    Changed { path: PathBuf, words: String },
    #[error("the disk of {} is full; nothing was imported; free some room, or use a larger disk", .0.display())]
    Full(PathBuf),
    #[error("write {} with podman unshare tar: {words}; nothing was imported", path.display())]
    Write { path: PathBuf, words: String },
    #[error("move {} to {} with podman unshare mv: {words}", from.display(), to.display())]
    Move {
        from: PathBuf,
        to: PathBuf,
        words: String,
    },
    #[error("remove {} with podman unshare rm: {words}", path.display())]
    Remove { path: PathBuf, words: String },
    #[error("{} is there already; remove it first", .0.display())]
    Taken(PathBuf),
    #[error("{} cannot be read; look at the data beside it, and remove that folder", .0.display())]
    Journal(PathBuf),
    #[error("{} was made meanwhile; nothing was imported", .0.display())]
    Meanwhile(PathBuf),
    #[error("the path {} is not UTF-8; rename the folder", .0.display())]
    NotUtf8(PathBuf),
}
