//! Base images of builds: the newest one is fetched, and told by its digest.

use std::collections::BTreeMap;

use archipelago_core::image::{ImageDigest, Reference};

use crate::podman::{Error, Podman};

/// Pulls base images anew and returns their digests. `without_tls` says of each how its registry is
/// asked. One that has not changed costs a question to its registry.
///
/// # Errors
/// When one cannot be pulled. Those before it have been.
pub async fn renew(
    podman: &Podman,
    bases: &BTreeMap<Reference, bool>,
) -> Result<BTreeMap<Reference, ImageDigest>, Error> {
    for (base, without_tls) in bases {
        podman.pull(&base.to_string(), !without_tls, |_| {}).await?;
    }
    let images = podman.images().await?;
    let digest_of = |base: &Reference| {
        let name = base.to_string();
        let mut named = images.iter().filter(|image| image.names.contains(&name));
        named.find_map(|image| ImageDigest::parse(image.digest.as_str()))
    };
    let found = bases
        .keys()
        .filter_map(|base| Some((base.clone(), digest_of(base)?)));
    Ok(found.collect())
}
