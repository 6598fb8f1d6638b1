//! The wake-up signal of the reconcile loop. A notification says that something happened and not
//! what, so notifications coalesce.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use archipelago_core::name::PREFIX;
use archipelago_core::reconcile::{BURST_MAX, SETTLE};
use futures_util::StreamExt;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::systemd::{Signal, Systemd};

/// The time after which a D-Bus connection that went away is tried again.
pub const RECONNECT: Duration = Duration::from_secs(2);

/// Enough for a thread that does nothing but wait.
const STACK_BYTES: usize = 64 * 1024;

/// A wake-up signal. Its clones share one signal.
#[derive(Clone, Debug, Default)]
pub struct Wakeup(Arc<Notify>);

impl Wakeup {
    /// Notifies. If nobody waits now, the next wait returns at once.
    pub fn notify(&self) {
        self.0.notify_one();
    }

    /// Waits for a notification, then until none has come for [`SETTLE`] (at most [`BURST_MAX`]),
    /// and not before `earliest`.
    pub async fn notified_after(&self, earliest: Instant) {
        self.0.notified().await;
        let latest = Instant::now() + BURST_MAX;
        loop {
            let still = (Instant::now() + SETTLE).min(latest);
            if timeout_at(still, self.0.notified()).await.is_err() {
                break;
            }
        }
        sleep_until(earliest).await;
    }

    /// Notifies when a file system is mounted or unmounted: it may hold the data
    /// (`proc_pid_mountinfo(5)`). Where that cannot be listened for, the tick finds it.
    pub fn notify_for_mounts(self) {
        let watch = move || {
            let Ok(table) = File::open("/proc/self/mountinfo") else {
                return;
            };
            loop {
                let mut polled = [PollFd::new(&table, PollFlags::PRI)];
                match poll(&mut polled, None) {
                    Ok(_) => self.notify(),
                    Err(Errno::INTR) => {}
                    Err(_) => return,
                }
            }
        };
        // It waits for as long as the program runs, which a task must not.
        let thread = std::thread::Builder::new().name("mounts".to_owned());
        if let Err(error) = thread.stack_size(STACK_BYTES).spawn(watch) {
            tracing::warn!("mounts are not watched: {error}");
        }
    }

    /// Notifies on signals of the user's systemd about our units. These are hints: they are lost
    /// while the user's D-Bus is away.
    pub async fn notify_for_systemd(self) {
        loop {
            if let Ok(systemd) = Systemd::connect().await
                && let Ok(mut signals) = systemd.signals(PREFIX).await
            {
                self.notify();
                let mut reloading = false;
                while let Some(signal) = signals.next().await {
                    if matters(&signal, &mut reloading) {
                        self.notify();
                    }
                }
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }
}

/// During a reload systemd removes and re-adds every unit; only the state after the reload counts.
fn matters(signal: &Signal, reloading: &mut bool) -> bool {
    match signal {
        Signal::Reloading { active } => {
            *reloading = *active;
            !active
        }
        Signal::UnitRemoved { .. } => !*reloading,
        Signal::JobRemoved { .. } | Signal::StateChanged { .. } => true,
        Signal::UnitNew { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matter(signals: &[Signal]) -> Vec<bool> {
        let mut reloading = false;
        let all = signals.iter();
        all.map(|signal| matters(signal, &mut reloading)).collect()
    }

    #[test]
    fn only_the_end_of_a_reload_notifies() {
        let removed = || Signal::UnitRemoved {
            unit: "archy-web.service".to_owned(),
        };
        let new = Signal::UnitNew {
            unit: "archy-web.service".to_owned(),
        };
        let begin = Signal::Reloading { active: true };
        let end = Signal::Reloading { active: false };
        assert_eq!(
            matter(&[removed(), begin, removed(), new, end, removed()]),
            [true, false, false, false, true, true]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_one_wake_up_and_ends_even_when_it_goes_on() {
        let wakeup = Wakeup::default();
        let begun = Instant::now();
        let often = async {
            loop {
                wakeup.notify();
                tokio::time::sleep(SETTLE / 2).await;
            }
        };
        tokio::select! {
            () = often => unreachable!("it goes on for ever"),
            () = wakeup.notified_after(begun) => {}
        }
        assert_eq!(begun.elapsed(), BURST_MAX);
        // The last notification is seen, and then no more.
        let begun = Instant::now();
        wakeup.notify();
        wakeup.notified_after(begun).await;
        assert_eq!(begun.elapsed(), SETTLE);
        assert!(
            timeout_at(begun + BURST_MAX, wakeup.notified_after(begun))
                .await
                .is_err()
        );
    }
}
