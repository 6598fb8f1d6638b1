//! The health of all apps and their containers.

use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::state::{AwaitedImage, State, UnitState};
use super::why::{Why, text};
use crate::held::Waits;
use crate::name::AppId;
use crate::observed::{Busy, SubState};

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
    /// Why it is not ready, if there is something to say.
    #[serde(rename = "message", serialize_with = "sentence")]
    pub why: Option<Why>,
    /// Its containers.
    pub units: Vec<UnitHealth>,
    /// The addresses at which people open it.
    pub urls: Vec<UrlHealth>,
    /// The work that is left before it is of use, if it runs and says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<Busy>,
    /// The rights that an edit of its intent waits for; in JSON, a text.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub waits: Option<Waits>,
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
    /// Whether it runs a script of a store.
    #[serde(skip)]
    pub is_script: bool,
    /// The job for whose end it waits, if it does not run.
    #[serde(skip)]
    pub awaited_job: Option<String>,
    /// Whether it is a companion.
    pub companion: bool,
    /// The number of systemd's restarts after failures; 0 while it is well.
    pub restarts: u32,
    /// Why it is not well.
    #[serde(rename = "message", serialize_with = "sentence")]
    pub why: Option<Why>,
    /// The files by which the operator changed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop_ins: Vec<PathBuf>,
}

/// A page of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UrlHealth {
    pub title: String,
    pub url: String,
}

/// In JSON, no state is an empty text.
fn sub_state<S: Serializer>(state: &Option<SubState>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.as_ref().map_or("", SubState::word))
}

/// In JSON, no cause is an empty text.
fn sentence<S: Serializer>(why: &Option<Why>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(why.as_ref()))
}

fn as_text<S: Serializer>(waits: &Option<Waits>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = waits.as_ref().map(ToString::to_string);
    serializer.serialize_str(&text.unwrap_or_default())
}

impl AppHealth {
    /// The cause as one sentence; empty when there is nothing to say.
    #[must_use]
    pub fn message(&self) -> String {
        text(self.why.as_ref())
    }
}

impl UnitHealth {
    /// The cause as one sentence; empty when it is well.
    #[must_use]
    pub fn message(&self) -> String {
        text(self.why.as_ref())
    }

    /// Whether it ended and is to start again.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state == UnitState::Failed || self.is_restarting
    }
}
