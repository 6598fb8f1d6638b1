//! systemd's view of our services.

use std::time::Duration;

/// systemd's view of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Whether systemd has its definition.
    pub load: Load,
    pub active: Active,
    pub sub: SubState,
    /// The job for it that is queued or running.
    pub job: Option<Job>,
    /// For a service that is not well: why.
    pub failure: Option<Failure>,
    /// When its run began, since the boot. Known of services that follow others, and of those that
    /// they follow, unless they are down.
    pub began: Option<Duration>,
}

/// A job of systemd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    Stop,
    /// Anything else: start, restart, reload …
    Other,
}

/// From systemd's word for its type.
impl From<&str> for Job {
    fn from(kind: &str) -> Self {
        match kind {
            "stop" => Self::Stop,
            _ => Self::Other,
        }
    }
}

/// Whether systemd has a unit's definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// It has.
    Loaded,
    /// It has not.
    NotFound,
    /// The operator masked it.
    Masked,
    /// It cannot use it.
    Bad,
}

/// The activity of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Active {
    /// It runs.
    Active,
    /// It starts, or waits to be started again.
    Activating,
    /// It stops.
    Deactivating,
    /// It does not run.
    Inactive,
    /// It does not run, after a failure.
    Failed,
}

/// systemd's finer state of a service (`systemctl --state=help`). Nothing depends on the others, so
/// only their words are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubState {
    /// systemd waits to start it again after a failure.
    AutoRestart,
    /// That start is in systemd's queue.
    AutoRestartQueued,
    /// It counts as active although its process has ended: a one-shot that is done.
    Exited,
    Other(String),
}

impl From<&str> for SubState {
    fn from(word: &str) -> Self {
        match word {
            "auto-restart" => Self::AutoRestart,
            "auto-restart-queued" => Self::AutoRestartQueued,
            "exited" => Self::Exited,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl SubState {
    /// systemd's word for it.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::AutoRestart => "auto-restart",
            Self::AutoRestartQueued => "auto-restart-queued",
            Self::Exited => "exited",
            Self::Other(word) => word,
        }
    }
}

/// Why a service is not well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// systemd's result, such as `exit-code`.
    pub result: String,
    /// The exit status of its main process.
    pub status: i32,
    /// The number of systemd's restarts.
    pub restarts: u32,
    /// The last line that a job wrote before it failed, if it can be read.
    pub last_line: Option<String>,
}

/// A unit of the user's that overrides a generated one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Override {
    /// A link to /dev/null: the operator's word, respected.
    Masked,
    /// Another unit of the same name.
    Foreign,
}

/// The status of `podman run` when Podman itself fails, before the program of the container begins
/// (podman-run(1), "Exit status").
const PODMAN_FAILED: i32 = 125;

impl Failure {
    /// Whether the program in the container failed. A program that never began has no status of its
    /// own, because Podman or a check before it failed.
    #[must_use]
    pub fn is_of_program(&self) -> bool {
        !matches!(self.status, 0 | PODMAN_FAILED)
    }
}

impl Service {
    /// Whether its program has failed, and systemd does not start it again.
    #[must_use]
    pub fn has_program_failed(&self) -> bool {
        let failure = self.failure.as_ref();
        self.has_failed() && failure.is_none_or(Failure::is_of_program)
    }

    /// Whether it runs, settled.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.active == Active::Active && self.job.is_none()
    }

    /// Whether it is a one-shot that has ended without error.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.is_up() && self.sub == SubState::Exited
    }

    /// Whether it neither runs nor starts nor stops.
    #[must_use]
    pub fn is_down(&self) -> bool {
        matches!(self.active, Active::Inactive | Active::Failed) && self.job.is_none()
    }

    /// Whether it has failed and stays so. A restart passes through systemd's state `failed` when
    /// the process ends by the signal to stop; the job is still there then.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.active == Active::Failed && self.job.is_none()
    }

    /// Whether it starts, or will.
    #[must_use]
    pub fn is_coming_up(&self) -> bool {
        self.active == Active::Activating || self.job == Some(Job::Other)
    }

    /// Whether systemd has restarted it at least twice and is about to do so again.
    #[must_use]
    pub fn is_crash_looping(&self) -> bool {
        let restarts = self.failure.as_ref().map_or(0, |failure| failure.restarts);
        self.is_restarting() && self.job.is_none() && restarts >= 2
    }

    /// Whether systemd waits to start it again after a failure.
    #[must_use]
    pub fn is_restarting(&self) -> bool {
        self.active == Active::Activating
            && matches!(
                self.sub,
                SubState::AutoRestart | SubState::AutoRestartQueued
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_waits_to_be_restarted_in_two_of_systemds_states_alone() {
        for word in [
            "dead",
            "start-pre",
            "start",
            "running",
            "exited",
            "stop-sigterm",
            "failed",
            "auto-restart",
            "auto-restart-queued",
        ] {
            let sub = SubState::from(word);
            assert_eq!(sub.word(), word);
            let service = Service {
                load: Load::Loaded,
                active: Active::Activating,
                sub,
                job: None,
                failure: None,
                began: None,
            };
            let is_expected = word.starts_with("auto-restart");
            assert_eq!(service.is_restarting(), is_expected, "{word}");
        }
    }
}
