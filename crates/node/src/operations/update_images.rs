//! The images of an update, before anything of the app changes.
//!
//! A pull moves a tag, and the old version must keep its image: a container that systemd restarts
//! meanwhile would run the new one. So a tag is given back at once, and a record says which image
//! had it, should this process be killed between the two.

use std::collections::BTreeMap;

use archipelago_core::cause::Cause;
use archipelago_core::error::chain;
use archipelago_core::image::Reference;
use archipelago_core::image_progress::ImageProgress;
use archipelago_core::layout::Layout;
use archipelago_core::operation::{
    FollowedTag, FoundTag, Phase, Proposal, Record, UpdateState, followed_tags, images_with,
};
use archipelago_host::image;
use archipelago_host::lock::Lock;
use archipelago_host::podman::{self, Podman};
use archipelago_host::records::{self, disk_state};
use archipelago_host::tags::give_back;
use tokio::sync::mpsc::channel;

use super::event::Event;
use crate::error::Error;

/// The number of lines of progress that wait to be shown. Further ones are dropped.
const LINES_MAX: usize = 64;

/// Fetches the newest images of the tags that the app would follow. Returns the images by digest
/// that the new intent names.
pub(super) async fn fetch(
    layout: &Layout,
    proposal: &Proposal,
    asked_unix_s: u64,
    progress: &mut impl FnMut(Event<'_>),
) -> Result<BTreeMap<Reference, Reference>, Error> {
    let Some(installation) = proposal.installation() else {
        return Ok(BTreeMap::new());
    };
    let held = &installation.intent.images;
    let tags = followed_tags(&installation.present, held);
    if tags.is_empty() {
        return Ok(images_with(held, &[]));
    }
    let podman = Podman::for_this_user();
    let mut known = BTreeMap::new();
    for FollowedTag { tag, .. } in &tags {
        if let Some(id) = id_of(&podman, proposal, tag).await? {
            known.insert(tag.to_string(), id);
        }
    }
    let record = record(layout, proposal, asked_unix_s, known.clone())?;
    let lock = Lock::of_passes(layout, |holder| progress(Event::Locked(holder))).await?;
    let claim = records::write(layout, &record)?;
    drop(lock);
    let mut found = Vec::new();
    let mut result = Ok(());
    for followed in &tags {
        let shown = followed.tag.to_string();
        progress(Event::Preparing(
            &shown,
            &ImageProgress::Pulling { done: 0, total: 0 },
        ));
        let before = known.get(&shown).cloned();
        let is_held = held.contains_key(&followed.tag);
        match newest(&podman, proposal, followed, before, is_held).await {
            Ok(image) => found.push(image),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    give_back(&podman, &known).await?;
    for image in &mut found {
        if let Some(held_to) = held.get(&image.tag) {
            image.held_to = id_of(&podman, proposal, held_to).await?;
        }
    }
    claim.forget()?;
    result.map(|()| images_with(held, &found))
}

/// Pulls the newest image of a tag, names it by its digest, and gives the tag back.
async fn newest(
    podman: &Podman,
    proposal: &Proposal,
    followed: &FollowedTag,
    before: Option<String>,
    is_held: bool,
) -> Result<FoundTag, Error> {
    let FollowedTag {
        tag,
        platform,
        without_tls,
    } = followed;
    let name = tag.to_string();
    let failed = |cause| Error::Image {
        app: proposal.app.clone(),
        image: name.clone(),
        source: Box::new(cause),
    };
    let pull = async |name: &str| {
        let pulled = podman.pull_for(name, platform.as_ref(), !without_tls, |_| {});
        pulled
            .await
            .map_err(|error| error.cause_of_pull(tag.registry()))
    };
    match pull(&name).await {
        Ok(()) => {}
        // Somebody loaded it here; there is no newer one.
        Err(Cause::NotInRegistry(_)) if before.is_some() => {}
        Err(cause) => return Err(failed(cause)),
    }
    let of_podman = |error: &podman::Error| failed(Cause::Podman(chain(error)));
    let image = podman.inspect_image(&name).await;
    let image = image.map_err(|error| of_podman(&error))?;
    let image = image.ok_or_else(|| failed(Cause::NotInRegistry(name.clone())))?;
    let is_other = before.as_ref().is_some_and(|before| *before != image.id);
    let mut by_digest = None;
    if is_other || is_held {
        // It would lose its last name with the tag; its layers are here. Podman lists the digests
        // of all manifests that it knows of the image, and the registry need not have each.
        let mut result = Err(Cause::NotInRegistry(name.clone()));
        let digests = image.repo_digests.iter();
        let digests = digests.filter_map(|text| Reference::parse(text).ok());
        for digest in digests.filter(|digest| digest.is_digest_in_repository_of(tag)) {
            result = pull(&digest.to_string()).await;
            match result {
                Ok(()) => by_digest = Some(digest),
                Err(Cause::NotInRegistry(_)) => continue,
                Err(_) => {}
            }
            break;
        }
        result.map_err(failed)?;
    }
    if let Some(before) = &before {
        let own = BTreeMap::from([(name.clone(), before.clone())]);
        let given = give_back(podman, &own).await;
        given.map_err(|error| of_podman(&error))?;
    }
    Ok(FoundTag {
        tag: tag.clone(),
        before,
        held_to: None,
        id: image.id,
        by_digest,
    })
}

/// Gets all images that the new version needs and that are not here, while the old one runs.
pub(super) async fn get(
    layout: &Layout,
    proposal: &Proposal,
    progress: &mut impl FnMut(Event<'_>),
) -> Result<(), Error> {
    let Some(installation) = proposal.installation() else {
        return Ok(());
    };
    let podman = Podman::for_this_user();
    let (sender, mut lines) = channel(LINES_MAX);
    let work = async {
        for (_, container) in installation.present.containers() {
            let say = |now| drop(sender.try_send((container.name.clone(), now)));
            let got = image::build(&podman, layout, &container.image, &proposal.app, say).await;
            got.map_err(|cause| Error::Image {
                app: proposal.app.clone(),
                image: container.image.reference.to_string(),
                source: Box::new(cause),
            })?;
        }
        Ok(())
    };
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            Some((name, now)) = lines.recv() => progress(Event::Preparing(&name, &now)),
            result = &mut work => return result,
        }
    }
}

async fn id_of(
    podman: &Podman,
    proposal: &Proposal,
    image: &Reference,
) -> Result<Option<String>, Error> {
    let name = image.to_string();
    match podman.inspect_image(&name).await {
        Ok(found) => Ok(found.map(|found| found.id)),
        Err(error) => Err(Error::Image {
            app: proposal.app.clone(),
            image: name,
            source: Box::new(Cause::Podman(chain(&error))),
        }),
    }
}

/// The record while images are fetched: it asks for no change.
fn record(
    layout: &Layout,
    proposal: &Proposal,
    asked_unix_s: u64,
    tags: BTreeMap<String, String>,
) -> Result<Record, Error> {
    let present = disk_state(layout, &proposal.app)?.intent;
    let paused = present.clone();
    Ok(Record {
        id: records::new_id()?,
        kind: proposal.kind,
        app: proposal.app.clone(),
        goal: proposal.goal,
        asked_unix_s,
        after: present.clone(),
        before: present,
        restarts: BTreeMap::new(),
        version: proposal.version(),
        update: paused.map(|paused| UpdateState {
            phase: Phase::Fetching,
            tags,
            paused,
            copies_data: false,
            down_since_unix_ms: None,
            downtime_ms: None,
        }),
    })
}
