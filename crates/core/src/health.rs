//! How an app is, in the words of `status`.

mod app;
mod unit;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::desired::{Desired, Present};
use crate::name::AppId;
use crate::observed::{Active, Busy, Observed, Service, awaited};
use crate::plan::without_network;
use crate::progress::Progress;
use app::judge;

/// All apps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order of their ids.
    pub apps: Vec<AppHealth>,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppHealth {
    /// Its id.
    pub id: AppId,
    /// How it is.
    pub state: State,
    /// Why, and what to do, in one sentence; empty when there is nothing to say.
    pub message: String,
    /// Its containers.
    pub units: Vec<UnitHealth>,
    /// Where people open it.
    pub urls: Vec<UrlHealth>,
    /// What it still has to do before it is of use, if it runs and says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<Busy>,
}

/// One container of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitHealth {
    /// The systemd service.
    pub name: String,
    pub state: UnitState,
    /// systemd's finer state, such as `running` or `auto-restart`.
    pub sub_state: String,
    /// Whether systemd waits to start it again after a failure.
    #[serde(skip)]
    pub is_restarting: bool,
    /// Whether it is a companion.
    pub companion: bool,
    /// How often systemd restarted it after a failure; 0 while it is well.
    pub restarts: u32,
    /// Why it is not well; empty when it is.
    pub message: String,
    /// The files by which the operator changed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop_ins: Vec<PathBuf>,
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

    fn of(service: Option<&Service>) -> Self {
        match service.map(|service| service.active) {
            Some(Active::Active) => Self::Active,
            Some(Active::Activating) => Self::Activating,
            Some(Active::Deactivating) => Self::Deactivating,
            Some(Active::Failed) => Self::Failed,
            Some(Active::Inactive) | None => Self::Inactive,
        }
    }
}

/// A page of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UrlHealth {
    /// What it is.
    pub title: String,
    /// Where it is.
    pub url: String,
}

/// How an app is.
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
    /// It rests, as was asked.
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
            Self::Stopped => "stopped",
            Self::Removing => "removing",
        }
    }
}

/// Judges all apps.
#[must_use]
pub fn report(desired: &Desired, observed: &Observed, progress: &Progress) -> Report {
    let mut apps: BTreeMap<&AppId, AppHealth> = BTreeMap::new();
    for (id, app) in &desired.apps {
        apps.insert(id, judge(&desired.layout, id, app, observed, progress));
    }
    for (id, present) in desired.present() {
        if let Some(other) = without_network(desired, present, observed, progress)
            && let Some(health) = apps.get_mut(id)
            && health.state != State::Failed
            && !has_its_files(present, observed)
        {
            health.state = State::Waiting;
            health.message =
                format!("because {other} has failed; its units are written after those of {other}");
        }
    }
    for (id, present) in in_order(desired) {
        let unreachable = awaited(present, observed);
        if let Some(cause) = waits_for(present, unreachable, &apps)
            && let Some(health) = apps.get_mut(id)
            && would_be_well(health, unreachable.is_some())
        {
            health.state = State::Waiting;
            health.message = format!("because {cause}");
        }
    }
    Report {
        apps: apps.into_values().collect(),
    }
}

fn has_its_files(present: &Present, observed: &Observed) -> bool {
    let mut files = present.units.values().map(|unit| &unit.file);
    files.all(|file| {
        let found = observed.unit_files.get(&file.name);
        found.map(Vec::as_slice) == Some(file.content.as_bytes())
    })
}

/// The apps that should run, each after those that it requires.
fn in_order(desired: &Desired) -> Vec<(&AppId, &Present)> {
    let mut left: BTreeMap<&AppId, &Present> = desired
        .present()
        .filter(|(_, present)| present.running)
        .collect();
    let mut order = Vec::new();
    while let Some(id) = left
        .iter()
        .find(|(_, present)| !present.requires.keys().any(|app| left.contains_key(app)))
        .map(|(id, _)| *id)
    {
        order.extend(left.remove_entry(id));
    }
    order
}

/// What an app says of the one that it requires and that cannot be reached, or is not of use yet.
fn waits_for(
    present: &Present,
    unreachable: Option<&AppId>,
    apps: &BTreeMap<&AppId, AppHealth>,
) -> Option<String> {
    present.requires.keys().find_map(|app| {
        let required = apps.get(app)?;
        match (required.state, &required.busy) {
            (State::Degraded, _) if unreachable == Some(app) => {
                Some(format!("{app} is masked by the operator"))
            }
            (State::Ready | State::Degraded, _) => None,
            (State::Starting, Some(busy)) => Some(format!("{app} is {}", busy.message)),
            (State::Failed, _) => Some(format!("{app} has failed")),
            (state, _) => Some(format!("{app} is {}", state.word())),
        }
    })
}

/// Whether nothing ails an app but that it does not get on: it is on its way, or its containers ended because what it requires cannot be
/// reached. One that ends although that can be reached has a fault of its own.
fn would_be_well(health: &AppHealth, unreachable: bool) -> bool {
    let own = || health.units.iter().filter(|unit| !unit.companion);
    match health.state {
        State::Starting => own().all(|unit| unit.message.is_empty()),
        State::Failed => unreachable && own().any(UnitHealth::has_ended),
        _ => false,
    }
}

impl UnitHealth {
    /// Whether systemd saw it end, and starts it again or will be told to.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state == UnitState::Failed || self.is_restarting
    }
}

#[cfg(test)]
mod tests;
