//! The version that an update switches to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use archipelago_core::desired::Owner;
use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::Files;
use archipelago_core::name::AppId;
use archipelago_core::release::ReleaseId;
use archipelago_host::{disk, owners, releases};

/// The version that an update switches to.
pub(crate) struct NewVersion {
    pub(super) intent: Option<Intent>,
    pub(super) files: Option<Files>,
    pub(super) folders: BTreeMap<PathBuf, Option<Owner>>,
}

impl NewVersion {
    /// Makes the folders of this host that it mounts and that are not there.
    pub(super) async fn make_folders(&self) -> Result<(), owners::Error> {
        for (folder, owner) in &self.folders {
            owners::make_for_app(folder, *owner).await?;
        }
        Ok(())
    }

    /// Stores the definition, then puts the intent in place.
    pub(super) fn put(&self, layout: &Layout, app: &AppId) -> Result<(), disk::Error> {
        let Self {
            intent,
            files,
            folders: _,
        } = self;
        if let Some(files) = files {
            releases::store(layout, &ReleaseId::of(files), files)?;
        }
        if let Some(intent) = intent {
            releases::put(layout, app, &intent.to_text())?;
        }
        Ok(())
    }
}
