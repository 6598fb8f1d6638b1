//! An app's version that a person has agreed to, and an edit of its intent that waits because it
//! asks for more.

use std::collections::BTreeMap;
use std::fmt;

use crate::intent::{Intent, WantedState};
use crate::manifest::{Files, ManifestErrors};
use crate::name::AppId;
use crate::release::ReleaseId;

/// The version of an app that a person has agreed to: of an edited intent, what runs until a person
/// agrees to the edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub intent: Intent,
    /// Its definition; empty where the present intent has it.
    pub files: Files,
}

impl Granted {
    /// Whether the intent is this version, be the app running or not.
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

    /// Whether its definition is there as it was stored.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.intent.release.as_ref() == Some(&ReleaseId::of(&self.files))
    }
}

/// Whether an intent needs nobody's agreement: it is the granted version, or there is nothing to
/// agree to.
#[must_use]
pub fn is_settled(intent: &Intent, granted: Option<&Granted>) -> bool {
    match granted {
        // An intent of version 0.1.0 asked nobody, until it names a release.
        None => intent.release.is_none() || intent.state == WantedState::Removed,
        Some(granted) => intent.state == WantedState::Removed || granted.is(intent),
    }
}

/// An edited intent that waits for a person's agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub intent: Intent,
    /// Its definition.
    pub files: Files,
    pub waits: Waits,
}

/// What an edited intent waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    pub app: AppId,
    pub cause: WaitCause,
    /// Whether there is a version that a person has agreed to. If not, what is there of the app is
    /// left as it is.
    pub has_granted: bool,
}

/// Why an edited intent waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitCause {
    /// By the words that agree to it: what the app may do then.
    Asks(BTreeMap<String, String>),
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
                formatter.write_str(
                    "its intent was edited and asks for more than a person has agreed to:",
                )?;
                for (index, may) in asks.values().enumerate() {
                    let and = if index == 0 { "" } else { "," };
                    write!(formatter, "{and} it may {may}")?;
                }
                write!(
                    formatter,
                    "; {meanwhile} until a person agrees: archipelago set {app}"
                )?;
                for word in asks.keys() {
                    // Only a text with a zero byte cannot be quoted, and no intent can hold one.
                    let word = shlex::try_quote(word).unwrap_or_default();
                    write!(formatter, " --allow {word}")?;
                }
                Ok(())
            }
        }
    }
}
