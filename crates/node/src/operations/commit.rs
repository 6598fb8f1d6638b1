//! The one step by which an operation changes what is wanted.

use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{Proposal, Request, propose};
use archipelago_host::lock::Lock;
use archipelago_host::{definition, disk, inputs};

use crate::error::Error;

/// Changes the intent, under the lock of passes. What was previewed must still hold then.
pub(super) async fn commit(
    layout: &Layout,
    request: Request,
    previewed: &Proposal,
) -> Result<(), Error> {
    let is_unchanged = |proposal: &Proposal| {
        let installation = proposal.installation.as_ref();
        proposal.intent.is_none() || installation.is_some_and(|app| app.is_unchanged)
    };
    if is_unchanged(previewed) {
        return Ok(());
    }
    let _lock = Lock::of_passes(layout).await?;
    let app = &previewed.app;
    let proposal = work_out(layout, request)?;
    let is_previewed = proposal.installation.is_some() || proposal.rebuild.is_some();
    if is_previewed && proposal.intent != previewed.intent {
        return Err(Error::Changed(app.clone()));
    }
    let Proposal {
        app,
        kind: _,
        intent,
        installation,
        rebuild: _,
    } = proposal;
    for (folder, mode) in [(&layout.units, 0o755), (&layout.apps(), 0o700)] {
        disk::make_folder(folder, mode)?;
    }
    // Nothing names these yet: killed here, the app is as it was, and the next pass removes them.
    for files in installation.iter().flat_map(|app| &app.definitions) {
        definition::store(layout, files)?;
    }
    if let Some(intent) = intent {
        write(layout, &app, &intent)?;
    }
    Ok(())
}

/// Works a request out with what is known on the disk.
pub(super) fn work_out(layout: &Layout, request: Request) -> Result<Proposal, Error> {
    let mut known = inputs::read(layout)?;
    let keeps_data = keeps_data(layout, request.app());
    let proposal = propose(request.clone(), &known, keeps_data)?;
    let Some(installation) = &proposal.installation else {
        return Ok(proposal);
    };
    // What it would mount is known only now, and so is where that leads.
    let mounted = installation.mounted(&known);
    if inputs::find_trails(&mut known, mounted) {
        return Ok(propose(request, &known, keeps_data)?);
    }
    Ok(proposal)
}

/// Writes an intent. Its settings may hold passwords.
fn write(layout: &Layout, app: &AppId, intent: &Intent) -> Result<(), disk::Error> {
    disk::write_if_changed(&layout.intent(app), intent.to_text().as_bytes(), 0o600).map(drop)
}

/// Whether data of an app are on the disk.
fn keeps_data(layout: &Layout, app: &AppId) -> bool {
    let kept = [layout.volumes(app), layout.files(app), layout.secrets(app)];
    kept.iter().any(|folder| disk::is_there(folder))
}
