//! One row of a judgement: how something is, and who can put it right.

use serde::Serialize;

/// One judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// A stable name, for programs.
    pub name: &'static str,
    pub state: State,
    pub finding: String,
    /// The cure; absent when nothing is wrong.
    pub cure: Option<String>,
    /// The one who can apply the cure.
    #[serde(skip)]
    pub remedy: Option<Remedy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Right.
    Ok,
    /// It works, but not as well as it could.
    Warning,
    /// Apps cannot be installed, or do not come back as promised.
    Failed,
}

/// The one who can apply a cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// `archipelago setup`, as the user.
    User(UserStep),
    /// `sudo archipelago setup --for USER`.
    Root,
    /// Only a person, who must decide something.
    Person,
}

/// The steps of `archipelago setup` as the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserStep {
    /// Make the missing folders.
    Folders,
    /// Ask logind to let the services run without a login.
    Linger,
    /// Enable and start `podman.socket`.
    Socket,
    /// Install, enable and start `archipelago.service`.
    Service,
}

pub(super) fn ok(name: &'static str, finding: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Ok,
        finding: finding.into(),
        cure: None,
        remedy: None,
    }
}

pub(super) fn warning(
    name: &'static str,
    finding: impl Into<String>,
    cure: impl Into<String>,
) -> Check {
    Check {
        name,
        state: State::Warning,
        finding: finding.into(),
        cure: Some(cure.into()),
        remedy: Some(Remedy::Person),
    }
}

pub(super) fn failed(
    name: &'static str,
    finding: impl Into<String>,
    cure: impl Into<String>,
    remedy: Remedy,
) -> Check {
    Check {
        name,
        state: State::Failed,
        finding: finding.into(),
        cure: Some(cure.into()),
        remedy: Some(remedy),
    }
}
