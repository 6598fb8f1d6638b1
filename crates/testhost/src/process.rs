//! Process identities: the process id with the start time, so that a later process with the same id
//! is not taken for it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, waitpid,
};

use crate::wait;

/// A killed process ends at once. The bound is for a machine under load.
const END_BOUND: Duration = Duration::from_secs(60);

/// One process of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    /// Clock ticks after the machine's boot, field 22 of proc_pid_stat(5).
    pub(crate) started: u64,
}

impl Identity {
    /// The process that has this id now, if there is one. A zombie counts as gone: it runs nothing.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name of the command, in parentheses, may hold spaces and parentheses.
        let (_, after_name) = stat.rsplit_once(") ")?;
        let mut fields = after_name.split(' ');
        let alive = !matches!(fields.next()?, "Z" | "X");
        let started = fields.nth(18)?.parse().ok()?;
        alive.then_some(Self { pid, started })
    }

    /// The process that calls this.
    pub(crate) fn own() -> Result<Self> {
        Self::of(rustix::process::getpid().as_raw_nonzero().get())
            .context("reading /proc/self/stat")
    }

    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// The children of the process at this moment.
    pub(crate) fn children(self) -> Vec<Self> {
        fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid))
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|pid| Self::of(pid.parse().ok()?))
            .collect()
    }

    /// Sends a signal, if the process still exists.
    pub(crate) fn signal(self, signal: Signal) -> Result<()> {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return Ok(());
        };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            return Ok(());
        };
        // The handle is of the process that has the id now, which may be a later one.
        if !self.is_alive() {
            return Ok(());
        }
        match pidfd_send_signal(handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => {
                Err(error).with_context(|| format!("sending {signal:?} to process {}", self.pid))
            }
        }
    }

    /// Waits until the process is gone. The status of our own child is collected.
    pub(crate) fn wait_for_end(self) -> Result<()> {
        wait::until(&format!("process {} to end", self.pid), END_BOUND, || {
            Ok((!self.is_alive()).then_some(()))
        })?;
        self.collect();
        Ok(())
    }

    /// Frees the entry of an ended child in the process table. Does nothing for other processes.
    fn collect(self) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _not_our_child = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pid, started } = self;
        write!(formatter, "{pid} {started}")
    }
}

impl std::str::FromStr for Identity {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (pid, started) = text
            .split_once(' ')
            .with_context(|| format!("not a process: {text:?}"))?;
        Ok(Self {
            pid: pid.parse()?,
            started: started.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;

    #[test]
    fn a_process_is_known_by_its_number_and_its_start() {
        let own = Identity::own().expect("this process is alive");
        assert!(own.is_alive());
        assert!(
            !Identity {
                started: own.started + 1,
                ..own
            }
            .is_alive(),
            "a later process with the same number"
        );
        assert_eq!(
            own.to_string().parse::<Identity>().expect("what we wrote"),
            own
        );
    }
}
