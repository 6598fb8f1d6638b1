//! An import as a person asks for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use archipelago_core::import::{Engine, System};
use archipelago_core::store::Scripts;

/// An import as a person asks for it.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub system: System,
    /// The app's folder, or Umbrel's with all apps.
    pub folder: PathBuf,
    /// The app in Umbrel's folder.
    pub app: Option<String>,
    /// The id that it gets on this node instead of its own.
    pub id: Option<String>,
    /// The folder that stands for CasaOS's `/DATA`.
    pub data: Option<PathBuf>,
    /// The folders of volumes.
    pub volumes: BTreeMap<String, PathBuf>,
    /// The volumes that start empty.
    pub empty: BTreeSet<String>,
    pub engine: Option<Engine>,
    /// The added store from which the app is renewed later.
    pub store: Option<String>,
    /// Whether the data are moved instead of copied.
    pub moves: bool,
    pub scripts: Scripts,
    pub settings: Vec<(String, String)>,
}
