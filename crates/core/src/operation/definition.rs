//! An app to be installed.

use crate::desired::{self, read_schema};
use crate::manifest::{COMPOSE_FILE, Files, Schema};

/// An app to be installed, as it was found.
#[derive(Clone, Debug)]
pub struct Definition {
    pub files: Files,
    /// Its manifest, settings still open.
    pub schema: Schema,
    /// `catalog`, or the path of its folder or file.
    pub source: String,
    /// Its folder as the person named it, for errors.
    pub folder: String,
}

impl Definition {
    /// Reads the manifest among the files of a folder. `default_id` is the app's id where the
    /// manifest has none.
    ///
    /// # Errors
    /// When the manifest cannot be accepted.
    pub fn of(
        files: Files,
        default_id: &str,
        source: String,
        folder: String,
    ) -> Result<Self, desired::Error> {
        let file = format!("{folder}/{COMPOSE_FILE}");
        Ok(Self {
            schema: read_schema(&file, &files, default_id)?,
            files,
            source,
            folder,
        })
    }
}
