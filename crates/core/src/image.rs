//! Image references, written out in full so that the same image always has the same name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A full image reference: registry, path, and a tag or a digest.
///
/// Podman takes no reference with both a tag and a digest; the digest wins, because it is the one
/// that cannot change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct Reference {
    registry: String,
    path: String,
    version: Version,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    Tag(String),
    Digest(String),
}

/// The digest of an image's configuration, which is its id in Podman: `sha256:` and 64 hexadecimal
/// digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageDigest(String);

/// The platform of an image, as `--platform` names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

/// A text that is no image reference. It may hold a password, so it is not quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no image reference: {problem}")]
pub struct ReferenceError {
    problem: &'static str,
}

impl Reference {
    /// Reads a reference as people write it: `nginx` means `docker.io/library/nginx:latest`.
    ///
    /// # Errors
    /// When it breaks the rules of the OCI distribution specification, "Pulling manifests".
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let error = |problem| ReferenceError { problem };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let after_slash = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name[after_slash..].rfind(':') {
            Some(colon) => (
                &name[..after_slash + colon],
                Some(&name[after_slash + colon + 1..]),
            ),
            None => (name, None),
        };
        let (registry, path) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (first, rest)
            }
            _ => ("docker.io", name),
        };
        // Docker Hub's own images: Podman lists `docker.io/nginx` under the longer name only.
        let path = if registry == "docker.io" && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        if registry.starts_with(':')
            || !registry
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
        {
            return Err(error(
                "the registry is a host name or address, with an optional port",
            ));
        }
        if !path.split('/').all(is_path_component) {
            return Err(error(
                "the path is lower-case letters and digits, separated by one of . _ - /",
            ));
        }
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(error(
                "the tag is at most 128 letters, digits, dots, underscores and hyphens",
            ));
        }
        let version = match (digest, tag) {
            (Some(digest), _) if is_digest(digest) => Version::Digest(digest.to_owned()),
            (Some(_), _) => {
                return Err(error(NO_DIGEST));
            }
            (None, tag) => Version::Tag(tag.unwrap_or("latest").to_owned()),
        };
        Ok(Self {
            registry: registry.to_owned(),
            path,
            version,
        })
    }

    /// An image that is built on this node.
    pub(crate) fn local(name: &str, tag: &str) -> Self {
        Self {
            registry: "localhost".to_owned(),
            path: name.to_owned(),
            version: Version::Tag(tag.to_owned()),
        }
    }

    /// The image with this digest in the same repository. It is the digest of a manifest.
    #[must_use]
    pub fn at_digest(&self, digest: &ImageDigest) -> Self {
        Self {
            version: Version::Digest(digest.as_str().to_owned()),
            ..self.clone()
        }
    }

    /// Whether it is a digest of the same repository as `other`.
    #[must_use]
    pub fn is_digest_in_repository_of(&self, other: &Self) -> bool {
        matches!(self.version, Version::Digest(_))
            && self.registry == other.registry
            && self.path == other.path
    }

    /// Whether it may name another image later.
    pub(crate) fn can_move(&self) -> bool {
        matches!(self.version, Version::Tag(_))
    }

    /// Whether it is an image of this node alone, which no registry has.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.registry == "localhost"
    }

    /// The registry: `host` or `host:port`.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }
}

impl ImageDigest {
    /// # Errors
    /// When the text is no digest.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if is_digest(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ReferenceError { problem: NO_DIGEST })
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ImageDigest {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        Self::parse(&text)
    }
}

impl From<ImageDigest> for String {
    fn from(digest: ImageDigest) -> Self {
        digest.0
    }
}

impl Platform {
    /// `OS/ARCHITECTURE`, or `OS/ARCHITECTURE/VARIANT`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_word =
            |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let words: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match *words.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return None,
        };
        words.iter().all(is_word).then(|| Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            os,
            architecture,
            variant,
        } = self;
        write!(formatter, "{os}/{architecture}")?;
        variant
            .iter()
            .try_for_each(|variant| write!(formatter, "/{variant}"))
    }
}

const NO_DIGEST: &str = "the digest is sha256: and 64 lower-case hexadecimal digits";

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.path)?;
        match &self.version {
            Version::Tag(tag) => write!(formatter, ":{tag}"),
            Version::Digest(digest) => write!(formatter, "@{digest}"),
        }
    }
}

fn is_path_component(text: &str) -> bool {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    edge(text.bytes().next())
        && edge(text.bytes().last())
        && text.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-')
        })
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let got = Reference::parse(text)
            .ok()
            .map(|reference| reference.to_string());
        assert_eq!(got.as_deref(), expected, "for {text:?}");
    }

    #[test]
    fn references_are_written_out_in_full() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        check("nginx", Some("docker.io/library/nginx:latest"));
        check("docker.io/nginx:1", Some("docker.io/library/nginx:1"));
        check(
            "docker.io/library/nginx:1",
            Some("docker.io/library/nginx:1"),
        );
        check(
            "getumbrel/electrs:v1",
            Some("docker.io/getumbrel/electrs:v1"),
        );
        check("ghcr.io/a/b:1.0_x", Some("ghcr.io/a/b:1.0_x"));
        check("localhost/x:1", Some("localhost/x:1"));
        check("a.b/c1d/e-2", Some("a.b/c1d/e-2:latest"));
        check("127.0.0.1:5000/x", Some("127.0.0.1:5000/x:latest"));
        check(
            &format!("a/b:v1@{digest}"),
            Some(&format!("docker.io/a/b@{digest}")),
        );
        for bad in [
            "",
            "A",
            "a b",
            "a//b",
            "a:",
            "a@sha256:12",
            "-a",
            "a:b:c",
            "a/..",
            "a\n",
            "%i",
            "a_b.c/x",
            ":5000/x",
            "a:-b",
            "a:.b",
        ] {
            check(bad, None);
        }
        check(
            &format!("a:{}", "b".repeat(128)),
            Some(&format!("docker.io/library/a:{}", "b".repeat(128))),
        );
        check(&format!("a:{}", "b".repeat(129)), None);
    }
}
