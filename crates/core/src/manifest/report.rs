//! The errors and warnings of one manifest, each at the place of its key.

use std::collections::{BTreeMap, BTreeSet};

use compose::{Diagnostic, Finding, Places, Problem, Trail};

use super::folder::Folder;
use super::variables::unknown;
use super::{ManifestError, Place, Warning};

pub(super) struct Report<'a> {
    pub(super) folder: Folder<'a>,
    pub(super) places: &'a Places,
    /// The names in `x-archipelago.secrets`.
    pub(super) secrets: &'a BTreeSet<String>,
    pub(super) errors: Vec<ManifestError>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        folder: Folder<'a>,
        places: &'a Places,
        secrets: &'a BTreeSet<String>,
    ) -> Self {
        Self {
            folder,
            places,
            secrets,
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn error(&mut self, at: &Trail, problem: impl Into<String>) {
        let error = self.found(at, problem);
        self.errors.push(error);
    }

    pub(super) fn warn(&mut self, at: &Trail, problem: impl Into<String>) {
        let warning = self.found(at, problem);
        self.warnings.push(warning);
    }

    fn found(&self, at: &Trail, problem: impl Into<String>) -> ManifestError {
        let place = self.places.of(at);
        let file = self.folder.name(&place.file);
        ManifestError::new(&file, place.into(), &at.to_string(), problem)
    }

    /// The file, line and column of a key.
    pub(super) fn place(&self, at: &Trail) -> (String, Place) {
        let place = self.places.of(at);
        (self.folder.name(&place.file), place.into())
    }

    /// Takes over what the reader found. In a file that is written for Archipelago, a variable that
    /// nobody sets is an error; elsewhere it is empty, as in Compose.
    pub(super) fn take(&mut self, found: &Diagnostic, settings: Option<&BTreeMap<String, String>>) {
        let (reason, way_out) = match &found.finding {
            // The name may be the secret's text.
            Finding::Error(Problem::Undefined { what: "secret", .. }) => (
                "a secret here is not declared".to_owned(),
                "add its name, not its text, under `x-archipelago.secrets`".to_owned(),
            ),
            Finding::Error(Problem::FileUnreadable { .. }) => {
                let (reason, _) = found.words();
                (reason, "copy it into the app's folder".to_owned())
            }
            _ => found.words(),
        };
        let problem = match (&found.finding, settings) {
            (Finding::Warning(compose::Warning::Unset { name }), Some(settings)) => {
                let problem = unknown(name.as_deref(), settings);
                let error = self.at(found, problem);
                self.errors.push(error);
                return;
            }
            _ => self.folder.words(&format!("{reason}; {way_out}")),
        };
        let told = self.at(found, problem);
        match found.is_error() {
            true => self.errors.push(told),
            false => self.warnings.push(told),
        }
    }

    fn at(&self, found: &Diagnostic, problem: String) -> ManifestError {
        let file = self.folder.name(&found.place.file);
        let place = Place::from(&found.place);
        ManifestError::new(&file, place, &found.trail.to_string(), problem)
    }
}
