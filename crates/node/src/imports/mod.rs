//! Imports: an installation whose data come from an app that Umbrel, CasaOS or Compose ran.
//!
//! [`prepare`] finds the app and its data and judges all of it; nothing is written. When the operation
//! is carried out, the data are brought first, while no lock is held; then they are put in place, and
//! the intent is written.

mod bring;
mod find;
mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use archipelago_core::error::chain;
use archipelago_core::import::{Engine, FoundIn, Note, Place, System};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::Request;
use archipelago_core::store::Notice;
use archipelago_host::imports;
use archipelago_host::lock::Lock;

use crate::error::Error;
use crate::operations::{self, Prepared};

pub(crate) use bring::bring;

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
    pub settings: Vec<(String, String)>,
}

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
    secrets: BTreeMap<String, String>,
}

/// A folder of the app's data.
#[derive(Clone, Debug)]
pub struct Folder {
    pub place: Place,
    pub to: PathBuf,
    /// Where it comes from, and what is in it; `None` when it starts empty.
    pub from: Option<(PathBuf, FoundIn)>,
}

/// Works an import out and checks that it can be done. Nothing is written, and nobody is asked.
/// Returns also the notes of the app's authors.
///
/// # Errors
/// When it cannot be done.
pub async fn prepare(layout: Layout, wanted: Wanted) -> Result<(Prepared, Vec<Notice>), Error> {
    let found = find::find(&layout, &wanted)?;
    let secrets = found.umbrel_secrets(&wanted)?;
    let request = Request::Install {
        definition: Box::new(found.definition.clone()),
        settings: wanted.settings.clone(),
    };
    look::refuse_present(&layout, request.app())?;
    let mut prepared = operations::prepare(layout.clone(), request).await?;
    let import = look::look(&layout, &wanted, &found, &prepared, secrets).await?;
    prepared.set_import(import);
    Ok((prepared, found.notices))
}

/// Takes back and removes what interrupted imports have left.
///
/// # Errors
/// When something of it cannot be removed now.
pub(crate) async fn settle(layout: &Layout) -> Result<(), Error> {
    if imports::abandoned(layout)?.is_empty() {
        return Ok(());
    }
    {
        let _lock = Lock::of_passes(layout, |_| ()).await?;
        imports::take_back(layout)?;
    }
    Ok(imports::remove_abandoned(layout).await?)
}

/// As [`settle`], for the journal.
pub(crate) async fn settle_quietly(layout: Layout) {
    if let Err(error) = settle(&layout).await {
        tracing::warn!(
            "what an interrupted import has left cannot be removed yet: {}",
            chain(&error)
        );
    }
}
