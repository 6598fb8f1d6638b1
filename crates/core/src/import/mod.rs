//! Imports: the data of an app that Umbrel, CasaOS or Compose ran become those of a new app.
//!
//! An import is an installation whose folders and volumes are filled before the app first starts.
//! Here is worked out which folder becomes which, to whom the files will belong, and whether all of
//! it can be copied or moved. Nothing is read here, and nothing is changed.

mod advice;
mod error;
mod ids;
mod journal;
mod judge;
mod note;
mod parts;
mod running;
mod scan;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use advice::readable_copy;
pub use error::Error;
pub use ids::IdMap;
pub use journal::{Journal, Moved};
pub use judge::{Evidence, engine, judge, judge_move, judge_room};
pub use note::Note;
pub use parts::{Place, Planned, Sources, places};
pub use running::{RunningContainer, judge_running};
pub use scan::{FORMAT, FoundIn, Scan};

/// The system that ran the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    Umbrel,
    CasaOs,
    Compose,
}

/// The engine whose containers wrote the data. It decides to whom a file belongs in a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Docker as root: a user has the same number on the host as in the container.
    Docker,
    /// Podman of this user: root in a container is this user, the others are subordinate ids.
    Podman,
}

impl System {
    /// Its word on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Umbrel => "umbrel",
            Self::CasaOs => "casaos",
            Self::Compose => "compose",
        }
    }
}
