//! The ways in which events reach the daemon.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Events {
    /// Each event once, without delay.
    #[default]
    Heard,
    /// As [`Self::Heard`]. Every intervention causes an event, even one that nothing watches.
    Eager,
    /// No event. Only the tick wakes the daemon.
    Lost,
    /// Each event this many milliseconds late.
    Late(u64),
    /// Each event this many times, and this many milliseconds apart.
    Repeated(u32, u64),
    /// Every other event is held back until the next one has come.
    Swapped,
}
