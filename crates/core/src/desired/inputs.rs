//! The inputs of the desired state.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::config::Config;
use crate::data_folder::Claim;
use crate::file_error::FileError;
use crate::held::{Granted, Held};
use crate::image_facts::KnownImages;
use crate::intent::Intent;
use crate::layout::Layout;
use crate::manifest::Files;
use crate::name::AppId;
use crate::operation::id::OperationId;
use crate::releases::Releases;

/// All that the desired state is worked out from.
#[derive(Clone, Debug)]
pub struct Inputs {
    pub layout: Layout,
    /// The node's configuration, or why it cannot be read.
    pub config: Result<Config, FileError>,
    /// The intents, or why one cannot be read.
    pub intents: BTreeMap<AppId, Result<Intent, FileError>>,
    /// The definitions of the installed apps.
    pub definitions: BTreeMap<AppId, Files>,
    /// The secrets that exist: app, name, text.
    pub secrets: BTreeMap<AppId, BTreeMap<String, String>>,
    /// The captured files that exist.
    pub captured: BTreeMap<PathBuf, Vec<u8>>,
    /// Facts about the node's files besides their content.
    pub found: HostFacts,
    /// The releases that the apps need.
    pub releases: Releases,
    /// The versions that a person has agreed to.
    pub granted: BTreeMap<AppId, Granted>,
    /// The edited intents that wait, each replaced in `intents` and `definitions`.
    pub held: BTreeMap<AppId, Held>,
    /// The versions that a person has agreed to and that are not kept in `granted` yet.
    pub newly_granted: BTreeMap<AppId, Intent>,
}

/// Facts about the node's files besides their content. The default says that all files are plain
/// and readable.
#[derive(Clone, Debug, Default)]
pub struct HostFacts {
    /// The facts of the images that apps use, from the file that keeps them.
    pub images: KnownImages,
    /// The owner of the data folder.
    pub claim: Claim,
    /// Of the paths of [`Apps::mounted`] that lead over links: each link on the way, then the place
    /// itself.
    pub trails: BTreeMap<PathBuf, Vec<PathBuf>>,
    /// Of the paths of [`Apps::mounted`], those that are not there; looked for only before an app
    /// is installed or changed.
    pub missing: BTreeSet<PathBuf>,
    /// The captured files, secrets and folders of secrets that are there, or may be, and cannot be
    /// read: why.
    pub unreadable: BTreeMap<PathBuf, FileError>,
    /// The ports on which somebody listens on this host, when a port is to be chosen.
    pub listening: BTreeSet<u16>,
    /// The operation that is under way for an app; of several the last one.
    pub operations: BTreeMap<AppId, OperationId>,
    /// The apps of which an update has begun to stop the old version, and has not ended.
    pub updating: BTreeSet<AppId>,
}

impl Inputs {
    /// A node without apps.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            config: Ok(Config::default()),
            intents: BTreeMap::new(),
            definitions: BTreeMap::new(),
            secrets: BTreeMap::new(),
            captured: BTreeMap::new(),
            found: HostFacts::default(),
            releases: Releases::default(),
            granted: BTreeMap::new(),
            held: BTreeMap::new(),
            newly_granted: BTreeMap::new(),
        }
    }

    /// An app's intent as it is written, also when it waits.
    #[must_use]
    pub fn written(&self, id: &AppId) -> Option<Result<&Intent, &FileError>> {
        match self.held.get(id) {
            Some(held) => Some(Ok(&held.intent)),
            None => self.intents.get(id).map(Result::as_ref),
        }
    }

    /// The definition that it names.
    #[must_use]
    pub fn written_files(&self, id: &AppId) -> Option<&Files> {
        match self.held.get(id) {
            Some(held) => Some(&held.files),
            None => self.definitions.get(id),
        }
    }

    /// The folder of an app's definition. An intent that cannot be read names none.
    #[must_use]
    pub fn definition_folder(&self, id: &AppId) -> PathBuf {
        let intent = self.intents.get(id).and_then(|intent| intent.as_ref().ok());
        intent.map_or_else(
            || self.layout.definition(id),
            |intent| intent.definition_folder(&self.layout, id),
        )
    }
}
