//! Exit codes, and errors as people read them. The table stands in `docs/cli.md`.

use std::error::Error;

use archipelago_core::error::chain;
use archipelago_core::health::UnitState;
use archipelago_core::operation::Target;
use archipelago_node::ErrorKind;
use archipelago_node::error::FailedApp;

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
            failure.message.push_str(&way_out(failed));
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

/// The line after the error of an app that failed. A removal is retried too, but there is nothing
/// to do about that.
fn way_out(failed: &FailedApp) -> String {
    let id = &failed.health.id;
    let mut units = failed.health.units.iter();
    if units.any(|unit| unit.is_job && unit.state == UnitState::Failed) {
        return format!(
            "\nArchipelago does not repeat the job; to run it again: archipelago start {id}"
        );
    }
    match failed.goal {
        Target::Ready => {
            format!("\nArchipelago keeps retrying; to prevent that: archipelago stop {id}")
        }
        Target::Stopped => "\nArchipelago keeps retrying.".to_owned(),
        Target::Gone => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use archipelago_core::health::{AppHealth, State, UnitHealth, Why};
    use archipelago_core::name::AppId;

    use super::*;

    fn unit(is_job: bool) -> UnitHealth {
        UnitHealth {
            name: "archy-shop.service".to_owned(),
            state: UnitState::Failed,
            sub_state: None,
            is_restarting: false,
            awaited_image: None,
            is_job,
            is_script: false,
            awaited_job: None,
            companion: false,
            restarts: 0,
            why: None,
            drop_ins: Vec::new(),
        }
    }

    #[test]
    fn a_failure_ends_with_the_way_out_of_what_was_asked() {
        let check = |goal, is_job, expected: &str| {
            let failed = FailedApp {
                health: AppHealth {
                    id: AppId::parse("shop").unwrap(),
                    state: State::Failed,
                    why: Some(Why::JobRuns("migrate".to_owned())),
                    units: vec![unit(is_job)],
                    urls: Vec::new(),
                    busy: None,
                    waits: None,
                },
                goal,
                ended: None,
            };
            let error = archipelago_node::Error::Failed(Box::new(failed));
            let message = Failure::from(error).message;
            assert_eq!(message, format!("shop: the job migrate runs{expected}"));
        };
        check(
            Target::Ready,
            false,
            "\nArchipelago keeps retrying; to prevent that: archipelago stop shop",
        );
        check(Target::Stopped, false, "\nArchipelago keeps retrying.");
        check(Target::Gone, false, "");
        check(
            Target::Ready,
            true,
            "\nArchipelago does not repeat the job; to run it again: archipelago start shop",
        );
    }
}
