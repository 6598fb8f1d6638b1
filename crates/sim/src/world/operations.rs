//! The operations that commands have begun, kept for the checks at the end.

use std::sync::Arc;

use archipelago_core::desired::DesiredImage;
use archipelago_core::manifest::Files;
use archipelago_core::operation::{Effect, Proposal, Record};

/// The change of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) record: Record,
    pub(crate) proposal: Arc<Proposal>,
}

impl Change {
    /// The images that the command builds before.
    pub(crate) fn builds(&self) -> Vec<String> {
        builds(&self.proposal)
    }

    /// The files of the definition that the intent will name, for `install` and `set`.
    pub(crate) fn files(&self) -> Option<&Files> {
        let installation = self.proposal.installation();
        installation.map(|installation| &installation.files)
    }
}

/// The images that a command builds before it changes the intent.
pub(crate) fn builds(proposal: &Proposal) -> Vec<String> {
    let Effect::Rebuild(rebuild) = &proposal.effect else {
        return Vec::new();
    };
    let reference = |image: &DesiredImage| image.reference.to_string();
    rebuild.new_images.values().map(reference).collect()
}

/// An operation that a command has begun.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    pub(crate) change: Change,
    /// Whether its end was reported, by the command or in the journal.
    pub(crate) is_reported: bool,
}
