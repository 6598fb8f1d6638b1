//! How an app is, in the words of `status`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::desired::{App, Desired, DesiredContainer, DesiredUnit, Present};
use crate::image_facts::ImageState;
use crate::layout::Layout;
use crate::name::AppId;
use crate::observed::{Active, Answer, Busy, Load, Observed, Override, Podman, Service, awaited};
use crate::plan::{blocked, without_network};
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
        busy: None,
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
                format!("{id} is required: uninstall {} first", names.join(" and ")),
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
                    if !present.running && health.state == UnitState::Failed {
                        health.state = UnitState::Inactive;
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
                busy: busy(present, observed).cloned(),
            }
        }
    }
}

fn leftover_units(id: &AppId, observed: &Observed) -> Vec<UnitHealth> {
    let units = observed
        .units_of(id)
        .filter(|(name, _)| name.ends_with(".container"));
    units
        .map(|(name, mark)| {
            let service = crate::quadlet::service_of(name);
            let found = observed.services.get(&service);
            UnitHealth {
                state: UnitState::of(found),
                sub_state: found.map(|found| found.sub.clone()).unwrap_or_default(),
                is_restarting: found.is_some_and(Service::is_restarting),
                companion: mark.companion,
                restarts: 0,
                message: String::new(),
                drop_ins: drop_ins(&service, observed),
                name: service,
            }
        })
        .collect()
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
        drop_ins: drop_ins(&unit.service, observed),
        name: unit.service.clone(),
        state: if masked {
            UnitState::Masked
        } else {
            UnitState::of(found)
        },
        sub_state: found.map(|found| found.sub.clone()).unwrap_or_default(),
        is_restarting: found.is_some_and(Service::is_restarting),
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

fn drop_ins(service: &str, observed: &Observed) -> Vec<PathBuf> {
    let files = observed.drop_ins.get(service).into_iter().flatten();
    files.cloned().collect()
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
    if let Some(ImageState::Damaged(cause)) = observed.images.get(&image)
        && !up
    {
        return format!(
            "the image {image} is damaged: {cause}; archipelago doctor says how to remove it, then it is got again by itself"
        );
    }
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
        let rest = units.iter().all(|unit| {
            matches!(
                unit.state,
                UnitState::Inactive | UnitState::Failed | UnitState::Masked
            )
        });
        return if rest {
            (State::Stopped, String::new())
        } else {
            (State::Starting, "stopping".to_owned())
        };
    }
    let broken = |unit: &&UnitHealth| is_failed(unit, present, observed, progress);
    if let Some(unit) = units.iter().filter(|unit| !unit.companion).find(broken) {
        return (State::Failed, format!("{}: {}", unit.name, unit.message));
    }
    let starting =
        |unit: &&UnitHealth| unit.state != UnitState::Active && unit.state != UnitState::Masked;
    if let Some(unit) = units.iter().filter(|unit| !broken(unit)).find(starting) {
        let message = match busy(present, observed) {
            _ if !unit.message.is_empty() => unit.message.clone(),
            Some(busy) => format!("it is {}", busy.message),
            None if unit.state == UnitState::Activating && starts_healthy(present, unit) => {
                format!(
                    "{} runs, and its health check has not succeeded yet",
                    unit.name
                )
            }
            None => format!("{} is {}", unit.name, unit.state.word()),
        };
        return (State::Starting, message);
    }
    let stale =
        |unit: &&UnitHealth| unit.state == UnitState::Active && observed.must_restart(&unit.name);
    if let Some(unit) = units.iter().find(stale) {
        let message = format!("{} is to be restarted with what has changed", unit.name);
        return (State::Starting, message);
    }
    if let Some(unit) = units
        .iter()
        .find(|unit| broken(unit) || unit.state == UnitState::Masked)
    {
        return (State::Degraded, format!("{}: {}", unit.name, unit.message));
    }
    if let Some(cause) = fought_over(present, progress) {
        return (State::Degraded, cause);
    }
    if let Some(busy) = busy(present, observed) {
        return (State::Starting, format!("it is {}", busy.message));
    }
    match present
        .probes
        .iter()
        .find(|probe| observed.answers.get(probe) == Some(&Answer::Silent))
    {
        Some(probe) => (
            State::Starting,
            format!("it runs, but does not answer at {} yet", probe.address),
        ),
        None => (State::Ready, String::new()),
    }
}

fn starts_healthy(present: &Present, unit: &UnitHealth) -> bool {
    let container = present
        .containers()
        .find(|(desired, _)| desired.service == unit.name);
    container.is_some_and(|(_, container)| container.starts_healthy)
}

/// A file of the app that something else keeps changing.
fn fought_over(present: &Present, progress: &Progress) -> Option<String> {
    if progress.is_empty() {
        return None;
    }
    let units = present.units.keys().cloned();
    let files = present.files.keys().map(|path| path.display().to_string());
    units
        .chain(files)
        .find_map(|file| Some(progress.attempts(&Subject::File(file))?.cause.clone()))
}

/// What the app says that it still has to do.
fn busy<'a>(present: &Present, observed: &'a Observed) -> Option<&'a Busy> {
    present
        .probes
        .iter()
        .find_map(|probe| match observed.answers.get(probe) {
            Some(Answer::Busy(busy)) => Some(busy),
            Some(Answer::Ready | Answer::Silent) | None => None,
        })
}

/// A unit that will not come up without a change or another attempt.
fn is_failed(
    unit: &UnitHealth,
    present: &Present,
    observed: &Observed,
    progress: &Progress,
) -> bool {
    if unit.state == UnitState::Active || unit.state == UnitState::Masked {
        return false;
    }
    let desired = present
        .containers()
        .find(|(desired, _)| desired.service == unit.name);
    let Some((desired, container)) = desired else {
        return unit.has_ended();
    };
    // Be it that it ended or that getting the image failed before: the attempt that is under way decides.
    let image = container.image.reference.to_string();
    if observed.images_underway.contains_key(&image) {
        return false;
    }
    unit.has_ended()
        || progress.attempts(&container.image.subject()).is_some()
        || progress
            .attempts(&Subject::Generate(desired.file.name.clone()))
            .is_some()
}

#[cfg(test)]
mod tests;
