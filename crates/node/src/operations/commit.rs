//! The one step by which an operation changes what is wanted.

use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{Proposal, Request, propose};
use archipelago_core::release::ReleaseId;
use archipelago_host::lock::Lock;
use archipelago_host::{disk, inputs, releases};

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
    if proposal.installation.is_some() && proposal.intent != previewed.intent {
        return Err(Error::Changed(app.clone()));
    }
    let Proposal {
        app,
        kind: _,
        intent,
        installation,
    } = proposal;
    disk::make_folder(&layout.units, 0o755)?;
    if let Some(installation) = installation {
        let release = ReleaseId::of(&installation.files);
        releases::store(layout, &release, &installation.files)?;
    }
    if let Some(intent) = intent {
        releases::switch(layout, &app, &intent)?;
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

/// Whether data of an app are on the disk.
fn keeps_data(layout: &Layout, app: &AppId) -> bool {
    let kept = [layout.volumes(app), layout.files(app), layout.secrets(app)];
    kept.iter().any(|folder| disk::is_there(folder))
}
