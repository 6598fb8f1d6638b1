//! A container's health check.

use std::time::Duration;

/// A container's health check, in Podman's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// `["CMD", …]`, `["CMD-SHELL", text]` or `["NONE"]`.
    pub test: Vec<String>,
    /// Time between two checks.
    pub interval: Option<Duration>,
    /// Time one check may take.
    pub timeout: Option<Duration>,
    /// Failures in a row until it is unhealthy.
    pub retries: Option<u64>,
    /// Time after the start in which failures do not count.
    pub start_period: Option<Duration>,
    /// Time between two checks in that time.
    pub start_interval: Option<Duration>,
}

impl Health {
    /// The default interval of health checks while a service starts and others wait for it, as in
    /// Compose.
    pub(super) const START_INTERVAL: Duration = Duration::from_secs(5);

    /// Whether it says that there is no check.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.test.first().is_none_or(|kind| kind == "NONE")
    }
}
