//! An action for doors and the journal.

use serde::Serialize;

use super::{Action, Reason, reason};
use crate::name::AppId;

/// An action in a few words. It holds nothing of what a file or a secret holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// `None`: it is for the host as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// The action's kind.
    pub action: &'static str,
    /// The file, service or object that it is about, where it is about a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(serialize_with = "reason::with_message")]
    pub reason: Reason,
}

impl Action {
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            app: self.app().cloned(),
            action: self.kind(),
            target: self.target(),
            reason: self.reason().clone(),
        }
    }
}
