//! The images of an update: which tags are looked up anew, and what the new intent names.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::{Origin, Present};
use crate::image::{Platform, Reference};

/// A tag whose newest image the update uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FollowedTag {
    pub tag: Reference,
    pub platform: Option<Platform>,
    pub without_tls: bool,
}

/// A tag after its newest image was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTag {
    pub tag: Reference,
    /// The id of the image that bore the tag on this node before, if one did.
    pub before: Option<String>,
    /// The id of the image that the app is held to, if it is.
    pub held_to: Option<String>,
    /// The id of the newest image.
    pub id: String,
    /// The newest image by its digest, unless the tag is enough.
    pub by_digest: Option<Reference>,
}

/// The tags that the containers of an app follow. `held` are the images by digest that the app is
/// held to, each under the tag that it is in place of. A local image has no registry to ask.
#[must_use]
pub fn followed_tags(
    present: &Present,
    held: &BTreeMap<Reference, Reference>,
) -> BTreeSet<FollowedTag> {
    let containers = present.containers();
    let images = containers.map(|(_, container)| &container.image);
    let tags = images.filter_map(|image| {
        let Origin::Pull {
            without_tls,
            platform,
        } = &image.origin
        else {
            return None;
        };
        let mut held = held.iter();
        let tag = held.find(|(_, used)| **used == image.reference);
        let tag = tag.map_or(&image.reference, |(tag, _)| tag);
        (tag.can_move() && !tag.is_local()).then(|| FollowedTag {
            tag: tag.clone(),
            platform: platform.clone(),
            without_tls: *without_tls,
        })
    });
    tags.collect()
}

/// The images by digest that the new intent names. An image that did not change is named as
/// before, so that its container does not restart.
#[must_use]
pub fn images_with(
    held: &BTreeMap<Reference, Reference>,
    found: &[FoundTag],
) -> BTreeMap<Reference, Reference> {
    let images = found.iter().filter_map(|found| {
        let FoundTag {
            tag,
            before,
            held_to,
            id,
            by_digest,
        } = found;
        let used = match held.get(tag) {
            Some(used) if held_to.as_ref() == Some(id) => used.clone(),
            Some(_) => by_digest.clone()?,
            // The tag is that image's from now on, or was before.
            None if before.as_ref().is_none_or(|before| before == id) => return None,
            None => by_digest.clone()?,
        };
        Some((tag.clone(), used))
    });
    images.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_named_by_digest_only_where_its_tag_is_another_ones() {
        let tag = Reference::parse("127.0.0.1:5000/web:1").unwrap();
        let digest = |digit: &str| {
            let digest = format!("sha256:{}", digit.repeat(64));
            tag.at_digest(&crate::image::ImageDigest::parse(&digest).unwrap())
        };
        assert_eq!(
            digest("a").to_string(),
            format!("127.0.0.1:5000/web@sha256:{}", "a".repeat(64))
        );
        let check = |held: Option<&str>, before: Option<&str>, held_to: Option<&str>, expected| {
            let held = held.map(|digit| (tag.clone(), digest(digit)));
            let found = FoundTag {
                tag: tag.clone(),
                before: before.map(str::to_owned),
                held_to: held_to.map(str::to_owned),
                id: "new".to_owned(),
                by_digest: Some(digest("b")),
            };
            let named = images_with(&held.into_iter().collect(), &[found]);
            let expected: Option<&str> = expected;
            let expected = expected.map(|digit| (tag.clone(), digest(digit)));
            assert_eq!(
                named,
                expected.into_iter().collect(),
                "{before:?} {held_to:?}"
            );
        };
        // Not here before, or unchanged: the tag is enough.
        check(None, None, None, None);
        check(None, Some("new"), None, None);
        check(None, Some("old"), None, Some("b"));
        check(Some("a"), Some("old"), Some("new"), Some("a"));
        check(Some("a"), Some("old"), Some("older"), Some("b"));
        check(Some("a"), None, None, Some("b"));
        assert_eq!(
            images_with(&[(tag.clone(), digest("a"))].into(), &[]),
            BTreeMap::new()
        );
    }
}
