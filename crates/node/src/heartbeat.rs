//! Tells systemd that the loop makes progress, for as long as it does.
//!
//! The loop marks each step that it begins, with the longest time that the step may take. The
//! watchdog is fed only while the last mark is within its time, and from the thread that the loop
//! runs on: a step that never ends, and a thread that is stuck, both end in a restart of the
//! daemon, which touches no container.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use archipelago_core::reconcile::TICK;
use sd_notify::NotifyState;
use tokio::time::Instant;

/// The longest that a step of a pass may take. Podman may delete the files of a volume for ten
/// minutes before it answers.
const STEP_LIMIT: Duration = Duration::from_secs(15 * 60);
/// The longest time between two passes: the tick, and as long again for a busy host.
const IDLE_LIMIT: Duration = TICK.saturating_mul(2);

/// The loop's last mark; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Heartbeat(Rc<Cell<Mark>>);

#[derive(Clone, Copy, Debug)]
struct Mark {
    set: Instant,
    limit: Duration,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self(Rc::new(Cell::new(Mark {
            set: Instant::now(),
            limit: STEP_LIMIT,
        })))
    }
}

impl Heartbeat {
    /// A step of a pass begins.
    pub(crate) fn step(&self) {
        self.mark(STEP_LIMIT);
    }

    /// A pass is over; the loop waits for the next one.
    pub(crate) fn idle(&self) {
        self.mark(IDLE_LIMIT);
    }

    fn mark(&self, limit: Duration) {
        self.0.set(Mark {
            set: Instant::now(),
            limit,
        });
    }

    fn is_alive(&self) -> bool {
        let Mark { set, limit } = self.0.get();
        set.elapsed() <= limit
    }

    /// Feeds the watchdog, if systemd asked for that (`WatchdogSec=`), for as long as the loop gets
    /// on. Runs beside the loop, on its thread.
    pub(crate) async fn feed_watchdog(&self) {
        let Some(limit) = sd_notify::watchdog_enabled() else {
            return std::future::pending().await;
        };
        self.feed(limit, || notify(&[NotifyState::Watchdog])).await;
    }

    async fn feed(&self, limit: Duration, mut feed: impl FnMut()) {
        let mut told = false;
        loop {
            if self.is_alive() {
                feed();
                told = false;
            } else if !std::mem::replace(&mut told, true) {
                tracing::error!(
                    "a pass has been at the same step for too long; systemd restarts this daemon, which no container notices"
                );
            }
            tokio::time::sleep(limit / 3).await;
        }
    }
}

/// Tells systemd something. It may not be listening: the daemon can be started by hand.
pub(crate) fn notify(states: &[NotifyState<'_>]) {
    if let Err(failure) = sd_notify::notify(states) {
        tracing::warn!("systemd was not told: {failure}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the keep-alives within `limit` for a watchdog with a timeout of 180 s, which is fed
    /// every 60 s, while `work` marks its steps.
    async fn fed(limit: Duration, heartbeat: &Heartbeat, work: impl Future<Output = ()>) -> u32 {
        let count = Cell::new(0);
        let feed = heartbeat.feed(Duration::from_secs(180), || count.set(count.get() + 1));
        tokio::select! {
            () = feed => {}
            () = work => {}
            () = tokio::time::sleep(limit) => {}
        }
        count.get()
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_makes_passes_is_alive_and_one_that_waits_for_ever_is_not() {
        let almost_an_hour = Duration::from_secs(3_590);
        let heartbeat = Heartbeat::default();
        let ticks = async {
            loop {
                heartbeat.step();
                heartbeat.idle();
                tokio::time::sleep(TICK).await;
            }
        };
        assert_eq!(fed(almost_an_hour, &heartbeat, ticks).await, 60);
        // A pass of many slow steps is no hang.
        let slow = async {
            loop {
                heartbeat.step();
                tokio::time::sleep(Duration::from_secs(600)).await;
            }
        };
        assert_eq!(fed(almost_an_hour, &heartbeat, slow).await, 60);
        heartbeat.step();
        assert_eq!(
            fed(almost_an_hour, &heartbeat, std::future::pending()).await,
            16
        );
        heartbeat.idle();
        assert_eq!(
            fed(almost_an_hour, &heartbeat, std::future::pending()).await,
            2
        );
    }
}
