//! `rebuild`: the images that an app builds, built anew where a base image has changed.
//!
//! A build begins with images whose names move: `nginx:stable` is another image after each security
//! fix. The intent remembers the digests that were found at the last look, and an image that is built
//! of one is named after it. So a rebuild changes the intent alone, in the same one step as any other
//! operation, and where no digest has changed nothing is built and nothing restarts.

use std::collections::{BTreeMap, BTreeSet};

use super::Refusal;
use crate::desired::{App, Inputs, Origin, worked_out};
use crate::image::{ImageDigest, Reference};
use crate::intent::{Goal as Wanted, Intent};
use crate::name::AppId;

/// What a rebuild would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuild {
    pub intent: Intent,
    /// The base images to look for newer ones of, and whether their registry is asked without TLS.
    pub bases: BTreeMap<Reference, bool>,
    /// The containers whose image is built anew.
    pub containers: BTreeSet<String>,
}

impl Rebuild {
    pub(super) fn of(
        inputs: &Inputs,
        app: &AppId,
        known: Intent,
        found: BTreeMap<Reference, ImageDigest>,
    ) -> Result<Self, Refusal> {
        if known.state == Wanted::Removed {
            return Err(Refusal::Removing { app: app.clone() });
        }
        let before = built(inputs.clone(), app)?;
        let config = inputs.config.as_ref();
        let without_tls =
            |base: &Reference| config.is_ok_and(|config| config.image_uses_insecure_registry(base));
        let bases: BTreeMap<Reference, bool> = before
            .values()
            .flat_map(|(_, bases)| bases)
            .map(|base| (base.clone(), without_tls(base)))
            .collect();
        if bases.is_empty() {
            return Err(Refusal::NothingBuilt(app.clone()));
        }
        let mut intent = known;
        intent.bases.retain(|base, _| bases.contains_key(base));
        let found = found.into_iter();
        intent
            .bases
            .extend(found.filter(|(base, _)| bases.contains_key(base)));
        let mut all = inputs.clone();
        all.intents.insert(app.clone(), Ok(intent.clone()));
        let after = built(all, app)?;
        let is_changed = |(name, (reference, _)): &(&String, &(Reference, _))| {
            before
                .get(*name)
                .is_none_or(|(known, _)| known != reference)
        };
        let containers = after.iter().filter(is_changed);
        Ok(Self {
            containers: containers.map(|(name, _)| name.clone()).collect(),
            intent,
            bases,
        })
    }
}

/// The containers of an app whose image is built: the image and what it begins with.
fn built(
    inputs: Inputs,
    app: &AppId,
) -> Result<BTreeMap<String, (Reference, BTreeSet<Reference>)>, Refusal> {
    let present = match worked_out(inputs).remove(app) {
        Some(App::Present(present)) => present,
        Some(App::Broken { cause, .. }) => return Err(Refusal::Broken { cause }),
        _ => return Err(Refusal::Unready { app: app.clone() }),
    };
    let built = present.containers().filter_map(|(_, container)| {
        let Origin::Build(context) = &container.image.origin else {
            return None;
        };
        let image = (container.image.reference.clone(), context.bases.clone());
        Some((container.name.clone(), image))
    });
    Ok(built.collect())
}
