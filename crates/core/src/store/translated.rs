//! The translation of an app: the facts that it needs, and its result.

use std::collections::{BTreeMap, BTreeSet};

use super::notice::Notice;
use crate::file::Files;

/// The facts of the node that the translation of an app needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    /// The name of the host, one label.
    pub host_name: String,
    /// The time zone, such as `Europe/Berlin`.
    pub time_zone: String,
    /// The architecture, as images name it: `amd64`, `arm64`.
    pub architecture: String,
    /// The folder that apps share by default: an absolute path.
    pub shared_folder: String,
}

/// The surroundings of an app that is translated, and the wish of the person who installs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    pub node: NodeFacts,
    /// The files of the apps in the same store, by their folders' names, that it depends on.
    pub neighbours: BTreeMap<String, Files>,
    pub scripts: Scripts,
}

/// Whether the scripts of a store are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    Run,
    Skip,
}

/// An app of a store as a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated {
    pub files: Files,
    /// Notes to read before it is installed.
    pub notices: Vec<Notice>,
    /// The folders of its data that are not in the app's folder on the store's own system: as the
    /// Compose file writes them, by their paths in the data.
    pub data: BTreeMap<String, BTreeSet<String>>,
}
