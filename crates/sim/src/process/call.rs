//! A process's calls on the host. A fault may strike each of them. Interventions are no calls.

use std::convert::Infallible;
use std::fmt::Display;
use std::time::Duration;

use archipelago_core::cause::Cause;

use crate::host::disk::DiskError;
use crate::script::fault::Fault;
use crate::world::state::World;

/// The process was killed in the middle of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Killed;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// The process was killed in the middle of the call.
    Killed,
    /// The call failed with this cause.
    Failed(Cause),
}

impl From<Killed> for CallError {
    fn from(_: Killed) -> Self {
        Self::Killed
    }
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Works,
    Fails,
    FailsAfter,
    Pretends,
}

/// The timeout of a call that hangs.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

impl World {
    /// A call to systemd or Podman that only a fault makes fail; `work` is its effect.
    pub(crate) fn call(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Self),
    ) -> Result<(), CallError> {
        self.try_call(what, |world| {
            work(world);
            Ok::<_, Infallible>(())
        })
    }

    /// A call to systemd or Podman; `work` is its effect.
    pub(crate) fn try_call<E: Display>(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), CallError> {
        let result = match self.next_fate()? {
            Fate::Works => work(self).map_err(|error| error.to_string()),
            Fate::Fails => Err(format!("{what}: input/output error")),
            Fate::FailsAfter => {
                let _ = work(self);
                Err(format!("{what}: the connection was lost"))
            }
            Fate::Pretends => Ok(()),
        };
        self.check_foreign();
        result.map_err(|words| CallError::Failed(Cause::Systemd(words)))
    }

    /// A system call on the local disk. A call that reports success had its effect, because a disk
    /// that lies is not simulated.
    pub(crate) fn disk_call(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Self) -> Result<(), DiskError>,
    ) -> Result<(), CallError> {
        let result = match self.next_fate()? {
            Fate::Works | Fate::Pretends => work(self).map_err(|error| error.to_string()),
            Fate::Fails => Err(format!("{what}: input/output error")),
            Fate::FailsAfter => {
                let _ = work(self);
                Err(format!("{what}: input/output error"))
            }
        };
        self.check_foreign();
        result.map_err(|words| CallError::Failed(Cause::File(words)))
    }

    /// A call that only reads, and so leaves no effect when it fails.
    pub(crate) fn observing_call(&mut self, what: &str) -> Result<(), CallError> {
        match self.next_fate()? {
            Fate::Works | Fate::Pretends => Ok(()),
            Fate::Fails | Fate::FailsAfter => {
                let words = format!("{what}: input/output error");
                Err(CallError::Failed(Cause::File(words)))
            }
        }
    }

    /// Counts a call, and lets the faults that are due for it strike.
    fn next_fate(&mut self) -> Result<Fate, Killed> {
        self.calls += 1;
        let mut fate = Fate::Works;
        while let Some((at, _)) = self.faults.first()
            && *at <= self.calls
        {
            let (_, fault) = self.faults.remove(0);
            match self.strike(fault)? {
                Fate::Works => {}
                other => fate = other,
            }
        }
        Ok(fate)
    }

    fn strike(&mut self, fault: Fault) -> Result<Fate, Killed> {
        self.log(|| format!("{fault:?}"));
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
                self.elapse(CALL_TIMEOUT);
                Ok(Fate::Fails)
            }
            Fault::OtherPass => {
                if let Some(other_pass) = self.other_pass {
                    other_pass(self);
                }
                Ok(Fate::Works)
            }
            Fault::StaleObservation => {
                self.next_observation_is_stale = true;
                Ok(Fate::Works)
            }
            Fault::Meanwhile(intervention) => {
                self.is_disturbed = true;
                self.intervene(&intervention);
                if intervention.reboots() {
                    Err(Killed)
                } else {
                    Ok(Fate::Works)
                }
            }
        }
    }
}
