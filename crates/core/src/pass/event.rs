//! An action that was tried, for doors and the journal.

use serde::Serialize;

use crate::action::{Action, Summary};
use crate::operation::id::OperationId;
use crate::reconcile::Outcome;

/// An action that was tried, with how it went. It holds nothing of what a file or a secret holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    #[serde(flatten)]
    pub summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationId>,
    pub done: bool,
    /// The kind of its failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
}

impl Event {
    /// `None` for an action that was left out, and for Archipelago's own notes.
    #[must_use]
    pub fn of(action: &Action, outcome: &Outcome) -> Option<Self> {
        let cause = match outcome {
            Outcome::Done => None,
            Outcome::Failed(cause) => Some(cause.kind()),
            Outcome::Refused(_) => Some("units_refused"),
            Outcome::Skipped => return None,
        };
        let done = cause.is_none();
        (!action.is_bookkeeping() || !done).then(|| Self {
            summary: action.summary(),
            operation: action.operation(),
            done,
            cause,
        })
    }
}
