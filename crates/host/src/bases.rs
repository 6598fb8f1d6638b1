//! Gets the base images of builds, and their digests.

use std::collections::{BTreeMap, BTreeSet};

use archipelago_core::cause::Cause;
use archipelago_core::desired::BaseSource;
use archipelago_core::error::chain;
use archipelago_core::image::{ImageDigest, Reference};
use archipelago_core::image_facts::Bases;

use crate::architecture;
use crate::podman::{self, InspectedImage, Podman};

/// The reason why a base image cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("fetch the base image {base}")]
    Pull {
        base: String,
        #[source]
        source: Box<Cause>,
    },
    #[error("inspect the base image {base}")]
    Inspect {
        base: String,
        #[source]
        source: podman::Error,
    },
    #[error(
        "the base image {base} is not on this node, and no registry has it; correct FROM, or build that image here"
    )]
    Nowhere { base: String },
    #[error(
        "the base image {base} is for {built_for} now, and this machine is {}; use a base image for that in FROM",
        architecture::native()
    )]
    Foreign { base: String, built_for: String },
}

/// Pulls the newest version of each base image and returns the digests. A local base
/// (`localhost/…`), or one that no registry has, is taken from Podman's storage. `tell` receives
/// the name of each image that is pulled; `built` are the app's current images.
///
/// # Errors
/// For the first base image that cannot be pulled, or whose newest version is for a foreign
/// architecture while all of `built` are native.
pub async fn pull_newest(
    podman: &Podman,
    bases: &BTreeMap<String, BaseSource>,
    built: &BTreeSet<String>,
    mut tell: impl FnMut(&str),
) -> Result<Bases, Error> {
    let mut has_foreign = false;
    for image in built {
        // A damaged or missing image is about to be rebuilt.
        let image = inspect(podman, image).await.ok().flatten();
        has_foreign |= image.as_ref().is_some_and(is_foreign);
    }
    let mut found = Bases::new();
    for (base, source) in bases {
        let is_local = Reference::parse(base).is_ok_and(|reference| reference.is_local());
        if !is_local {
            tell(base);
            match fetch(podman, base, source).await {
                Err(Error::Pull { source, .. }) if matches!(*source, Cause::NotInRegistry(_)) => {}
                fetched => fetched?,
            }
        }
        let now = inspect(podman, base).await?;
        if let Some(now) = now.as_ref().filter(|now| is_foreign(now))
            && source.platform.is_none()
            && !has_foreign
        {
            return Err(Error::Foreign {
                base: base.clone(),
                built_for: now.architecture.clone(),
            });
        }
        let digest = now.as_ref().and_then(digest_of);
        let digest = digest.ok_or_else(|| Error::Nowhere { base: base.clone() })?;
        found.insert(base.clone(), digest);
    }
    Ok(found)
}

/// The digests of the base images of a build that is about to begin. A missing base is fetched,
/// because Podman's build does not know the allowlist of registries without TLS. When that fails,
/// the first error is returned as well; the build may still find the base.
pub(crate) async fn ensure(
    podman: &Podman,
    bases: &BTreeMap<String, BaseSource>,
    mut tell: impl FnMut(&str),
) -> (Bases, Option<Error>) {
    let mut found = Bases::new();
    let mut failure = None;
    for (base, source) in bases {
        let mut image = inspect(podman, base).await;
        if matches!(image, Ok(None)) {
            tell(base);
            image = match fetch(podman, base, source).await {
                Ok(()) => inspect(podman, base).await,
                Err(error) => Err(error),
            };
        }
        match image {
            Ok(image) => found.extend(
                image
                    .as_ref()
                    .and_then(digest_of)
                    .map(|digest| (base.clone(), digest)),
            ),
            Err(error) => {
                tracing::debug!("{}", chain(&error));
                failure.get_or_insert(error);
            }
        }
    }
    (found, failure)
}

async fn fetch(podman: &Podman, base: &str, source: &BaseSource) -> Result<(), Error> {
    let BaseSource {
        platform,
        without_tls,
    } = source;
    let pulled = podman.pull_for(base, platform.as_ref(), !without_tls, |_| {});
    pulled.await.map_err(|error| {
        let reference = Reference::parse(base);
        let registry = reference.as_ref().map_or(base, Reference::registry);
        Error::Pull {
            base: base.to_owned(),
            source: Box::new(error.cause_of_pull(registry)),
        }
    })
}

/// The digest of the image's configuration, which is its id. The digest of its manifest changes
/// when the layers are compressed anew, and Podman keeps only one for all names of the image.
fn digest_of(image: &InspectedImage) -> Option<ImageDigest> {
    ImageDigest::parse(&format!("sha256:{}", image.id)).ok()
}

fn is_foreign(image: &InspectedImage) -> bool {
    !architecture::runs(&image.architecture)
}

async fn inspect(podman: &Podman, base: &str) -> Result<Option<InspectedImage>, Error> {
    let found = podman.inspect_image(base).await;
    found.map_err(|source| Error::Inspect {
        base: base.to_owned(),
        source,
    })
}
