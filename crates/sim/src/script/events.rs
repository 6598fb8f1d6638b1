//! How events reach the daemon.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Events {
    /// Each once and at once.
    #[default]
    Heard,
    /// As [`Self::Heard`], and every intervention is an event, even one that nothing watches.
    Eager,
    /// None: only the tick wakes the daemon.
    Lost,
    /// So many milliseconds late.
    Late(u64),
    /// So many times each, so many milliseconds apart.
    Repeated(u32, u64),
    /// Every other event is held back until the next one has come.
    Swapped,
}
