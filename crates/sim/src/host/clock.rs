//! The two clocks of a host.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Time since the boot, the same for all processes; nobody can set it.
    pub since_boot: Duration,
    /// Time of day in seconds; anybody may set it to anything.
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
