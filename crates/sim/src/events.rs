//! The way from what happens on the host to the daemon's bell: inotify and systemd's signals. An event says nothing but that something
//! happened, so one that overtakes another is one that comes late.

use std::time::Duration;

use archipelago_core::reconcile::GAP;
use serde::{Deserialize, Serialize};

/// How events reach the daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Events {
    /// At once, each once.
    #[default]
    Heard,
    /// As [`Self::Heard`]; and whatever somebody does rings, as if something else had happened at the same moment.
    Eager,
    /// Not at all: only the tick wakes the daemon.
    Lost,
    /// So many milliseconds late.
    Late(u64),
    /// So many times, so many milliseconds apart.
    Repeated(u32, u64),
    /// Every other one is lost until the next one has come, and comes after it.
    Swapped,
}

/// The events on their way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Channel {
    pub(crate) mode: Events,
    /// When they arrive, the next one last.
    arrivals: Vec<Duration>,
    /// One that waits for the next one to overtake it.
    held: bool,
}

impl Channel {
    /// Something has happened.
    pub(crate) fn send(&mut self, now: Duration) {
        match self.mode {
            Events::Heard => self.arrive(now),
            // Whoever listens to all of it never wakes before the shortest pause is over.
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

    /// When the next one arrives.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.arrivals.last().copied()
    }

    /// Takes what has arrived; whether that was anything.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        let before = self.arrivals.len();
        while self.next().is_some_and(|at| at <= now) {
            self.arrivals.pop();
        }
        self.arrivals.len() < before
    }

    /// Nobody listens any more.
    pub(crate) fn clear(&mut self) {
        self.arrivals.clear();
        self.held = false;
    }
}
