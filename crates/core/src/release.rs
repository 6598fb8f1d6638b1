//! Releases: sets of files, stored under the hash of their content. They never change. A definition
//! is one release, which the app's intent names. Each file or folder of it that a container mounts
//! is a release of its own: a new definition replaces a mount only if that part changed.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::file::{File, Files};
use crate::hex::hex;

/// The name of a release: the SHA-256 of its files, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseId(String);

/// A text that names no release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a release is named by 64 lower-case hexadecimal digits; to choose another, use archipelago install"
)]
pub struct ReleaseIdError;

impl ReleaseId {
    /// The name of a definition.
    #[must_use]
    pub fn of(files: &Files) -> Self {
        Self::digest(b"archipelago definition", files)
    }

    /// The name of the part of a definition that a container mounts. It is never that of a whole
    /// definition, even if the container mounts all of it.
    #[must_use]
    pub fn of_mounted(files: &Files) -> Self {
        Self::digest(b"archipelago mount", files)
    }

    /// Each part is hashed with its length, so that no two sets of files give the same bytes.
    fn digest(purpose: &[u8], files: &Files) -> Self {
        let mut digest = Sha256::new();
        let mut part = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        };
        part(purpose);
        for (path, File { content, mode }) in files {
            part(path.as_bytes());
            part(&mode.bits().to_le_bytes());
            part(content);
        }
        Self(hex(&digest.finalize()))
    }

    /// Reads the name of a release.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(text: &str) -> Result<Self, ReleaseIdError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ReleaseIdError)
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its beginning, by which people tell releases from each other.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for ReleaseId {
    type Error = ReleaseIdError;

    fn try_from(text: String) -> Result<Self, ReleaseIdError> {
        Self::parse(&text)
    }
}

impl From<ReleaseId> for String {
    fn from(id: ReleaseId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::file::FileMode;

    fn files(files: &[(&str, &str, u32)]) -> Files {
        let file = |(path, text, bits): &(&str, &str, u32)| {
            let file = File {
                content: text.as_bytes().into(),
                mode: FileMode::of_bits(*bits),
            };
            ((*path).to_owned(), file)
        };
        files.iter().map(file).collect()
    }

    /// Intents on people's nodes name releases by this.
    #[test]
    fn a_release_keeps_its_name() {
        let files = files(&[
            ("compose.yaml", "services:\n", 0o644),
            (".env", "A=1\n", 0o600),
        ]);
        assert_eq!(
            ReleaseId::of(&files).as_str(),
            "8a97d59b56905586d1552235e67b3a119f11f886c83d018bd6ddcbd30f35d5f2"
        );
        assert_eq!(
            ReleaseId::of_mounted(&files).as_str(),
            "4a3b3eaec0a40d4d4dd53eeae11b48ed80d312b7b4935803bd4a13c6b8eb69aa"
        );
    }

    #[test]
    fn what_differs_has_another_name() {
        let sets = [
            files(&[]),
            files(&[("a", "b", 0o644)]),
            files(&[("a", "b", 0o755)]),
            files(&[("a", "b", 0o600)]),
            files(&[("ab", "", 0o644)]),
            files(&[("", "ab", 0o644)]),
            files(&[("a", "", 0o644), ("b", "", 0o644)]),
            files(&[("a", "", 0o644), ("b", "c", 0o644)]),
            files(&[("a", "b", 0o644), ("c", "", 0o644)]),
        ];
        let names: BTreeSet<ReleaseId> = sets.iter().map(ReleaseId::of).collect();
        assert_eq!(names.len(), sets.len());
        for set in &sets {
            assert_ne!(ReleaseId::of(set), ReleaseId::of_mounted(set));
        }
    }

    #[test]
    fn a_name_is_64_hexadecimal_digits() {
        let good = "0123456789abcdef".repeat(4);
        assert_eq!(ReleaseId::parse(&good).map(String::from), Ok(good.clone()));
        for bad in [
            "",
            &good[1..],
            &good.to_uppercase(),
            "../../etc/passwd",
            &format!("{good}0"),
        ] {
            assert_eq!(ReleaseId::parse(bad), Err(ReleaseIdError), "{bad:?}");
        }
    }
}
