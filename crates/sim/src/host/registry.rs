//! The registries: how a pull or a build ends, and how long it takes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a pull or a build ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullOutcome {
    #[default]
    Succeeds,
    Fails,
    /// The image arrives, and the call reports a failure.
    SucceedsButReportsFailure,
    /// The call reports success, and no image arrives.
    FailsButReportsSuccess,
    /// It never ends.
    Hangs,
}

/// How long a pull takes, unless it hangs.
pub const PULL_TIME: Duration = Duration::from_millis(400);

#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// How every pull ends.
    pub outcome: PullOutcome,
}
