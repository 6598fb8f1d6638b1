//! The version of an app that a person has agreed to, and an edit of its intent that waits because
//! it asks for more.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::intent::{Intent, WantedState};
use crate::manifest::{Files, ManifestErrors};
use crate::name::AppId;
use crate::release::ReleaseId;

/// The version of an app that a person has agreed to. It runs while an edit of the intent waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub intent: Intent,
    /// Its definition; empty where the present intent is this version.
    pub files: Files,
}

/// The beginning of the last line of its file. The hash of the lines above follows.
const SEAL: &str = "# sha256 ";

impl Granted {
    /// The content of its file: the intent, and the hash of it. Part of an intent may ask for more
    /// than the whole, because a setting that is missing has its default.
    #[must_use]
    pub fn to_text(intent: &Intent) -> String {
        let text = intent.to_text();
        let seal = seal(&text);
        format!("{text}{seal}")
    }

    /// Reads the intent from the content of its file; `None` unless it is as it was written.
    #[must_use]
    pub fn read(text: &str) -> Option<Intent> {
        let (body, end) = text.split_at(text.rfind(SEAL)?);
        let intent = Intent::parse("", body).ok()?;
        (seal(body) == end).then_some(intent)
    }

    /// Whether an intent is this version, in whatever state.
    #[must_use]
    pub fn is(&self, intent: &Intent) -> bool {
        self.wanted_as(intent) == *intent
    }

    /// This version in the state that an intent asks for.
    #[must_use]
    pub fn wanted_as(&self, intent: &Intent) -> Intent {
        Intent {
            state: intent.state,
            purge: intent.purge,
            ..self.intent.clone()
        }
    }

    /// Whether its definition is as it was stored.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.intent.release.as_ref() == Some(&ReleaseId::of(&self.files))
    }
}

fn seal(text: &str) -> String {
    format!("{SEAL}{}\n", hex(&Sha256::digest(text)))
}

/// Whether an intent needs nobody's agreement: it removes the app, it is the version that a person
/// has agreed to, or it is one of version 0.1.0, which asked nobody.
#[must_use]
pub fn is_settled(intent: &Intent, granted: Option<&Granted>) -> bool {
    let is_agreed = match granted {
        None => intent.release.is_none(),
        Some(granted) => granted.is(intent),
    };
    is_agreed || intent.state == WantedState::Removed
}

/// An edited intent that waits for a person's agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub intent: Intent,
    /// Its definition.
    pub files: Files,
    pub waits: Waits,
}

/// An edited intent that waits for a person, and for which rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    pub app: AppId,
    pub cause: WaitCause,
    /// Whether there is a version that a person has agreed to. If not, the app's units are left as
    /// they are.
    pub has_granted: bool,
}

/// Why an edited intent waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitCause {
    /// The new rights, the worst first: the word that agrees to each, and its description.
    Asks(Vec<(String, String)>),
    /// No app may have what it asks for.
    Never(ManifestErrors),
}

impl fmt::Display for Waits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            app,
            cause,
            has_granted,
        } = self;
        let meanwhile = match has_granted {
            true => "it stays as it was",
            false => "nothing of it is changed",
        };
        match cause {
            WaitCause::Never(errors) => write!(
                formatter,
                "its intent was edited, and no app may have what it asks for now: {errors}; {meanwhile} until the edit is undone"
            ),
            WaitCause::Asks(asks) => {
                let may: Vec<String> = asks
                    .iter()
                    .map(|(_, may)| format!("it may {may}"))
                    .collect();
                write!(
                    formatter,
                    "its intent was edited and asks for more than a person has agreed to: {}; {meanwhile} until a person agrees: archipelago set {app}",
                    may.join(", ")
                )?;
                for (word, _) in asks {
                    // Only a text with a zero byte cannot be quoted, and no intent can hold one.
                    let word = shlex::try_quote(word).unwrap_or_default();
                    write!(formatter, " --allow {word}")?;
                }
                Ok(())
            }
        }
    }
}
