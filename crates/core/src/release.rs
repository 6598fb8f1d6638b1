//! Releases: sets of files that are stored under the hash of what is in them, and so never change.
//!
//! A definition is one release, which the app's intent names. Each file or folder of it that a
//! container mounts is a release of its own: a container keeps what it mounts until its own part
//! changes, whatever else a new definition brings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::file::{File, Files};
use crate::intent::Intent;
use crate::layout::Layout;
use crate::name::AppId;
use crate::quadlet::hex;

/// How many earlier intents of an app are kept to go back to.
pub const KEPT: usize = 5;

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

/// What is known of the releases that the installed apps need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Releases {
    /// The apps whose intent names no release: their definition is a folder, as version 0.1.0 kept it.
    /// With the release that the folder would be.
    pub folders: BTreeMap<AppId, ReleaseId>,
    /// The files of those folders.
    pub former: BTreeMap<AppId, Files>,
    /// The releases that intents and earlier intents name; `None` when one of these cannot be read.
    pub named: Option<BTreeSet<ReleaseId>>,
    /// Why the definition of an app cannot be used.
    pub unusable: BTreeMap<AppId, String>,
}

/// What is in the folder of releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Everything in it that has the name of a release.
    pub all: BTreeSet<ReleaseId>,
    /// The releases that containers should mount and whose files are as they were stored.
    pub whole: BTreeSet<ReleaseId>,
    /// The apps with a folder where version 0.1.0 kept definitions.
    pub former: BTreeSet<AppId>,
}

/// What is wrong with a stored release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    Missing,
    /// A file in it was changed, added or removed.
    Changed,
}

impl Releases {
    /// Judges the definitions that were read for the intents. `named` is what earlier intents name.
    #[must_use]
    pub fn of(
        layout: &Layout,
        intents: &BTreeMap<AppId, Result<Intent, String>>,
        definitions: &BTreeMap<AppId, Files>,
        named: Option<BTreeSet<ReleaseId>>,
    ) -> Self {
        let mut releases = Self {
            named,
            ..Self::default()
        };
        for (app, intent) in intents {
            let Ok(intent) = intent else {
                // What it names is not known.
                releases.named = None;
                continue;
            };
            let files = definitions.get(app);
            match &intent.release {
                Some(release) => {
                    if let Some(named) = &mut releases.named {
                        named.insert(release.clone());
                    }
                    if files.is_some_and(|files| ReleaseId::of(files) != *release) {
                        let folder = layout.release(release);
                        let cause = Damage::Changed.cause(&folder, app, &intent.source);
                        releases.unusable.insert(app.clone(), cause);
                    }
                }
                None => {
                    if let Some(files) = files {
                        releases.folders.insert(app.clone(), ReleaseId::of(files));
                        releases.former.insert(app.clone(), files.clone());
                    }
                }
            }
        }
        releases
    }
}

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

impl Damage {
    /// Why an app whose intent names a damaged release cannot be worked out, and what to do. `source` is
    /// where the app was taken from, as its intent says.
    #[must_use]
    pub fn cause(self, folder: &Path, app: &AppId, source: &str) -> String {
        let folder = folder.display();
        let what = match self {
            Self::Missing => format!("its definition {folder} is missing"),
            Self::Changed => format!(
                "its definition {folder} is not as it was installed: a file in it was changed, added or removed"
            ),
        };
        let source = match source {
            "" | "catalog" => app.as_str(),
            path => path,
        };
        format!("{what}; containers go on as they are; archipelago install {source} stores it anew")
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

    #[test]
    fn the_cure_for_damage_names_where_the_app_came_from() {
        let cause = |source: &str, damage: Damage| {
            let app = AppId::parse("web").unwrap();
            damage.cause(Path::new("/releases/1"), &app, source)
        };
        assert_eq!(
            cause("catalog", Damage::Missing),
            "its definition /releases/1 is missing; containers go on as they are; archipelago install web stores it anew"
        );
        assert_eq!(
            cause("/home/me/web", Damage::Changed),
            "its definition /releases/1 is not as it was installed: a file in it was changed, added or removed; containers go \
             on as they are; archipelago install /home/me/web stores it anew"
        );
    }
}
