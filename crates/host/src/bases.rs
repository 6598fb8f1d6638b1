//! Base images of builds: those that are here, and the newest ones.

use std::collections::{BTreeMap, BTreeSet};

use archipelago_core::desired::BaseSource;
use archipelago_core::error::chain;
use archipelago_core::image::{ImageDigest, Reference, is_in_no_registry};
use archipelago_core::image_facts::{self, Bases};
use archipelago_core::layout::Layout;

use crate::disk;
use crate::podman::{self, Podman};

/// What is known of images is nobody else's business.
const PRIVATE: u32 = 0o600;

/// Why a base image cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("fetch the base image {base}{}", way_out(source, base))]
    Pull {
        base: String,
        #[source]
        source: podman::Error,
    },
    #[error("look for the base image {base}")]
    Look {
        base: String,
        #[source]
        source: podman::Error,
    },
    #[error("the base image {base} is not on this node, and no registry has it")]
    Nowhere { base: String },
}

fn way_out(source: &podman::Error, base: &str) -> String {
    let way_out = Reference::parse(base)
        .ok()
        .and_then(|base| crate::image::way_out(&source.message(), &base));
    way_out.map_or_else(String::new, |text| format!(": {text}"))
}

/// Fetches the newest of each base image and returns what they are. A base of this node alone
/// (`localhost/…`), or one that no registry has, is the one in its storage. `tell` hears what is
/// fetched.
///
/// # Errors
/// With the first one that cannot be fetched.
pub async fn renew(
    podman: &Podman,
    bases: &BTreeMap<String, BaseSource>,
    mut tell: impl FnMut(String),
) -> Result<Bases, Error> {
    let mut found = Bases::new();
    for (base, source) in bases {
        let is_local = Reference::parse(base).is_ok_and(|reference| reference.is_local());
        if !is_local {
            tell(format!("fetching {base}"));
            match fetch(podman, base, source).await {
                Err(Error::Pull { source, .. }) if is_in_no_registry(&source.message()) => {}
                fetched => fetched?,
            }
        }
        let digest = look(podman, base).await?;
        let digest = digest.ok_or_else(|| Error::Nowhere { base: base.clone() })?;
        found.insert(base.clone(), digest);
    }
    Ok(found)
}

/// The base images of a build that is about to begin. One that is not here is fetched; the build
/// itself would not know of the allowlist of registries without TLS. Beside what was found, why one
/// could not be had: the build may still find it.
pub(crate) async fn have(
    podman: &Podman,
    bases: &BTreeMap<String, BaseSource>,
    mut tell: impl FnMut(String),
) -> (Bases, Option<Error>) {
    let mut found = Bases::new();
    let mut failure = None;
    for (base, source) in bases {
        let mut digest = look(podman, base).await;
        if matches!(digest, Ok(None)) {
            tell(format!("fetching {base}"));
            digest = match fetch(podman, base, source).await {
                Ok(()) => look(podman, base).await,
                Err(error) => Err(error),
            };
        }
        match digest {
            Ok(Some(digest)) => drop(found.insert(base.clone(), digest)),
            Ok(None) => {}
            Err(error) => {
                tracing::debug!("{}", chain(&error));
                failure.get_or_insert(error);
            }
        }
    }
    (found, failure)
}

/// Notes that the bases of these images were found to be the newest. The lock of passes is held.
///
/// # Errors
/// When the disk refuses.
pub fn note_checked(
    layout: &Layout,
    references: &BTreeSet<String>,
    now_unix_s: u64,
) -> Result<(), disk::Error> {
    let path = layout.images();
    let known = image_facts::read(disk::read(&path)?.as_deref());
    let checked = image_facts::with_checked(known, references, now_unix_s);
    let text = serde_json::to_vec(&checked).expect("facts are texts and numbers");
    disk::write_if_changed(&path, &text, PRIVATE).map(drop)
}

async fn fetch(podman: &Podman, base: &str, source: &BaseSource) -> Result<(), Error> {
    let BaseSource {
        platform,
        without_tls,
    } = source;
    let pulled = podman.pull_for(base, platform.as_ref(), !without_tls, |_| {});
    pulled.await.map_err(|source| Error::Pull {
        base: base.to_owned(),
        source,
    })
}

/// By the digest of its configuration, which is its id. The digest of its manifest is another one
/// for the same image when its layers were compressed anew, and Podman keeps one for all its names.
async fn look(podman: &Podman, base: &str) -> Result<Option<ImageDigest>, Error> {
    let found = podman.inspect_image(base).await;
    let found = found.map_err(|source| Error::Look {
        base: base.to_owned(),
        source,
    })?;
    Ok(found.and_then(|image| ImageDigest::parse(&format!("sha256:{}", image.id)).ok()))
}
