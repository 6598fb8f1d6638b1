//! What can go wrong at a touch of the host.

use serde::{Deserialize, Serialize};

use crate::deeds::Deed;
use crate::world::disk::Unsynced;
use crate::world::{Killed, World};

/// What strikes when a manager is about to do one thing to the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The manager is killed.
    Crash,
    /// Power is lost.
    PowerLoss(Unsynced),
    /// The host is rebooted in order.
    Reboot,
    /// The call fails, and did nothing.
    Fails,
    /// The call did what it should, and says that it failed.
    FailsAfter,
    /// The call says that it did what it should, and did nothing.
    Pretends,
    /// The call takes a minute before it fails.
    Hangs,
    /// The other manager makes a pass at this moment, if the lock lets it.
    OtherManager,
    /// The next look at systemd shows what the one before did.
    LateLook,
    /// Somebody else does something at this moment.
    Meanwhile(Deed),
}

/// How one call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Works,
    Fails,
    FailsAfter,
    Pretends,
}

/// How long a call that hangs is waited for.
const CALL_LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

impl World {
    pub(crate) fn strike(&mut self, fault: Fault) -> Result<Fate, Killed> {
        self.note(|| format!("{fault:?}"));
        match fault {
            Fault::Crash => Err(Killed),
            Fault::PowerLoss(unsynced) => {
                self.boot(Some(unsynced));
                Err(Killed)
            }
            Fault::Reboot => {
                self.boot(None);
                Err(Killed)
            }
            Fault::Fails => Ok(Fate::Fails),
            Fault::FailsAfter => Ok(Fate::FailsAfter),
            Fault::Pretends => Ok(Fate::Pretends),
            Fault::Hangs => {
                self.elapse(CALL_LIMIT);
                Ok(Fate::Fails)
            }
            Fault::OtherManager => {
                self.other_manager();
                Ok(Fate::Works)
            }
            Fault::LateLook => {
                self.late_look = true;
                Ok(Fate::Works)
            }
            Fault::Meanwhile(deed) => {
                let ends_us = deed.boots();
                self.does(&deed);
                if ends_us {
                    Err(Killed)
                } else {
                    Ok(Fate::Works)
                }
            }
        }
    }
}
