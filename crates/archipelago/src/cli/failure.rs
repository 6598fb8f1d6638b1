//! Exit codes, and errors as people read them. The table stands in `docs/cli.md`.

use std::error::Error;

use archipelago_core::error::chain;
use archipelago_core::health::UnitState;
use archipelago_node::ErrorKind;

/// A command that did not reach its end.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// The error and the way out. It includes the chain of causes.
    pub message: String,
}

/// Exit codes. 2 is a wrong command line and belongs to the argument parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It was tried and did not work: an app failed, a check found something.
    Failed = 1,
    /// Unacceptable input: an unknown app, a broken manifest, a setting that does not fit.
    Input = 3,
    /// This host or user is not set up for Archipelago.
    Host = 4,
    /// A name or port is already in use.
    Taken = 5,
    /// It is not finished yet; it goes on without this command.
    Unfinished = 6,
    /// Another daemon runs.
    Running = 7,
}

impl Failure {
    /// A failure with a message of its own.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// A failure from an error and its causes.
    pub fn from_error(code: Code, error: &dyn Error) -> Self {
        Self::new(code, chain(error))
    }
}

impl From<archipelago_node::Error> for Failure {
    fn from(error: archipelago_node::Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Failed => Code::Failed,
            ErrorKind::Input => Code::Input,
            ErrorKind::Host => Code::Host,
            ErrorKind::Taken => Code::Taken,
            ErrorKind::Unfinished => Code::Unfinished,
        };
        let mut failure = Self::from_error(code, &error);
        if let archipelago_node::Error::Failed(failed) = &error {
            if let Some(ended) = &failed.ended {
                failure
                    .message
                    .push_str(&format!("\nthe last lines of {}:", ended.service));
                for line in &ended.lines {
                    failure.message.push_str(&format!("\n  {line}"));
                }
            }
            let id = &failed.health.id;
            let mut units = failed.health.units.iter();
            let is_failed_job = units.any(|unit| unit.is_job && unit.state == UnitState::Failed);
            failure.message.push_str(&match is_failed_job {
                true => format!(
                    "\nThe job is not tried again by itself: archipelago start {id} lets it run again, archipelago uninstall {id} removes the app."
                ),
                false => format!(
                    "\nIt is tried again automatically; archipelago uninstall {id} stops that."
                ),
            });
        }
        failure
    }
}

impl From<archipelago_node::daemon::Error> for Failure {
    fn from(error: archipelago_node::daemon::Error) -> Self {
        use archipelago_node::daemon::Error;
        let code = match &error {
            Error::Running => Code::Running,
            Error::EngineEnded => Code::Failed,
            Error::Lock(_) | Error::Engine(_) | Error::Disk(_) | Error::Signal(..) => Code::Host,
        };
        Self::from_error(code, &error)
    }
}
