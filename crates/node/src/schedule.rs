//! The times of passes: at the start, on the tick, on a wake-up, and when something that failed is
//! due again. One pass at a time; notifications during a pass lead to one more pass, not many. The
//! clock is tokio's, so tests pause it.

use std::time::Duration;

use archipelago_core::reconcile::{GAP, GAP_MAX, pause};
use tokio::time::{Instant, sleep_until};

use archipelago_host::wakeup::Wakeup;

use crate::clock::thread_cpu_time;

/// When a pass wants the next one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Next {
    /// It did something: make another one at once.
    pub(crate) again: bool,
    /// Something that failed is due after this time.
    pub(crate) wake_after: Option<Duration>,
}

/// While passes follow each other, they take at most this part of a processor: observing a process
/// that keeps changing things must cost little beside that process.
const SHARE: u32 = 10;

/// Measures a pass, from its beginning.
pub(crate) struct Pace {
    spent_before: Duration,
}

impl Pace {
    /// Begins to measure.
    pub(crate) fn begin() -> Self {
        Self {
            spent_before: thread_cpu_time(),
        }
    }

    /// The shortest pause before the next pass. Called when this one has ended.
    pub(crate) fn gap(&self) -> Duration {
        gap(thread_cpu_time().saturating_sub(self.spent_before))
    }
}

fn gap(cost: Duration) -> Duration {
    (cost * (SHARE - 1)).clamp(GAP, GAP_MAX)
}

/// Makes passes until `stop` ends. A pass that is under way then is dropped, which is no worse than
/// a crash: passes are made for that.
pub(crate) async fn run(
    mut pass: impl AsyncFnMut() -> Next,
    wakeup: &Wakeup,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(stop);
    loop {
        let pace = Pace::begin();
        let next = tokio::select! {
            biased;
            () = &mut stop => return,
            next = pass() => next,
        };
        let ended = Instant::now();
        let gap = pace.gap();
        let wait = pause(next.again, next.wake_after).max(gap);
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = sleep_until(ended + wait) => {}
            () = wakeup.notified_after(ended + gap) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[test]
    fn an_expensive_pass_is_followed_by_a_longer_pause() {
        let check = |cost_ms, expected_ms| {
            let gap = gap(Duration::from_millis(cost_ms));
            assert_eq!(gap, Duration::from_millis(expected_ms), "{cost_ms} ms");
        };
        check(0, 20);
        check(2, 20);
        check(8, 72);
        check(1_000, 1_000);
        let pace = Pace::begin();
        let spend_until = thread_cpu_time() + Duration::from_millis(10);
        while thread_cpu_time() < spend_until {}
        assert!(pace.gap() >= Duration::from_millis(90));
    }

    /// Runs for `limit` on a paused clock and returns the times at which passes began, in
    /// milliseconds.
    async fn begun(
        limit: Duration,
        wakeup: &Wakeup,
        mut pass: impl AsyncFnMut(usize) -> Next,
    ) -> Vec<u128> {
        let start = Instant::now();
        let times = RefCell::new(Vec::new());
        let one = async || {
            let count = times.borrow().len();
            times.borrow_mut().push(start.elapsed().as_millis());
            pass(count).await
        };
        run(one, wakeup, tokio::time::sleep(limit)).await;
        times.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_is_made_at_the_start_and_on_every_tick() {
        let times = begun(Duration::from_secs(100), &Wakeup::default(), async |_| {
            Next::default()
        })
        .await;
        assert_eq!(times, [0, 30_000, 60_000, 90_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_is_tried_again_when_it_is_due_and_never_later_than_the_tick() {
        let waits = [10, 20, 40, 80].map(Duration::from_secs);
        let times = begun(Duration::from_secs(95), &Wakeup::default(), async |count| {
            Next {
                again: false,
                wake_after: waits.get(count).copied(),
            }
        })
        .await;
        assert_eq!(times, [0, 10_000, 30_000, 60_000, 90_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_that_acted_is_followed_by_another() {
        let times = begun(Duration::from_secs(20), &Wakeup::default(), async |count| {
            Next {
                again: count < 2,
                wake_after: None,
            }
        })
        .await;
        assert_eq!(times, [0, 20, 40]);
    }

    #[tokio::test(start_paused = true)]
    async fn many_notifications_during_a_pass_lead_to_one_more_and_passes_never_overlap() {
        let wakeup = Wakeup::default();
        let running = Cell::new(false);
        let times = begun(Duration::from_secs(25), &wakeup, async |count| {
            assert!(!running.replace(true), "two passes at once");
            if count == 0 {
                for _ in 0..10 {
                    wakeup.notify();
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            running.set(false);
            Next::default()
        })
        .await;
        assert_eq!(times, [0, 1_020]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_that_hangs_does_not_hold_up_the_end() {
        let start = Instant::now();
        let times = begun(Duration::from_secs(5), &Wakeup::default(), async |_| {
            std::future::pending().await
        })
        .await;
        assert_eq!((times.len(), start.elapsed()), (1, Duration::from_secs(5)));
    }
}
