//! How long what has just started must go on before it is called ready.
//!
//! A container that cannot run, for a wrong option say, ends as soon as it gets to run. On a busy host that may take a while, so what counts is time
//! in which nobody had to wait for a processor or a disk: the kernel's pressure stall information, `Documentation/accounting/psi.rst`.

use std::time::{Duration, Instant};

/// Undisturbed, it mostly ends within this time. What ends later, `status` tells; to wait for that would make every installation as slow.
const UNDISTURBED: Duration = Duration::from_millis(200);
/// On a host that is always busy.
const AT_MOST: Duration = Duration::from_secs(3);
/// On a host whose kernel does not tell.
const UNTOLD: Duration = Duration::from_secs(2);

/// A time in which something goes on.
pub(super) struct Proof {
    began: Instant,
    waited_before: Option<Duration>,
}

impl Proof {
    /// It goes on from now.
    pub(super) fn begin() -> Self {
        Self {
            began: Instant::now(),
            waited_before: waited(),
        }
    }

    /// How much longer it must go on; zero when that was enough.
    pub(super) fn left(&self) -> Duration {
        let waited = waited().zip(self.waited_before);
        left(
            self.began.elapsed(),
            waited.map(|(now, before)| now.saturating_sub(before)),
        )
    }
}

fn left(elapsed: Duration, waited: Option<Duration>) -> Duration {
    let Some(waited) = waited else {
        return UNTOLD.saturating_sub(elapsed);
    };
    let undisturbed = elapsed.saturating_sub(waited);
    UNDISTURBED
        .saturating_sub(undisturbed)
        .min(AT_MOST.saturating_sub(elapsed))
}

/// The time since the boot in which somebody had to wait for a processor or a disk.
fn waited() -> Option<Duration> {
    let of = |what: &str| {
        let told = std::fs::read_to_string(format!("/proc/pressure/{what}")).ok()?;
        total(&told)
    };
    Some(of("cpu")? + of("io")?)
}

fn total(told: &str) -> Option<Duration> {
    let some = told.lines().find(|line| line.starts_with("some "))?;
    let microseconds = some.rsplit_once("total=")?.1.parse().ok()?;
    Some(Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_time_in_which_nobody_waits() {
        let check = |elapsed, waited: Option<u64>, expected| {
            let milliseconds = Duration::from_millis;
            let left = left(milliseconds(elapsed), waited.map(milliseconds));
            assert_eq!(
                left,
                milliseconds(expected),
                "{elapsed} ms, {waited:?} waited"
            );
        };
        check(0, Some(0), 200);
        check(150, Some(0), 50);
        check(200, Some(0), 0);
        check(300, Some(250), 150);
        check(800, Some(900), 200);
        // Never undisturbed.
        check(2_900, Some(2_900), 100);
        check(3_000, Some(3_000), 0);
        check(300, None, 1_700);
        check(2_000, None, 0);
    }

    #[test]
    fn the_kernels_words_are_understood() {
        let told = "some avg10=1.53 avg60=0.87 avg300=0.30 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        assert_eq!(total(told), Some(Duration::from_millis(2_500)));
        assert_eq!(total("none"), None);
    }
}
