//! The registries: the outcome and the time of pulls and builds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The outcome of a pull or a build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullOutcome {
    #[default]
    Succeeds,
    Fails,
    /// The image arrives, and the call reports a failure.
    SucceedsButReportsFailure,
    /// The call reports success, and no image arrives.
    FailsButReportsSuccess,
    /// The pull never ends.
    Hangs,
}

/// The time of a pull that does not hang.
pub const PULL_TIME: Duration = Duration::from_millis(400);

#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// The outcome of every pull.
    pub outcome: PullOutcome,
}
