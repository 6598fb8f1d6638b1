//! A foreseen action, for doors.

use serde::Serialize;

use crate::action::{Action, Reason, reason};
use crate::name::AppId;

/// An action that a pass will try. It holds nothing of what a file or a secret holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
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

impl Planned {
    /// `None` for Archipelago's own notes.
    #[must_use]
    pub fn of(action: &Action) -> Option<Self> {
        (!action.is_bookkeeping()).then(|| Self {
            app: action.app().cloned(),
            action: action.kind(),
            target: action.target(),
            reason: action.reason().clone(),
        })
    }
}
