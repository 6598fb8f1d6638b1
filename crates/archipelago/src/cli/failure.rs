//! How commands end: exit codes, and errors as people read them. The table stands in `docs/cli.md`.

use std::error::Error;

/// A command that did not reach its end.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// What happened and what to do; the chain of causes is already in it.
    pub message: String,
}

/// Exit codes. 2 is a wrong command line and belongs to the argument parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It was tried and did not work: an app failed, a check found something.
    Failed = 1,
    /// What was given cannot be accepted: an unknown app, a broken manifest, a setting that does not fit.
    Input = 3,
    /// This host or user is not set up for Archipelago.
    Host = 4,
    /// A name or port is already in use.
    Taken = 5,
    /// It is still on its way; it goes on without this command.
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
        Self::new(code, archipelago_core::error::chain(error))
    }
}

impl From<archipelago_node::driver::Error> for Failure {
    fn from(error: archipelago_node::driver::Error) -> Self {
        let code = match &error {
            archipelago_node::driver::Error::Systemd(_) => Code::Host,
            archipelago_node::driver::Error::Lock(_)
            | archipelago_node::driver::Error::Observe(_) => Code::Failed,
        };
        Self::from_error(code, &error)
    }
}

impl From<archipelago_host::lock::Error> for Failure {
    fn from(error: archipelago_host::lock::Error) -> Self {
        Self::from_error(Code::Host, &error)
    }
}

impl From<archipelago_host::observe::Error> for Failure {
    fn from(error: archipelago_host::observe::Error) -> Self {
        Self::from_error(Code::Host, &error)
    }
}

impl From<archipelago_host::systemd::Error> for Failure {
    fn from(error: archipelago_host::systemd::Error) -> Self {
        Self::from_error(Code::Host, &error)
    }
}

impl From<archipelago_host::folders::Error> for Failure {
    fn from(error: archipelago_host::folders::Error) -> Self {
        Self::from_error(Code::Host, &error)
    }
}

impl From<archipelago_host::disk::Error> for Failure {
    fn from(error: archipelago_host::disk::Error) -> Self {
        Self::from_error(Code::Host, &error)
    }
}

impl From<archipelago_host::definition::Error> for Failure {
    fn from(error: archipelago_host::definition::Error) -> Self {
        let code = match &error {
            archipelago_host::definition::Error::Disk(_) => Code::Host,
            _ => Code::Input,
        };
        Self::from_error(code, &error)
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
