//! Why an app or a container is not, or not yet, as it should be. It becomes a text where it is
//! shown.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;

use super::state::{AwaitedImage, State, UnitState};
use crate::cause::Cause;
use crate::check::needs::Need;
use crate::desired;
use crate::name::AppId;
use crate::observed::{Busy, Failure, Unreachable};
use crate::plan::Blocked;
use crate::printable::one_line;

/// Displayed as one sentence: the cause, and where it helps what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    // Of an app.
    /// It cannot be resolved.
    #[error(transparent)]
    Broken(Box<desired::Error>),
    /// Its units are left alone.
    #[error(transparent)]
    Blocked(Blocked),
    #[error("{0} has no secrets yet")]
    NoSecrets(AppId),
    #[error("{app} has not written its file {file} yet")]
    NoFile { app: AppId, file: String },
    #[error("{app} is required: uninstall {} first", names(.by))]
    Required { app: AppId, by: BTreeSet<AppId> },
    /// The network that it joins has no unit.
    #[error(
        "because {other} has failed; the units of {app} can be written only after those of {other}"
    )]
    NoNetwork { app: AppId, other: AppId },
    /// It waits for an app that it requires.
    #[error("because {app} {because}")]
    Waits { app: AppId, because: Because },
    /// A container of it is not well.
    #[error("{unit}: {}", text(.why.as_deref()))]
    Unit { unit: String, why: Option<Box<Why>> },
    #[error("{unit} is {}", state.word())]
    UnitIs { unit: String, state: UnitState },
    #[error("{unit} starts once the job {job} has ended")]
    AwaitsJob { unit: String, job: String },
    #[error("the job {0} runs")]
    JobRuns(String),
    #[error("{0} runs, but its health check has not succeeded yet")]
    HealthCheck(String),
    #[error("{0} will be restarted because of a change")]
    RestartDue(String),
    /// The operation's new image cannot be had.
    #[error("{unit} keeps its old image: {image}")]
    OldImage { unit: String, image: AwaitedImage },
    #[error("it is {}", .0.message)]
    Busy(Busy),
    #[error("it runs, but does not answer at {0} yet")]
    Silent(SocketAddr),
    /// A process that serves all networks is gone.
    #[error("{loss}; {}", started_again(.failed.as_ref()))]
    Networks {
        loss: &'static str,
        failed: Option<Cause>,
    },
    #[error(
        "nothing listens on {address}, which {service} publishes, though it was restarted for that; \
         see: journalctl --user -u {service}"
    )]
    ClosedPort {
        address: SocketAddr,
        service: String,
    },

    // Of a container.
    #[error("masked by the operator; systemctl --user unmask {0} undoes that")]
    Masked(String),
    #[error("{0}")]
    Image(AwaitedImage),
    #[error(
        "the image {image} is damaged: {cause}; archipelago doctor says how to remove it, then it is fetched again"
    )]
    DamagedImage { image: String, cause: String },
    #[error("{0}")]
    Need(Need),
    #[error("{}", ended(app, service, *is_failed_job, failure))]
    Ended {
        app: AppId,
        service: String,
        /// Whether it is a job whose program failed, which is not started again by itself.
        is_failed_job: bool,
        failure: Failure,
    },

    // Of either.
    /// The last attempt failed.
    #[error(transparent)]
    Attempt(Cause),
    #[error(transparent)]
    Podman(Unreachable),
}

/// Why an app that another requires is not of use yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    Masked,
    Busy(Busy),
    Is(State),
}

impl fmt::Display for Because {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Masked => formatter.write_str("is masked by the operator"),
            Self::Busy(busy) => write!(formatter, "is {}", busy.message),
            Self::Is(State::Failed) => formatter.write_str("has failed"),
            Self::Is(state) => write!(formatter, "is {}", state.word()),
        }
    }
}

/// Empty when there is nothing to say.
pub(super) fn text(why: Option<&Why>) -> String {
    why.map(ToString::to_string).unwrap_or_default()
}

fn names(apps: &BTreeSet<AppId>) -> String {
    let names: Vec<&str> = apps.iter().map(AppId::as_str).collect();
    names.join(" and ")
}

fn started_again(failed: Option<&Cause>) -> String {
    match failed {
        None => "it is started again".to_owned(),
        Some(cause) => format!("starting it again failed: {cause}"),
    }
}

fn ended(app: &AppId, service: &str, is_failed_job: bool, failure: &Failure) -> String {
    let Failure {
        result,
        status,
        restarts,
        last_line,
    } = failure;
    let said = match last_line {
        Some(line) => format!("; its last line: {}", one_line(line)),
        None => String::new(),
    };
    let see = format!("see: archipelago logs {app}, or journalctl --user -u {service}");
    if is_failed_job {
        return format!(
            "the job ended with {result} (status {status}){said}; it is not repeated by itself, and the services that await its success do not \
             start; {see}; to run it again: archipelago start {app}"
        );
    }
    format!(
        "it ended with {result} (status {status}) and was restarted {restarts} times{said}; {see}"
    )
}
