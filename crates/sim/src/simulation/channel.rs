//! Delivers inotify's events and systemd's signals to the daemon. An event says only that something
//! happened, so a changed order is the same as a delay.

use std::time::Duration;

use archipelago_core::reconcile::GAP;

use crate::script::events::Events;

#[derive(Clone, Debug, Default)]
pub(crate) struct Channel {
    pub(crate) mode: Events,
    /// The times of arrival. The next one is the last.
    arrivals: Vec<Duration>,
    /// Whether an event is held back until the next one has come.
    held: bool,
}

impl Channel {
    pub(crate) fn send(&mut self, now: Duration) {
        match self.mode {
            Events::Heard => self.arrive(now),
            // Even a daemon that gets every event wakes only after the shortest pause.
            Events::Eager => self.arrive(now + GAP),
            Events::Lost => {}
            Events::Late(milliseconds) => self.arrive(now + Duration::from_millis(milliseconds)),
            Events::Repeated(times, apart) => {
                for number in 0..u64::from(times) {
                    self.arrive(now + Duration::from_millis(apart * number));
                }
            }
            Events::Swapped if self.held => {
                self.held = false;
                self.arrive(now);
                self.arrive(now);
            }
            Events::Swapped => self.held = true,
        }
    }

    fn arrive(&mut self, at: Duration) {
        let place = self.arrivals.partition_point(|other| *other > at);
        self.arrivals.insert(place, at);
    }

    /// When the next event arrives.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.arrivals.last().copied()
    }

    /// Takes the events that have arrived. Returns whether there were any.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        let before = self.arrivals.len();
        while self.next().is_some_and(|at| at <= now) {
            self.arrivals.pop();
        }
        self.arrivals.len() < before
    }

    /// Drops all events, because no daemon receives them.
    pub(crate) fn clear(&mut self) {
        self.arrivals.clear();
        self.held = false;
    }
}
