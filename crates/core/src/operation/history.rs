//! The history of an app: the earlier intents that are kept to go back to, and its last changes
//! with their outcome.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::desired::read_schema;
use crate::image::Reference;
use crate::intent::Intent;
use crate::manifest::{Files, ImageSource, Manifest, Settings};
use crate::name::AppId;
use crate::release::ReleaseId;

use super::{Ending, Kind, OperationId, Record, Refusal, Verdict, Version};

/// How many changes of an app are remembered.
pub const CHANGES_KEPT: usize = 20;

/// The fewest digits by which a release may be named.
const DIGITS_MIN: usize = 4;

/// An intent that was replaced and is kept, with the definition that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Later ones have higher numbers.
    pub number: u64,
    /// When it was replaced, by the wall clock, in seconds since 1970.
    pub replaced_unix_s: u64,
    pub intent: Intent,
    /// The files of its definition; `None` when they are not stored any more.
    pub files: Option<Files>,
}

/// A change of an app's version that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub id: OperationId,
    pub kind: Kind,
    /// By the wall clock, in seconds since 1970.
    pub asked_unix_s: u64,
    /// The version that was asked for.
    #[serde(flatten)]
    pub version: Version,
    #[serde(flatten)]
    pub outcome: Outcome,
    /// For an update: the time from the stop of the old version until the app was ready again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_ms: Option<u64>,
}

/// The outcome of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The app was as asked.
    Reached,
    /// The app was as asked for by somebody else meanwhile.
    Overtaken,
    /// It did not work, and stayed so.
    Failed { cause: String },
    /// It did not work, and everything is as before.
    Undone { cause: String },
    /// Nobody followed it to its end.
    LeftAlone,
}

/// The last changes of an app, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Changes(pub Vec<Change>);

impl Change {
    /// The change by an operation that has ended; `None` when it did not change the version.
    #[must_use]
    pub fn of(record: &Record, ending: &Ending) -> Option<Self> {
        let version = record.version.clone()?;
        (!record.changes_nothing()).then_some(())?;
        Some(Self {
            id: record.id,
            kind: record.kind,
            asked_unix_s: record.asked_unix_s,
            version,
            outcome: Outcome::of(ending)?,
            downtime_ms: None,
        })
    }
}

impl Outcome {
    fn of(ending: &Ending) -> Option<Self> {
        Some(match ending {
            Ending::NotBegun => return None,
            Ending::Superseded => Self::Overtaken,
            Ending::LeftAlone => Self::LeftAlone,
            Ending::Followed(verdict) => match verdict {
                Verdict::Wait(_) => return None,
                Verdict::Reached(_) => Self::Reached,
                Verdict::Gone | Verdict::Overtaken(_) => Self::Overtaken,
                Verdict::Failed(health) => Self::Failed {
                    cause: health.message(),
                },
                Verdict::Silent(_) => Self::Failed {
                    cause: "it runs, but does not answer".to_owned(),
                },
            },
        })
    }

    /// The word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reached => "done",
            Self::Overtaken => "overtaken",
            Self::Failed { .. } => "failed",
            Self::Undone { .. } => "undone",
            Self::LeftAlone => "not followed to its end",
        }
    }

    /// Why it did not work.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Failed { cause } | Self::Undone { cause } => Some(cause),
            Self::Reached | Self::Overtaken | Self::LeftAlone => None,
        }
    }
}

impl Changes {
    /// Reads the content of the file. A damaged file counts as empty: nothing depends on it.
    #[must_use]
    pub fn parse(content: Option<&[u8]>) -> Self {
        let read = content.and_then(|content| serde_json::from_slice(content).ok());
        read.unwrap_or_default()
    }

    /// The content of the file.
    ///
    /// # Panics
    /// Never: the type holds nothing that JSON cannot say.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("changes are texts and numbers");
        bytes.push(b'\n');
        bytes
    }

    /// Adds a change, once, and forgets the oldest beyond the bound.
    pub fn add(&mut self, change: Change) {
        self.0.retain(|known| known.id != change.id);
        self.0.push(change);
        let beyond = self.0.len().saturating_sub(CHANGES_KEPT);
        self.0.drain(..beyond);
    }

    /// The last change, if it was an update that was undone.
    #[must_use]
    pub fn last_undone(&self) -> Option<&Change> {
        let last = self.0.last();
        last.filter(|change| matches!(change.outcome, Outcome::Undone { .. }))
    }
}

/// The images of an app with this intent and definition, by service, as far as that can be told.
#[must_use]
pub fn images_of(app: &AppId, intent: &Intent, files: Option<&Files>) -> BTreeMap<String, String> {
    let Some(manifest) = files.and_then(|files| manifest_of(app, intent, files)) else {
        return BTreeMap::new();
    };
    let images = manifest.services.into_iter().map(|(name, service)| {
        let image = match service.image {
            ImageSource::Reference(text) => match Reference::parse(&text) {
                Ok(written) => intent.images.get(&written).unwrap_or(&written).to_string(),
                Err(_) => text,
            },
            ImageSource::Build(_) => "built on this node".to_owned(),
        };
        (name, image)
    });
    images.collect()
}

fn manifest_of(app: &AppId, intent: &Intent, files: &Files) -> Option<Manifest> {
    let schema = read_schema("", files, app.as_str()).ok()?;
    let settings = &schema.extension.settings;
    let settings = Settings::settle(app.as_str(), settings, &intent.settings).ok()?;
    schema.manifest(&settings, files).ok()
}

