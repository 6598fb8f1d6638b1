//! The operations that commands began, for the checks at the end.

use archipelago_core::operation::Record;

/// The change of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) record: Record,
    /// The content of the intent, if it is to be another one.
    pub(crate) intent: Option<String>,
    /// The version of the definition, for an installation.
    pub(crate) version: Option<u8>,
}

/// An operation that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    pub(crate) change: Change,
    /// Whether somebody was told how it ended: the person at the command, or the journal.
    pub(crate) is_told: bool,
}
