//! Faults that strike a process as it is about to make a call on the host.

use serde::{Deserialize, Serialize};

use crate::host::disk::Unsynced;
use crate::script::intervention::Intervention;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The process is killed.
    Crash,
    PowerLoss(Unsynced),
    /// A clean reboot.
    Reboot,
    /// The call does nothing, and fails.
    Fails,
    /// The call does its work, and reports a failure.
    FailsAfter,
    /// The call does nothing, and reports success.
    Pretends,
    /// The call takes a minute, does nothing, and fails.
    Hangs,
    /// Another process tries to make a pass at this moment.
    OtherPass,
    /// The next observation of systemd returns the previous one.
    StaleObservation,
    /// An intervention happens at this moment.
    Meanwhile(Intervention),
}
