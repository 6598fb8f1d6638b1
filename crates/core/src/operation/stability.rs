//! How long a service that has just started must stay up before its app is called ready.
//!
//! A container with a wrong option ends as soon as it gets to run. On a busy host that may take a
//! while, so the time counts in which nobody had to wait for a processor or a disk: the kernel's
//! pressure stall information (`Documentation/accounting/psi.rst`).

use std::time::Duration;

/// Undisturbed, a container that cannot run mostly ends within this time. `status` shows what ends
/// later; to wait for that would make every installation slow.
const UNDISTURBED: Duration = Duration::from_millis(200);
/// The longest wait, for a host that is always busy.
const AT_MOST: Duration = Duration::from_secs(3);
/// The wait on a host whose kernel has no pressure stall information.
const WITHOUT_PRESSURE: Duration = Duration::from_secs(2);

/// A time during which services stay up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stability {
    began: Duration,
    stalled_before: Option<Duration>,
}

impl Stability {
    /// `now` is a monotonic time; `stalled` the time since the boot in which somebody waited for a
    /// processor or disk.
    #[must_use]
    pub fn begin(now: Duration, stalled: Option<Duration>) -> Self {
        Self {
            began: now,
            stalled_before: stalled,
        }
    }

    /// The time that the services must still stay up; zero when it was long enough.
    #[must_use]
    pub fn left(&self, now: Duration, stalled: Option<Duration>) -> Duration {
        let elapsed = now.saturating_sub(self.began);
        let Some((stalled, before)) = stalled.zip(self.stalled_before) else {
            return WITHOUT_PRESSURE.saturating_sub(elapsed);
        };
        let undisturbed = elapsed.saturating_sub(stalled.saturating_sub(before));
        UNDISTURBED
            .saturating_sub(undisturbed)
            .min(AT_MOST.saturating_sub(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_undisturbed_time_counts() {
        let check = |elapsed: u64, stalled: Option<u64>, expected| {
            let milliseconds = Duration::from_millis;
            let stability =
                Stability::begin(milliseconds(1_000), stalled.map(|_| milliseconds(70)));
            let left = stability.left(
                milliseconds(1_000 + elapsed),
                stalled.map(|stalled| milliseconds(70 + stalled)),
            );
            assert_eq!(
                left,
                milliseconds(expected),
                "{elapsed} ms, of which {stalled:?} stalled"
            );
        };
        check(0, Some(0), 200);
        check(150, Some(0), 50);
        check(200, Some(0), 0);
        check(300, Some(250), 150);
        check(800, Some(900), 200);
        // Always disturbed.
        check(2_900, Some(2_900), 100);
        check(3_000, Some(3_000), 0);
        check(300, None, 1_700);
        check(2_000, None, 0);
    }
}
