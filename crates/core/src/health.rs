//! How an app is, in the words of `status`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::desired::{App, Desired, DesiredContainer, DesiredUnit, Present, Role};
use crate::layout::Layout;
use crate::name::AppId;
use crate::observed::{Active, Load, Observed, Override, Podman, Service};
use crate::plan::blocked;
use crate::progress::{Progress, Subject};

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
}

/// One container of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitHealth {
    /// The systemd service.
    pub name: String,
    /// systemd's state: `active`, `activating`, `deactivating`, `inactive`, `failed`, or `masked`.
    pub state: String,
    /// systemd's finer state, such as `running` or `auto-restart`.
    pub sub_state: String,
    /// Whether it is a companion.
    pub companion: bool,
    /// How often systemd restarted it after a failure; 0 while it is well.
    pub restarts: u32,
    /// Why it is not well; empty when it is.
    pub message: String,
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
    Report {
        apps: apps.into_values().collect(),
    }
}

fn judge(
    layout: &Layout,
    id: &AppId,
    app: &App,
    observed: &Observed,
    progress: &Progress,
) -> AppHealth {
    let failure = progress
        .attempts(&Subject::App(id.clone()))
        .map(|attempts| attempts.cause.clone());
    let bare = |state, message: String| AppHealth {
        id: id.clone(),
        state,
        message,
        units: leftover_units(id, observed),
        urls: Vec::new(),
    };
    match app {
        App::Broken { cause, .. } => bare(State::Failed, cause.clone()),
        App::NeedsSecrets { .. } => match failure {
            Some(cause) => bare(State::Failed, cause),
            None => bare(State::Starting, String::new()),
        },
        App::NeedsApp { other } => bare(State::Waiting, format!("{other} has no secrets yet")),
        App::Removed { required_by, .. } if !required_by.is_empty() => {
            let names: Vec<&str> = required_by.iter().map(AppId::as_str).collect();
            bare(
                State::Removing,
                format!("uninstall {} first: it requires {id}", names.join(" and ")),
            )
        }
        App::Removed { .. } => {
            let unreachable = match &observed.podman {
                Podman::Unreachable(cause) => Some(cause.clone()),
                Podman::Unasked | Podman::Seen(_) => None,
            };
            bare(State::Removing, failure.or(unreachable).unwrap_or_default())
        }
        App::Present(present) => {
            let units: Vec<UnitHealth> = present
                .containers()
                .map(|(unit, container)| {
                    let mut health = judge_unit(unit, container, observed, progress);
                    // How it ended when it was told to is no news.
                    if !present.running && health.state == "failed" {
                        health.state = "inactive".to_owned();
                        health.message = String::new();
                    }
                    health
                })
                .collect();
            let (state, message) = match (blocked(layout, id, present, observed, progress), failure)
            {
                (Some(cause), _) | (None, Some(cause)) => (State::Failed, cause),
                (None, None) => judge_present(present, &units, observed, progress),
            };
            AppHealth {
                id: id.clone(),
                state,
                message,
                units,
                urls: present
                    .urls
                    .iter()
                    .map(|(title, url)| UrlHealth {
                        title: title.clone(),
                        url: url.clone(),
                    })
                    .collect(),
            }
        }
    }
}

fn leftover_units(id: &AppId, observed: &Observed) -> Vec<UnitHealth> {
    let names = observed
        .units_of(id)
        .filter(|name| name.ends_with(".container"));
    names
        .map(|name| {
            let service = crate::quadlet::service_of(name);
            let found = observed.services.get(&service);
            UnitHealth {
                state: state_word(found).to_owned(),
                sub_state: found.map(|found| found.sub.clone()).unwrap_or_default(),
                companion: observed.mark(name).is_some_and(|mark| mark.companion),
                restarts: 0,
                message: String::new(),
                name: service,
            }
        })
        .collect()
}

fn state_word(service: Option<&Service>) -> &'static str {
    match service.map(|service| service.active) {
        Some(Active::Active) => "active",
        Some(Active::Activating) => "activating",
        Some(Active::Deactivating) => "deactivating",
        Some(Active::Failed) => "failed",
        Some(Active::Inactive) | None => "inactive",
    }
}

