//! Facts about an image on the node.
//!
//! The facts are the paths that it declares as volumes and, for an image that was built here, the
//! time of the build and its bases. Podman makes an anonymous volume for each such path that
//! nothing mounts, and Quadlet removes those at every restart. So they must be known before a unit
//! is written, and be remembered: an image may be gone while its container runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::image::ImageDigest;

/// The label of an image that was built here. It holds the bases of the build as `NAME@DIGEST`,
/// separated by spaces, so they are known as long as the image exists.
pub const BASES_LABEL: &str = "archipelago.bases";

/// Base images by name, as a Containerfile gives it, each with the digest of its configuration.
pub type Bases = BTreeMap<String, ImageDigest>;

/// Facts about an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Its id: another image under the same name has another one.
    pub id: String,
    /// The paths that it declares as volumes, absolute and without doubled or trailing slashes.
    pub volumes: BTreeSet<String>,
    /// For an image that was built on this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<Built>,
}

/// The build of an image on this node. Times are by the wall clock, in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    pub at_unix_s: u64,
    /// The base images of the build, as far as they are known.
    pub bases: Bases,
    /// The time at which these were last found to be the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_unix_s: Option<u64>,
}

/// By full reference.
pub type KnownImages = BTreeMap<String, ImageFacts>;

/// The image of a reference that an app wants, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageState {
    /// It is on the node.
    Here(ImageFacts),
    /// It is on the node and cannot be used: Podman's words.
    Damaged(String),
}

impl ImageFacts {
    /// From what the image declares. A path that no unit can name stays with Podman.
    pub fn new<'a>(id: &str, declared: impl Iterator<Item = &'a str>) -> Self {
        Self {
            id: id.to_owned(),
            volumes: declared.filter_map(normal).collect(),
            built: None,
        }
    }
}

impl Built {
    /// `label` is the value of [`BASES_LABEL`].
    #[must_use]
    pub fn new(at_unix_s: u64, label: &str) -> Self {
        let bases = label.split(' ').filter_map(|base| {
            let (name, digest) = base.rsplit_once('@')?;
            Some((name.to_owned(), ImageDigest::parse(digest).ok()?))
        });
        Self {
            at_unix_s,
            bases: bases.collect(),
            checked_unix_s: None,
        }
    }

    /// The time at which its bases were last known to be the newest: its build, or a later check.
    #[must_use]
    pub fn as_of_unix_s(&self) -> u64 {
        self.checked_unix_s.unwrap_or_default().max(self.at_unix_s)
    }
}

/// The value of [`BASES_LABEL`].
#[must_use]
pub fn bases_label(bases: &Bases) -> String {
    let bases = bases.iter();
    let texts = bases.map(|(name, digest)| format!("{name}@{}", digest.as_str()));
    texts.collect::<Vec<_>>().join(" ")
}

/// An absolute path in a container without doubled or trailing slashes; `None` for one that cannot
/// be mounted at.
#[must_use]
pub fn normal(path: &str) -> Option<String> {
    let inside = path.strip_prefix('/')?;
    let parts: Vec<&str> = inside
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let usable = !parts.is_empty()
        && !parts.contains(&"..")
        && !path.contains(|c: char| c.is_control() || c == ':');
    usable.then(|| format!("/{}", parts.join("/")))
}

/// Reads the file of known images. A damaged file counts as empty: Podman has the same facts.
#[must_use]
pub fn read(content: Option<&[u8]>) -> KnownImages {
    let known = content.and_then(|content| serde_json::from_slice(content).ok());
    known.unwrap_or_default()
}

/// The known images with these added. Of the images built for one container, only the newest is
/// kept.
#[must_use]
pub fn with_added(known: KnownImages, added: &KnownImages) -> KnownImages {
    let is_built_as = |reference: &str| {
        let (path, _) = reference.strip_prefix("localhost/")?.rsplit_once(':')?;
        Some(path.to_owned())
    };
    let replaced: BTreeSet<String> = added.keys().filter_map(|name| is_built_as(name)).collect();
    let mut known = known;
    known.retain(|name, _| is_built_as(name).is_none_or(|path| !replaced.contains(&path)));
    known.extend(added.clone());
    known
}

