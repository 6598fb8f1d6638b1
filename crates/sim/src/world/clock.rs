//! The two clocks of a host.

use std::time::Duration;

/// What the clocks show.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The time since the boot, which all processes share and nobody sets.
    pub since_boot: Duration,
    /// The time of the day in seconds, which anybody may set to anything.
    pub wall: i64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            since_boot: Duration::from_secs(60),
            wall: 1_800_000_000,
        }
    }
}

impl Clock {
    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        self.since_boot += time;
        self.wall += i64::try_from(time.as_secs()).unwrap_or_default();
    }
}
