//! The request and the result of a load.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::model::Project;
use crate::places::Places;

/// Why a file gives no bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// There is no such file, or it is a folder.
    Absent,
    /// The system's words.
    Other(String),
}

/// Gives the bytes of a file by its absolute path.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, ReadError>;

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// A request to load a project.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The project's name; networks and volumes are named after it.
    pub name: &'a str,
    /// The absolute path from which relative paths begin.
    pub folder: &'a str,
    /// Absolute paths of Compose files; a later one is laid over those before it.
    pub files: &'a [String],
    /// Variables for `${…}`. They win over `.env` in the folder.
    pub variables: &'a Variables,
    /// The folder for `~`.
    pub home: Option<&'a str>,
    /// Keys at the top of a file that the caller reads itself. They are left out, and what is in
    /// them is not filled in.
    pub set_aside: &'a [&'a str],
    /// Secrets that the caller brings. They exist without being declared; a file may declare them
    /// without a source.
    pub secrets: &'a BTreeSet<String>,
    /// Whether to read what the reference refuses although its meaning is plain: a number or a
    /// truth value where text is due, and a list or mapping that is left empty. Each gives a
    /// warning.
    pub lenient: bool,
    /// Profiles that are on; `*` switches all on.
    pub profiles: &'a [String],
    /// The files.
    pub read: ReadFile<'a>,
}

/// The project, and all findings.
#[derive(Debug)]
pub struct Loaded {
    /// The model, if nothing is wrong.
    pub project: Option<Project>,
    /// The place of each key of the model.
    pub places: Places,
    /// In the order of files, lines and columns.
    pub diagnostics: Vec<Diagnostic>,
}
