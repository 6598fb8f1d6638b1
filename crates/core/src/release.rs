//! Releases: definitions that are stored under the hash of their files, and so never change.
//!
//! An app's intent names its release beside the settings. One rename of the intent file therefore
//! changes all of the app at once, and what the intent remembers of earlier releases can be gone
//! back to.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::file::{File, Files};
use crate::name::AppId;
use crate::quadlet::hex;

/// How many earlier releases of an app are kept to go back to.
pub const EARLIER_MAX: usize = 3;

/// The name of a release: the SHA-256 of its files, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReleaseId(String);

/// A text that names no release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a release is named by 64 lower-case hexadecimal digits; `archipelago install` writes it")]
pub struct ReleaseIdError;

/// The definitions that are stored on the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    pub releases: BTreeSet<ReleaseId>,
    /// The apps with a definition in the place where version 0.1.0 kept it.
    pub folders: BTreeSet<AppId>,
}

impl ReleaseId {
    /// The name of a definition. Each part is hashed with its length, so that no two sets of files
    /// give the same bytes.
    #[must_use]
    pub fn of(files: &Files) -> Self {
        let mut digest = Sha256::new();
        let mut part = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        };
        part(b"archipelago definition");
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
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for ReleaseId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
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
    }

    #[test]
    fn definitions_that_differ_have_different_names() {
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
    }

    #[test]
    fn a_name_is_64_hexadecimal_digits() {
        let good = "0123456789abcdef".repeat(4);
        assert_eq!(ReleaseId::parse(&good).unwrap().as_str(), good);
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
