//! The clocks of passes.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time since the boot, which all processes agree on and which no clock change moves.
#[must_use]
pub(crate) fn since_boot() -> Duration {
    read(ClockId::Monotonic)
}

/// The processor time that this thread has used.
pub(crate) fn thread_cpu_time() -> Duration {
    read(ClockId::ThreadCPUTime)
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}
