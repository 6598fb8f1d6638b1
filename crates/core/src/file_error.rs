//! Why a file or folder that people or apps may change cannot be used. Nothing of its content is
//! quoted.

use crate::held::Waits;
use crate::manifest::ManifestError;

/// Why a configuration, an intent, a definition, a secret or a captured file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The system's words, with the path.
    #[error("{0}")]
    Disk(String),
    #[error(transparent)]
    Text(#[from] ManifestError),
    /// The file was removed between the listing of its folder and the reading.
    #[error("its intent is gone")]
    IntentGone,
    /// The folder of a definition holds something other than an app's files, or too much. The text
    /// names the path.
    #[error("{0}")]
    Definition(String),
    /// The intent asks for more than a person has agreed to, and no version is kept to which one
    /// has.
    #[error("{0}")]
    Waits(Box<Waits>),
}
