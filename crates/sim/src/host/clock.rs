//! The two clocks of a host.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The time since the boot, which nobody can set.
    pub since_boot: Duration,
    /// The time of day in Unix seconds, which anybody may set.
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
    pub fn advance(&mut self, time: Duration) {
        self.since_boot += time;
        self.wall += i64::try_from(time.as_secs()).unwrap_or_default();
    }
}
