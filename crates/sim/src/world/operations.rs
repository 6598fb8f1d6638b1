//! The operations that commands have begun, kept for the checks at the end.

use archipelago_core::operation::Record;

/// The change of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) record: Record,
    /// The images that the command builds before.
    pub(crate) builds: Vec<String>,
    /// The new content of the intent; `None` when it stays.
    pub(crate) intent: Option<String>,
    /// The version of the definition, for an installation.
    pub(crate) version: Option<u8>,
}

/// An operation that a command has begun.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    pub(crate) change: Change,
    /// Whether its end was reported, by the command or in the journal.
    pub(crate) is_reported: bool,
}
