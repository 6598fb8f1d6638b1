//! Tags of images that a pull has moved.

use std::collections::BTreeMap;

use crate::podman::{Error, Podman};

/// Gives tags back to the images that had them, as far as another one has them now.
///
/// # Errors
/// When Podman does not answer, or refuses.
pub async fn give_back(podman: &Podman, tags: &BTreeMap<String, String>) -> Result<(), Error> {
    for (tag, id) in tags {
        let now = podman.inspect_image(tag).await?;
        // An image that is gone has nothing to get back.
        let is_moved = now.is_none_or(|now| now.id != *id);
        if is_moved && podman.inspect_image(id).await?.is_some() {
            podman.tag(id, tag).await?;
        }
    }
    Ok(())
}
