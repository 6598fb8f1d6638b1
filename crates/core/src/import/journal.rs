//! The file beside the data of an unfinished import: which folders were moved from where, and which
//! were put in place. It is written before each of these steps, so that an interrupted import can
//! be taken back.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The steps of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    #[serde(default)]
    pub moved: Vec<Moved>,
    /// The parts of the data that were put in place, or are about to be: `files`, `volumes`,
    /// `secrets`.
    #[serde(default)]
    pub put: BTreeSet<String>,
}

/// A folder that is moved, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The place before the move.
    pub from: PathBuf,
    /// Its path among the data of the import, such as `files/data`.
    pub to: PathBuf,
}

impl Journal {
    /// Reads the content of its file; `None` when it is not one.
    #[must_use]
    pub fn parse(content: &[u8]) -> Option<Self> {
        serde_json::from_slice(content).ok()
    }

    /// The content of its file; `None` for a path that is not UTF-8.
    #[must_use]
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        serde_json::to_vec_pretty(self).ok()
    }
}
