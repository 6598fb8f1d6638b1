//! The rules for every action, and the refusal of an action that breaks one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An action that must not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error(
    "Archipelago refused a step of its own plan: {what}: {rule}. Nothing was done. Please report this defect of Archipelago."
)]
pub struct Refused {
    pub(crate) what: String,
    pub(crate) rule: Rule,
}

impl Refused {
    /// The rule that it breaks.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }
}

/// The rules that every action follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rule {
    /// It touches only what bears the name and, where it exists, the mark of its app.
    Ours,
    /// Data are removed only after the operator asked for that by name.
    DataKept,
    /// A secret is generated only where there is none.
    SecretKept,
    /// A running, wanted service is stopped only for a reason that the plan records.
    StopsForAReason,
    /// A written file has the desired content.
    Wanted,
    /// An app is forgotten last.
    ForgottenLast,
    /// Nothing is done while the data folder is not this node's.
    DataPresent,
    /// A release is removed only when nothing needs it.
    ReleaseKept,
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ours => "it is not this app's",
            Self::DataKept => "nobody asked to remove it",
            Self::SecretKept => "there is a secret already",
            Self::StopsForAReason => "it runs as it should",
            Self::Wanted => "it differs from what should be there",
            Self::ForgottenLast => "something of the app is still there",
            Self::DataPresent => "the data folder is not this node's",
            Self::ReleaseKept => "something needs it",
        })
    }
}
