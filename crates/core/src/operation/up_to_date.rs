//! The passes before an operation that changes the units of an installed app.
//!
//! Units of another version of Archipelago are brought up to date first, so that the operation's
//! change is seen as one.

use super::{Kind, Proposal};

/// A pass that learns of the images, one that writes, and one that has nothing to do.
const PASSES_MAX: usize = 3;

/// The passes that an operation still waits for before it begins.
#[derive(Clone, Copy, Debug)]
pub struct UpToDate {
    passes_left: usize,
}

impl UpToDate {
    #[must_use]
    pub fn before(proposal: &Proposal) -> Self {
        Self {
            passes_left: match changes_installed(proposal) {
                true => PASSES_MAX,
                false => 0,
            },
        }
    }

    /// Whether another pass must be made first.
    #[must_use]
    pub fn needs_pass(&self) -> bool {
        self.passes_left > 0
    }

    /// A pass was made; `acted` says whether it did something.
    pub fn passed(&mut self, acted: bool) {
        self.passes_left = match acted {
            true => self.passes_left.saturating_sub(1),
            false => 0,
        };
    }
}

/// Whether an operation changes the units of an app that is installed already.
fn changes_installed(proposal: &Proposal) -> bool {
    let changes_definition = proposal
        .installation()
        .is_some_and(|app| !app.is_new && !app.is_unchanged);
    changes_definition || (proposal.kind == Kind::Rebuild && proposal.intent.is_some())
}
