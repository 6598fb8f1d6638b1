//! The one step by which an operation changes what is wanted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use archipelago_core::desired::Owner;
use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::Files;
use archipelago_core::operation::{Effect, Proposal, Record, Request, SWITCH, SwitchPart, propose};
use archipelago_core::release::ReleaseId;
use archipelago_host::apply::note_restarts;
use archipelago_host::imports::Staging;
use archipelago_host::records::{disk_state, keeps_data};
use archipelago_host::{disk, inputs, listeners, owners, records, releases, stores};

use super::new_version::NewVersion;
use crate::error::Error;

/// The change of an operation. The lock of passes is held from here until it is made.
pub(super) struct Change {
    pub(super) record: Record,
    intent: Option<Intent>,
    files: Option<Files>,
    /// Those of [`Installation::new_folders`](archipelago_core::operation::Installation).
    folders: BTreeMap<PathBuf, Option<Owner>>,
    /// The data of an import.
    pub(super) staging: Option<Staging>,
}

impl Change {
    /// Resolves the request again, and fails if the result differs from the preview.
    pub(super) fn of(
        layout: &Layout,
        request: Request,
        previewed: &Proposal,
        asked_unix_s: u64,
        restarts: BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let proposal = resolve(layout, request)?;
        if !previewed.still_holds(&proposal) {
            return Err(Error::Changed(previewed.app.clone()));
        }
        let before = disk_state(layout, &proposal.app)?.intent;
        let record = proposal.record(records::new_id()?, asked_unix_s, before, restarts);
        let (files, folders) = match proposal.effect {
            Effect::Installation(app) => (Some(app.files), app.new_folders),
            Effect::State | Effect::RebuildPreview(_) | Effect::Rebuild(_) => Default::default(),
        };
        Ok(Self {
            record,
            intent: proposal.intent,
            files,
            folders,
            staging: None,
        })
    }

    /// The record, and the new version for an update, which changes the intent in steps of its own.
    pub(super) fn into_new_version(self) -> (Record, NewVersion) {
        let Self {
            record,
            intent,
            files,
            folders,
            staging: _,
        } = self;
        let new = NewVersion {
            intent,
            files,
            folders,
        };
        (record, new)
    }

    pub(super) async fn make(self, layout: &Layout) -> Result<(), Error> {
        let Self {
            record,
            intent,
            files,
            folders,
            staging,
        } = self;
        if let Some(staging) = &staging {
            staging.put()?;
        }
        for (folder, owner) in folders {
            owners::make_for_app(&folder, owner).await?;
        }
        disk::make_folder(&layout.units, 0o755)?;
        for part in SWITCH {
            match (part, &files, &intent) {
                (SwitchPart::StoreRelease, Some(files), intent) => {
                    releases::store(layout, &ReleaseId::of(files), files)?;
                    if let Some(intent) = intent {
                        stores::note_origin(layout, &record.app, &intent.source)?;
                    }
                }
                (SwitchPart::WriteIntent, _, Some(intent)) => {
                    releases::switch(layout, &record.app, intent)?;
                }
                (SwitchPart::NoteRestarts, ..) => note_restarts(layout, &record.restarts)?,
                (SwitchPart::StoreRelease, None, _) | (SwitchPart::WriteIntent, _, None) => {}
            }
        }
        Ok(())
    }
}

/// Resolves a request with the state on the disk.
pub(super) fn resolve(layout: &Layout, request: Request) -> Result<Proposal, Error> {
    let mut known = inputs::read(layout)?;
    // Files that other apps export may be parts of its secrets.
    inputs::complete(&mut known);
    known.found.listening = listeners::ports();
    let keeps_data = keeps_data(layout, request.app());
    let proposal = propose(request.clone(), &known, keeps_data)?;
    let Some(installation) = proposal.installation() else {
        return Ok(proposal);
    };
    // The paths that it would mount are known only now, and so are their links and whether they are
    // there.
    let mounted = installation.mounted(&known);
    let is_any_missing = inputs::find_missing(&mut known, &mounted);
    if inputs::find_trails(&mut known, mounted) || is_any_missing {
        return Ok(propose(request, &known, keeps_data)?);
    }
    Ok(proposal)
}