fn judge_unit(
    unit: &DesiredUnit,
    container: &DesiredContainer,
    observed: &Observed,
    progress: &Progress,
) -> UnitHealth {
    let found = observed.services.get(&unit.service);
    let masked = observed.overrides.get(&unit.service) == Some(&Override::Masked)
        || found.is_some_and(|found| found.load == Load::Masked);
    let failure = found.and_then(|found| found.failure.as_ref());
    UnitHealth {
        name: unit.service.clone(),
        state: if masked {
            "masked".to_owned()
        } else {
            state_word(found).to_owned()
        },
        sub_state: found.map(|found| found.sub.clone()).unwrap_or_default(),
        companion: container.companion,
        restarts: failure.map_or(0, |failure| failure.restarts),
        message: if masked {
            format!(
                "masked by the operator; systemctl --user unmask {} gives it back",
                unit.service
            )
        } else {
            unit_problem(unit, container, found, observed, progress)
        },
    }
}

fn unit_problem(
    unit: &DesiredUnit,
    container: &DesiredContainer,
    found: Option<&Service>,
    observed: &Observed,
    progress: &Progress,
) -> String {
    let image = container.image.reference.to_string();
    if let Some(line) = observed.images_underway.get(&image) {
        return format!("getting the image {image}: {line}");
    }
    let up = found.is_some_and(Service::is_up);
    if let Some(attempts) = progress.attempts(&container.image.subject())
        && !up
    {
        return format!("no image {image}: {}", attempts.cause);
    }
    if let Some(attempts) = progress.attempts(&Subject::Generate(unit.file.name.clone())) {
        return attempts.cause.clone();
    }
    if let Podman::Unreachable(cause) = &observed.podman
        && !up
    {
        return cause.clone();
    }
    if let Some(failure) = found.and_then(|found| found.failure.as_ref())
        && found.is_some_and(|found| found.is_restarting() || found.active == Active::Failed)
    {
        return format!(
            "it ended with {} (status {}) and was restarted {} times; see: archipelago logs, or journalctl --user -u {}",
            failure.result, failure.status, failure.restarts, unit.service
        );
    }
    String::new()
}

fn judge_present(
    present: &Present,
    units: &[UnitHealth],
    observed: &Observed,
    progress: &Progress,
) -> (State, String) {
    if !present.running {
        let rest = units
            .iter()
            .all(|unit| matches!(unit.state.as_str(), "inactive" | "failed" | "masked"));
        return if rest {
            (State::Stopped, String::new())
        } else {
            (State::Starting, "stopping".to_owned())
        };
    }
    let broken = |unit: &&UnitHealth| is_failed(unit, present, progress);
    if let Some(unit) = units.iter().filter(|unit| !unit.companion).find(broken) {
        return (State::Failed, format!("{}: {}", unit.name, unit.message));
    }
    let starting = |unit: &&UnitHealth| unit.state != "active" && unit.state != "masked";
    if let Some(unit) = units.iter().filter(|unit| !broken(unit)).find(starting) {
        let message = if unit.message.is_empty() {
            format!("{} is {}", unit.name, unit.state)
        } else {
            unit.message.clone()
        };
        return (State::Starting, message);
    }
    if let Some(unit) = units
        .iter()
        .find(|unit| broken(unit) || unit.state == "masked")
    {
        return (State::Degraded, format!("{}: {}", unit.name, unit.message));
    }
    match present
        .probes
        .iter()
        .find(|probe| observed.answers.get(probe) == Some(&false))
    {
        Some(probe) => (
            State::Starting,
            format!("it runs, but does not answer at {} yet", probe.address),
        ),
        None => (State::Ready, String::new()),
    }
}

/// A unit that will not come up without a change or another attempt.
fn is_failed(unit: &UnitHealth, present: &Present, progress: &Progress) -> bool {
    if unit.state == "active" || unit.state == "masked" {
        return false;
    }
    if unit.state == "failed" || unit.sub_state.starts_with("auto-restart") {
        return true;
    }
    let desired = present
        .units
        .values()
        .find(|desired| desired.service == unit.name);
    desired.is_some_and(|desired| {
        let image = match &desired.role {
            Role::Container(container) => progress.attempts(&container.image.subject()),
            Role::Network(_) | Role::Volume(_) => None,
        };
        image
            .or_else(|| progress.attempts(&Subject::Generate(desired.file.name.clone())))
            .is_some()
    })
}

#[cfg(test)]
mod tests;
