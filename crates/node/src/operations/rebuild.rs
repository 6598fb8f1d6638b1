//! The steps of a rebuild before the intent changes: fetch the base images, and build the new
//! images while the containers of the old ones run.
//!
//! When one of these steps fails, or this process ends, the app stays as it was. An image that was
//! already built is used by the next rebuild, or removed by a purge.

use std::collections::BTreeMap;

use archipelago_core::image_progress::ImageProgress;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{Effect, Proposal, RebuildPreview, Request};
use archipelago_host::lock::Lock;
use archipelago_host::podman::Podman;
use archipelago_host::{bases, facts, image, known_images};
use tokio::sync::mpsc::{Sender, channel};

use super::commit::resolve;
use super::event::Event;
use crate::error::Error;

/// The number of lines of progress that wait to be shown. Further ones are dropped.
const LINES_MAX: usize = 64;

/// Fetches the base images, works the request out with their digests, and builds the images that it
/// needs.
pub(super) async fn prepare(
    layout: &Layout,
    app: &AppId,
    preview: &RebuildPreview,
    progress: &mut impl FnMut(Event<'_>),
) -> Result<(Request, Proposal), Error> {
    let (sender, mut lines) = channel(LINES_MAX);
    let mut work = std::pin::pin!(fetch_and_build(layout, app, preview, sender));
    let (request, proposal) = loop {
        tokio::select! {
            biased;
            Some((name, now)) = lines.recv() => progress(Event::Preparing(&name, &now)),
            result = &mut work => break result?,
        }
    };
    if let Effect::Rebuild(rebuild) = &proposal.effect {
        progress(Event::Rebuilt(
            &rebuild.new_images.keys().cloned().collect(),
        ));
        let waiting = |holder: Option<&_>| progress(Event::Locked(holder));
        let _lock = Lock::of_passes(layout, waiting).await?;
        known_images::note_checked(layout, &rebuild.kept, facts::now_unix_s())?;
    }
    Ok((request, proposal))
}

async fn fetch_and_build(
    layout: &Layout,
    app: &AppId,
    preview: &RebuildPreview,
    lines: Sender<(String, ImageProgress)>,
) -> Result<(Request, Proposal), Error> {
    let podman = Podman::for_this_user();
    let say = |name: &str, now| drop(lines.try_send((name.to_owned(), now)));
    let fetching = |base: &str| say(base, ImageProgress::Pulling { done: 0, total: 0 });
    let found = bases::pull_newest(&podman, &preview.bases, &preview.images, fetching).await;
    let request = Request::Rebuild {
        app: app.clone(),
        found: Some(found.map_err(|source| Error::Bases {
            app: app.clone(),
            source: Box::new(source),
        })?),
    };
    let proposal = resolve(layout, request.clone())?;
    let new_images = match &proposal.effect {
        Effect::Rebuild(rebuild) => rebuild.new_images.clone(),
        _ => BTreeMap::new(),
    };
    for (container, image) in &new_images {
        let say = |now| say(container, now);
        let built = image::build(&podman, layout, image, app, say).await;
        built.map_err(|cause| Error::Build {
            app: app.clone(),
            container: container.clone(),
            source: Box::new(cause),
        })?;
    }
    Ok((request, proposal))
}
