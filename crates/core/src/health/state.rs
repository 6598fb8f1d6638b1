//! The states of apps and their containers.

use std::fmt;

use serde::Serialize;

use crate::cause::Cause;
use crate::image_progress::ImageProgress;
use crate::observed::{Active, Service};

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
