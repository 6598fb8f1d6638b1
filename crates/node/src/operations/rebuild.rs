//! The steps of a rebuild before the intent changes: fetch the base images, and build the new images
//! while the containers of the old ones run.
//!
//! When one of these steps fails, or this process ends, the app stays as it was. An image that was
//! already built is used by the next rebuild, or removed by a purge.

use std::collections::BTreeSet;

use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{Proposal, Rebuild, Request};
use archipelago_host::lock::Lock;
use archipelago_host::podman::Podman;
use archipelago_host::{bases, facts, image};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::commit::work_out;
use super::event::Event;
use crate::error::Error;

/// Fetches the base images, works the request out with their digests, and builds the images that it
/// needs. `rebuild` is the preview, which knows no digests yet.
pub(super) async fn prepare(
    layout: &Layout,
    app: &AppId,
    rebuild: &Rebuild,
    progress: &mut impl FnMut(Event<'_>),
) -> Result<(Request, Proposal), Error> {
    let (sender, mut reports) = unbounded_channel();
    let mut report = |report| match report {
        Report::Line(line) => progress(Event::Preparing(&line)),
        Report::Rebuilds(containers) => progress(Event::Rebuilds(&containers)),
    };
    let result = {
        let mut work = std::pin::pin!(fetch_and_build(layout, app, rebuild, &sender));
        loop {
            tokio::select! {
                Some(next) = reports.recv() => report(next),
                result = &mut work => break result,
            }
        }
    };
    while let Ok(next) = reports.try_recv() {
        report(next);
    }
    let (request, proposal) = result?;
    if let Some(rebuild) = &proposal.rebuild {
        let waiting = |holder: Option<&_>| progress(Event::Locked(holder));
        let _lock = Lock::of_passes(layout, waiting).await?;
        bases::note_checked(layout, &rebuild.kept, facts::now_unix_s())?;
    }
    Ok((request, proposal))
}

/// The progress of the work, for [`Event`].
enum Report {
    Line(String),
    Rebuilds(BTreeSet<String>),
}

async fn fetch_and_build(
    layout: &Layout,
    app: &AppId,
    rebuild: &Rebuild,
    reports: &UnboundedSender<Report>,
) -> Result<(Request, Proposal), Error> {
    let podman = Podman::for_this_user();
    // The receiver lives longer than this work.
    let say = |line: String| drop(reports.send(Report::Line(line)));
    let found = bases::renew(&podman, &rebuild.bases, &say).await;
    let request = Request::Rebuild {
        app: app.clone(),
        found: found.map_err(|source| Error::Bases {
            app: app.clone(),
            source,
        })?,
    };
    let proposal = work_out(layout, request.clone())?;
    let Some(rebuild) = proposal.rebuild.as_deref() else {
        return Ok((request, proposal));
    };
    let containers = rebuild.anew.keys().cloned().collect();
    drop(reports.send(Report::Rebuilds(containers)));
    for (container, image) in &rebuild.anew {
        let say = |line| say(format!("{container}: {line}"));
        let built = image::build(&podman, layout, image, app, say).await;
        built.map_err(|source| Error::Build {
            app: app.clone(),
            container: container.clone(),
            source,
        })?;
    }
    Ok((request, proposal))
}