/// The kept intent to go back to: the one that was named, by its number or the beginning of its
/// release, or else the last one that is another version than the present one.
///
/// # Errors
/// When there is none, or its definition is not stored any more.
pub fn choose<'k>(
    app: &AppId,
    kept: &'k [Kept],
    present: &Intent,
    named: Option<&str>,
) -> Result<&'k Kept, Refusal> {
    let mut latest_first: Vec<&Kept> = kept.iter().collect();
    latest_first.sort_by_key(|kept| std::cmp::Reverse(kept.number));
    let found = match named {
        None => latest_first
            .into_iter()
            .find(|kept| !kept.intent.is_same_version(present))
            .ok_or_else(|| Refusal::NoEarlier(app.clone()))?,
        Some(name) => find(&latest_first, name).ok_or_else(|| Refusal::NotKept {
            app: app.clone(),
            name: name.to_owned(),
        })?,
    };
    match (&found.files, &found.intent.release) {
        (Some(files), Some(release)) if ReleaseId::of(files) == *release => Ok(found),
        _ => Err(Refusal::NotStored {
            app: app.clone(),
            number: found.number,
        }),
    }
}

fn find<'k>(latest_first: &[&'k Kept], name: &str) -> Option<&'k Kept> {
    let mut all = latest_first.iter().copied();
    if let Some(kept) = name
        .parse()
        .ok()
        .and_then(|number: u64| all.find(|kept| kept.number == number))
    {
        return Some(kept);
    }
    let is_named = |kept: &&&Kept| {
        let release = kept.intent.release.as_ref();
        name.len() >= DIGITS_MIN && release.is_some_and(|id| id.as_str().starts_with(name))
    };
    let named: Vec<&Kept> = latest_first.iter().filter(is_named).copied().collect();
    let first = named.first()?;
    let is_one = named
        .iter()
        .all(|kept| kept.intent.release == first.intent.release);
    is_one.then_some(*first)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::file::{File, FileMode};

    fn files(text: &str) -> Files {
        let file = File {
            content: text.as_bytes().into(),
            mode: FileMode::of_bits(0o644),
        };
        Files::from([("compose.yaml".to_owned(), file)])
    }

    fn kept(number: u64, text: &str) -> Kept {
        let files = files(text);
        Kept {
            number,
            replaced_unix_s: number,
            intent: Intent {
                release: Some(ReleaseId::of(&files)),
                ..Intent::default()
            },
            files: Some(files),
        }
    }

    #[test]
    fn a_kept_intent_is_named_by_its_number_or_release_and_is_else_the_last_other_one() {
        let app = AppId::parse("web").unwrap();
        let mut gone = kept(9, "gone");
        gone.files = None;
        let all = [
            kept(1, "one"),
            kept(2, "two"),
            kept(7, "three"),
            kept(8, "two"),
            gone,
        ];
        let present = kept(0, "three").intent;
        let release = |text: &str| ReleaseId::of(&files(text)).as_str().to_owned();
        let check = |kept: &[Kept], named: Option<&str>, expected: Result<u64, &str>| {
            let found = choose(&app, kept, &present, named);
            let found = found
                .map(|kept| kept.number)
                .map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{named:?}");
        };
        check(&all[..4], None, Ok(8));
        check(&all[..3], None, Ok(2));
        check(&all, Some("1"), Ok(1));
        check(&all, Some("7"), Ok(7));
        check(&all, Some(&release("two")[..12]), Ok(8));
        check(
            &all[2..3],
            None,
            Err("no earlier version of web is kept; archipelago history web shows the kept ones"),
        );
        check(
            &all,
            Some("3"),
            Err(
                "no kept version of web is named \"3\"; archipelago history web shows the kept ones",
            ),
        );
        check(
            &all,
            Some(&release("one")[..3]),
            Err(&format!(
                "no kept version of web is named {:?}; archipelago history web shows the kept ones",
                &release("one")[..3]
            )),
        );
        check(
            &all,
            None,
            Err(
                "the definition of version 9 of web is not stored any more; archipelago history web shows the kept ones",
            ),
        );
    }

    #[test]
    fn changes_survive_their_file_and_are_bounded() {
        let change = |number: u32, outcome| Change {
            id: OperationId::new(Duration::from_secs(1), number),
            kind: Kind::Install,
            asked_unix_s: 1,
            version: Version {
                release: Some(ReleaseId::of(&files("one"))),
                version: "2.1".to_owned(),
            },
            outcome,
            downtime_ms: Some(1_200),
        };
        let undone = || Outcome::Undone {
            cause: "it exits".to_owned(),
        };
        let mut changes = Changes::default();
        for number in 0..30 {
            changes.add(change(number, Outcome::Reached));
        }
        changes.add(change(29, undone()));
        assert_eq!(changes.0.len(), CHANGES_KEPT);
        assert_eq!(changes.0[0].id, change(10, Outcome::Reached).id);
        assert_eq!(changes.last_undone(), Some(&change(29, undone())));
        assert_eq!(Changes::parse(Some(&changes.to_bytes())), changes);
        changes.add(change(30, Outcome::Reached));
        assert_eq!(changes.last_undone(), None);
        assert_eq!(Changes::parse(Some(b"{")), Changes::default());
    }
}