/// The known images after the bases of these were found unchanged.
#[must_use]
pub fn with_checked(
    mut known: KnownImages,
    references: &BTreeSet<String>,
    now_unix_s: u64,
) -> KnownImages {
    for (reference, facts) in &mut known {
        if let Some(built) = facts
            .built
            .as_mut()
            .filter(|_| references.contains(reference))
        {
            built.checked_unix_s = Some(now_unix_s);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_survive_the_label_of_their_image() {
        let digest = |digit: &str| {
            let text = format!("sha256:{}", digit.repeat(64));
            ImageDigest::parse(&text).unwrap()
        };
        let bases = Bases::from([
            ("localhost/mine:1".to_owned(), digest("a")),
            ("nginx".to_owned(), digest("b")),
        ]);
        let label = bases_label(&bases);
        assert_eq!(Built::new(1, &label).bases, bases, "{label}");
        for none in ["", "nginx", "nginx@sha256:1", " "] {
            assert_eq!(Built::new(1, none).bases, Bases::new(), "{none:?}");
        }
    }

    #[test]
    fn a_check_of_the_bases_is_remembered_for_the_checked_images_alone() {
        let built = |checked_unix_s| ImageFacts {
            built: Some(Built {
                checked_unix_s,
                ..Built::new(100, "")
            }),
            ..ImageFacts::default()
        };
        let known = |checked| {
            KnownImages::from([
                ("a".to_owned(), built(checked)),
                ("b".to_owned(), built(None)),
                ("c".to_owned(), ImageFacts::default()),
            ])
        };
        let checked = ["a", "c", "d"].map(str::to_owned).into();
        let after = with_checked(known(None), &checked, 200);
        assert_eq!(after, known(Some(200)));
        let as_of = |name: &str| after[name].built.as_ref().map(Built::as_of_unix_s);
        assert_eq!(
            (as_of("a"), as_of("b"), as_of("c")),
            (Some(200), Some(100), None)
        );
        let text = serde_json::to_vec(&after).unwrap();
        assert_eq!(read(Some(&text)), after);
        // A file of an earlier version.
        let earlier = br#"{"a":{"id":"1","volumes":[]}}"#;
        assert_eq!(read(Some(earlier))["a"].built, None);
    }

    #[test]
    fn paths_are_those_of_a_container() {
        for (path, expected) in [
            ("/data", Some("/data")),
            ("/data/", Some("/data")),
            ("//data/./sub//", Some("/data/sub")),
            ("data", None),
            ("/", None),
            ("", None),
            ("/a/../b", None),
            ("/a:b", None),
            ("/a\nb", None),
        ] {
            assert_eq!(normal(path).as_deref(), expected, "{path:?}");
        }
        let facts = ImageFacts::new("abc", ["/b/", "/b", "relative", "/a"].into_iter());
        let volumes: Vec<&str> = facts.volumes.iter().map(String::as_str).collect();
        assert_eq!(
            (facts.id.as_str(), volumes.as_slice()),
            ("abc", ["/a", "/b"].as_slice())
        );
    }

    #[test]
    fn what_is_known_survives_its_file_and_does_not_grow_with_each_build() {
        let known = |names: &[&str]| -> KnownImages {
            names
                .iter()
                .map(|name| {
                    (
                        (*name).to_owned(),
                        ImageFacts::new(name, ["/data"].into_iter()),
                    )
                })
                .collect()
        };
        let first = with_added(
            KnownImages::new(),
            &known(&["docker.io/a:1", "localhost/archy-a:one"]),
        );
        let text = serde_json::to_vec(&first).unwrap();
        assert_eq!(read(Some(&text)), first);
        assert!(read(None).is_empty() && read(Some(&text[1..])).is_empty());
        let second = with_added(first, &known(&["docker.io/a:2", "localhost/archy-a:two"]));
        assert_eq!(
            second,
            known(&["docker.io/a:1", "docker.io/a:2", "localhost/archy-a:two"])
        );
    }
}
