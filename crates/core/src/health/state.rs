//! The states of apps and their containers.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::cause::Cause;
use crate::image_progress::ImageProgress;
use crate::name::AppId;
use crate::observed::{Active, Busy, Service, SubState};

/// All apps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order of their ids.
    pub apps: Vec<AppHealth>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppHealth {
    pub id: AppId,
    pub state: State,
    /// Why, and what to do, in one sentence; empty when there is nothing to say.
    pub message: String,
    /// Its containers.
    pub units: Vec<UnitHealth>,
    /// The addresses at which people open it.
    pub urls: Vec<UrlHealth>,
    /// The work that is left before it is of use, if it runs and says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<Busy>,
}

/// One container of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitHealth {
    /// The systemd service.
    pub name: String,
    pub state: UnitState,
    /// systemd's finer state; none of a service that systemd does not have in memory.
    #[serde(serialize_with = "sub_state")]
    pub sub_state: Option<SubState>,
    /// Whether systemd waits to start it again after a failure.
    #[serde(skip)]
    pub is_restarting: bool,
    /// The image that it should run with and that is not on the node, if so.
    #[serde(skip)]
    pub awaited_image: Option<AwaitedImage>,
    /// Whether it runs to its end, and is not started again by itself when it fails.
    #[serde(skip)]
    pub is_job: bool,
    /// The job for whose end it waits, if it does not run.
    #[serde(skip)]
    pub awaited_job: Option<String>,
    /// Whether it is a companion.
    pub companion: bool,
    /// The number of systemd's restarts after failures; 0 while it is well.
    pub restarts: u32,
    /// Why it is not well; empty when it is.
    pub message: String,
    /// The files by which the operator changed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop_ins: Vec<PathBuf>,
}

/// An image that a container waits for. One that runs goes on with its old image meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwaitedImage {
    UnderWay {
        image: String,
        progress: ImageProgress,
    },
    /// It could not be pulled or built.
    Failed { image: String, cause: Option<Cause> },
}

impl fmt::Display for AwaitedImage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnderWay { image, progress } => {
                write!(formatter, "getting the image {image}: {progress}")
            }
            Self::Failed {
                image,
                cause: Some(cause),
            } => write!(
                formatter,
                "the image {image} could not be pulled or built: {cause}"
            ),
            Self::Failed { image, cause: None } => {
                write!(formatter, "the image {image} could not be pulled or built")
            }
        }
    }
}

/// systemd's state of a unit, or that the operator masked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitState {
    Active,
    Activating,
    Deactivating,
    Inactive,
    Failed,
    Masked,
}

impl UnitState {
    /// The word for it, in status and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Activating => "activating",
            Self::Deactivating => "deactivating",
            Self::Inactive => "inactive",
            Self::Failed => "failed",
            Self::Masked => "masked",
        }
    }

    pub(super) fn of(service: Option<&Service>) -> Self {
        let Some(service) = service else {
            return Self::Inactive;
        };
        match service.active {
            Active::Active => Self::Active,
            Active::Activating => Self::Activating,
            Active::Failed if service.is_coming_up() => Self::Activating,
            Active::Deactivating => Self::Deactivating,
            Active::Failed => Self::Failed,
            Active::Inactive => Self::Inactive,
        }
    }
}

/// A page of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UrlHealth {
    pub title: String,
    pub url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All of it runs and answers.
    Ready,
    /// It is on its way.
    Starting,
    /// It waits for another app.
    Waiting,
    /// It works, but a part of it does not.
    Degraded,
    /// It does not work; the message says why. It is tried again.
    Failed,
    /// It is being stopped, as was asked.
    Stopping,
    /// It is stopped, as was asked.
    Stopped,
    /// It is being removed.
    Removing,
}

impl State {
    /// The word for it, in status and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Removing => "removing",
        }
    }
}

/// In JSON, no state is an empty text.
fn sub_state<S: Serializer>(state: &Option<SubState>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.as_ref().map_or("", SubState::word))
}

impl UnitHealth {
    /// Whether it ended and is to start again.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state == UnitState::Failed || self.is_restarting
    }
}
