//! The data that an import brings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use archipelago_core::import::{Engine, FoundIn, Note, Place};
use archipelago_core::name::AppId;

/// The data of an import, judged.
pub struct Import {
    pub app: AppId,
    pub engine: Engine,
    pub moves: bool,
    pub folders: Vec<Folder>,
    /// The room that a copy takes.
    pub bytes: u64,
    pub free_mib: Option<u64>,
    pub notes: Vec<Note>,
    /// The texts of secrets that Umbrel made. They are never shown.
    pub(crate) secrets: BTreeMap<String, String>,
}

/// A folder of the app's data.
#[derive(Clone, Debug)]
pub struct Folder {
    pub place: Place,
    pub to: PathBuf,
    /// Its source and its content; `None` when it starts empty.
    pub from: Option<(PathBuf, FoundIn)>,
}
