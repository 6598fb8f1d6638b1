//! `rebuild`: rebuilds those images of an app whose base images have changed.
//!
//! `nginx:stable` is another image after each security fix. An image that is built here has a label
//! with the digests of its bases. When a base has another digest now, the intent names that digest,
//! and the image that is built of it gets another name. So a rebuild changes nothing but the
//! intent, in one step, like any other operation.

use std::collections::{BTreeMap, BTreeSet};

use super::Refusal;
use crate::desired::{
    App, BaseSource, BuildContext, DesiredContainer, DesiredImage, Inputs, Origin,
};
use crate::forecast::wanted;
use crate::image_facts::Bases;
use crate::intent::Intent;
use crate::name::AppId;

/// A rebuild before its base images are fetched: nobody knows yet which of them have changed.
#[derive(Clone, Debug)]
pub struct RebuildPreview {
    /// The base images of all the app's builds, by name.
    pub bases: BTreeMap<String, BaseSource>,
    /// The references of the images that are built of them now.
    pub images: BTreeSet<String>,
}

/// A rebuild after its base images were fetched.
#[derive(Clone, Debug)]
pub struct Rebuild {
    /// The references of the images whose bases have not changed.
    pub kept: BTreeSet<String>,
    /// The images to build, by the names of their containers.
    pub new_images: BTreeMap<String, DesiredImage>,
}

impl RebuildPreview {
    pub(super) fn of(inputs: &Inputs, app: &AppId) -> Result<Self, Refusal> {
        let built = built(inputs.clone(), app)?;
        let references = built.values().map(|(container, _)| reference(container));
        let images = references.collect();
        let contexts = built.into_values().map(|(_, context)| context);
        Ok(Self {
            images,
            bases: contexts.flat_map(|context| context.bases).collect(),
        })
    }
}

impl Rebuild {
    /// The rebuild for the present bases, and the intent as it would be; `None` when no base has
    /// changed.
    pub(super) fn of(
        inputs: &Inputs,
        app: &AppId,
        known: &Intent,
        found: &Bases,
    ) -> Result<(Self, Option<Intent>), Refusal> {
        let before = built(inputs.clone(), app)?;
        let changed: Bases = before
            .values()
            .flat_map(|(container, context)| changed(container, context, found))
            .collect();
        let references = before.values().map(|(container, _)| reference(container));
        let mut rebuild = Self {
            kept: references.collect(),
            new_images: BTreeMap::new(),
        };
        if changed.is_empty() {
            return Ok((rebuild, None));
        }
        let mut intent = known.clone();
        let is_used = |name: &String| {
            let mut contexts = before.values().map(|(_, context)| context);
            contexts.any(|context| context.bases.contains_key(name))
        };
        intent.bases.retain(|name, _| is_used(name));
        intent.bases.extend(changed);
        let mut all = inputs.clone();
        all.intents.insert(app.clone(), Ok(intent.clone()));
        let mut wanted = BTreeSet::new();
        for (name, (container, _)) in built(all, app)? {
            let reference = reference(&container);
            if !rebuild.kept.contains(&reference) {
                rebuild.new_images.insert(name, container.image);
            }
            wanted.insert(reference);
        }
        rebuild.kept.retain(|reference| wanted.contains(reference));
        Ok((rebuild, Some(intent)))
    }
}

/// The bases that have changed since a container's image was built, or that were unknown then. An
/// image that is not here yet will be built of the bases that were found.
fn changed(container: &DesiredContainer, context: &BuildContext, found: &Bases) -> Bases {
    let Some(facts) = &container.image_facts else {
        return Bases::new();
    };
    let built = facts.built.as_ref();
    let known = |name: &String| built.and_then(|built| built.bases.get(name));
    let found = found
        .iter()
        .filter(|(name, digest)| context.bases.contains_key(*name) && known(name) != Some(digest));
    found
        .map(|(name, digest)| (name.clone(), digest.clone()))
        .collect()
}

fn reference(container: &DesiredContainer) -> String {
    container.image.reference.to_string()
}

/// The containers of an app whose image is built here, by name. There is one at least.
fn built(
    inputs: Inputs,
    app: &AppId,
) -> Result<BTreeMap<String, (DesiredContainer, BuildContext)>, Refusal> {
    let present = match wanted(inputs).apps.remove(app) {
        Some(App::Present(present)) => present,
        Some(App::Broken { cause, fault }) => return Err(Refusal::of_broken(cause, fault, None)),
        _ => return Err(Refusal::Unready { app: app.clone() }),
    };
    let built = present.containers();
    let built = built.filter_map(|(_, container)| {
        let Origin::Build(context) = &container.image.origin else {
            return None;
        };
        let name = container.name.clone();
        Some((name, (container.clone(), context.as_ref().clone())))
    });
    let built: BTreeMap<_, _> = built.collect();
    if built.is_empty() {
        return Err(Refusal::NothingBuilt(app.clone()));
    }
    Ok(built)
}
