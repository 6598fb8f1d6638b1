//! The part of a rebuild before anything is changed: the bases are looked for, and what is to be
//! new is built beside what runs.
//!
//! A failure here, or the end of this process, leaves the app as it was; a finished image waits for
//! the next rebuild, or goes with a purge.

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

/// Fetches the bases, works the request out with what was found, and builds what it needs.
pub(super) async fn prepare(
    layout: &Layout,
    app: &AppId,
    rebuild: &Rebuild,
    progress: &mut impl FnMut(Event<'_>),
) -> Result<(Request, Proposal), Error> {
    let podman = Podman::for_this_user();
    let (tell, mut told) = unbounded_channel();
    let work = renew_and_build(layout, app, rebuild, &podman, tell);
    let mut work = std::pin::pin!(work);
    let mut hear = |told| match told {
        Told::Line(line) => progress(Event::Preparing(&line)),
        Told::Anew(containers) => progress(Event::Rebuilds(&containers)),
    };
    let result = loop {
        tokio::select! {
            Some(told) = told.recv() => hear(told),
            result = &mut work => break result,
        }
    };
    while let Ok(told) = told.try_recv() {
        hear(told);
    }
    result
}

enum Told {
    Line(String),
    Anew(BTreeSet<String>),
}

async fn renew_and_build(
    layout: &Layout,
    app: &AppId,
    rebuild: &Rebuild,
    podman: &Podman,
    tell: UnboundedSender<Told>,
) -> Result<(Request, Proposal), Error> {
    // Whoever listens lives as long as this work.
    let say = |line: String| drop(tell.send(Told::Line(line)));
    let found = bases::renew(podman, &rebuild.bases, &say).await;
    let request = Request::Rebuild {
        app: app.clone(),
        found: found.map_err(|source| Error::Bases {
            app: app.clone(),
            source,
        })?,
    };
    let proposal = work_out(layout, request.clone())?;
    let Some(about) = proposal.rebuild.as_deref() else {
        return Ok((request, proposal));
    };
    let anew = about.anew.keys().cloned().collect();
    drop(tell.send(Told::Anew(anew)));
    for (container, image) in &about.anew {
        let say = |line| say(format!("{container}: {line}"));
        let built = image::build(podman, layout, image, app, say).await;
        built.map_err(|source| Error::Build {
            app: app.clone(),
            container: container.clone(),
            source,
        })?;
    }
    let _lock = Lock::of_passes(layout).await?;
    bases::note_checked(layout, &about.kept, facts::now_unix_s())?;
    Ok((request, proposal))
}
