//! The health of one app, without regard to the apps that it requires.

use super::model::{AppHealth, UnitHealth, UrlHealth};
use super::state::{State, UnitState};
use super::unit::{judge_unit, leftover_units};
use super::why::Why;
use crate::desired::{App, Present};
use crate::layout::Layout;
use crate::name::AppId;
use crate::network;
use crate::observed::{Answer, Busy, Observed, Podman};
use crate::plan::blocked;
use crate::retries::{Retries, Subject};

pub(super) fn judge(
    layout: &Layout,
    id: &AppId,
    app: &App,
    observed: &Observed,
    retries: &Retries,
) -> AppHealth {
    // Of a failed attempt the cause may not be known.
    let failure = retries
        .attempts(&Subject::App(id.clone()))
        .map(|attempts| attempts.cause.clone().map(Why::Attempt));
    let bare = |state, why: Option<Why>| AppHealth {
        id: id.clone(),
        state,
        why,
        units: leftover_units(id, observed),
        urls: Vec::new(),
        busy: None,
        waits: None,
    };
    match app {
        App::Broken { cause, .. } => {
            bare(State::Failed, Some(Why::Broken(Box::new(cause.clone()))))
        }
        App::NeedsSecrets { .. } => match failure {
            Some(cause) => bare(State::Failed, cause),
            None => bare(State::Starting, None),
        },
        App::NeedsApp { other } => bare(State::Waiting, Some(Why::NoSecrets(other.clone()))),
        App::NeedsFile { other, file } => {
            let (app, file) = (other.clone(), file.clone());
            bare(State::Waiting, Some(Why::NoFile { app, file }))
        }
        App::Removed { required_by, .. } if !required_by.is_empty() => {
            let (app, by) = (id.clone(), required_by.clone());
            bare(State::Removing, Some(Why::Required { app, by }))
        }
        App::Removed { .. } => {
            let unreachable = match &observed.podman {
                Podman::Unreachable(cause) => Some(Why::Podman(cause.clone())),
                Podman::Unasked | Podman::Answered(_) => None,
            };
            bare(State::Removing, failure.unwrap_or(unreachable))
        }
        App::Present(present) => {
            let units: Vec<UnitHealth> = present
                .containers()
                .map(|(unit, container)| {
                    let mut health = judge_unit(id, unit, container, observed, retries);
                    // A stopped app may have ended with any status.
                    if !present.running && health.state == UnitState::Failed {
                        health.state = UnitState::Inactive;
                        health.why = None;
                    }
                    health
                })
                .collect();
            let (state, why) = match (blocked(layout, id, present, observed, retries), failure) {
                (Some(blocked), _) => (State::Failed, Some(Why::Blocked(blocked))),
                (None, Some(why)) => (State::Failed, why),
                (None, None) => judge_present(id, present, &units, observed, retries),
            };
            AppHealth {
                id: id.clone(),
                state,
                why,
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
                waits: None,
            }
        }
    }
}

fn judge_present(
    id: &AppId,
    present: &Present,
    units: &[UnitHealth],
    observed: &Observed,
    retries: &Retries,
) -> (State, Option<Why>) {
    if !present.running {
        let rest = units.iter().all(|unit| {
            matches!(
                unit.state,
                UnitState::Inactive | UnitState::Failed | UnitState::Masked
            )
        });
        return if rest {
            (State::Stopped, None)
        } else {
            (State::Stopping, None)
        };
    }
    let broken = |unit: &&UnitHealth| is_failed(unit, present, observed, retries);
    let mut needed = units
        .iter()
        .filter(|unit| !unit.companion && !unit.is_script);
    if let Some(unit) = needed.find(broken) {
        return (State::Failed, Some(of_unit(unit)));
    }
    let starting =
        |unit: &&UnitHealth| unit.state != UnitState::Active && unit.state != UnitState::Masked;
    if let Some(unit) = units.iter().filter(|unit| !broken(unit)).find(starting) {
        let why = unit.why.clone();
        let why = why.unwrap_or_else(|| why_starting(unit, present, observed));
        return (State::Starting, Some(why));
    }
    let stale =
        |unit: &&UnitHealth| unit.state == UnitState::Active && observed.must_restart(&unit.name);
    if let Some(unit) = units.iter().find(stale) {
        return (State::Starting, Some(Why::RestartDue(unit.name.clone())));
    }
    if let Some(unit) = units
        .iter()
        .find(|unit| broken(unit) || unit.state == UnitState::Masked)
    {
        return (State::Degraded, Some(of_unit(unit)));
    }
    let degraded = contention_cause(present, retries)
        .or_else(|| network_problem(present, observed, retries))
        .or_else(|| not_kept(id, retries));
    if degraded.is_some() {
        return (State::Degraded, degraded);
    }
    if let Some(busy) = busy(present, observed) {
        return (State::Starting, Some(Why::Busy(busy.clone())));
    }
    match present
        .probes
        .iter()
        .find(|probe| observed.answers.get(probe) == Some(&Answer::Silent))
    {
        Some(probe) => (State::Starting, Some(Why::Silent(probe.address))),
        None => (State::Ready, None),
    }
}

fn of_unit(unit: &UnitHealth) -> Why {
    Why::Unit {
        unit: unit.name.clone(),
        why: unit.why.clone().map(Box::new),
    }
}

/// Why a container that nothing ails does not run yet.
fn why_starting(unit: &UnitHealth, present: &Present, observed: &Observed) -> Why {
    let name = unit.name.clone();
    let is_activating = unit.state == UnitState::Activating;
    match (busy(present, observed), &unit.awaited_job) {
        (Some(busy), _) => Why::Busy(busy.clone()),
        (None, Some(job)) if is_job(present, job) => Why::AwaitsJob {
            unit: name,
            job: job.clone(),
        },
        (None, _) if is_activating && unit.is_job => Why::JobRuns(name),
        (None, _) if is_activating && starts_healthy(present, unit) => Why::HealthCheck(name),
        (None, _) => Why::UnitIs {
            unit: name,
            state: unit.state,
        },
    }
}

fn is_job(present: &Present, service: &str) -> bool {
    let mut containers = present.containers();
    containers.any(|(unit, container)| unit.service == service && container.is_job)
}

fn starts_healthy(present: &Present, unit: &UnitHealth) -> bool {
    let container = present
        .containers()
        .find(|(desired, _)| desired.service == unit.name);
    container.is_some_and(|(_, container)| container.starts_healthy)
}

/// A file of the app that something else keeps changing.
fn contention_cause(present: &Present, retries: &Retries) -> Option<Why> {
    if retries.is_empty() {
        return None;
    }
    let units = present.units.keys().cloned();
    let files = present.files.keys().map(|path| path.display().to_string());
    units.chain(files).find_map(|file| {
        let attempts = retries.attempts(&Subject::File(file))?;
        attempts.cause.clone().map(Why::Attempt)
    })
}

/// Why the version that a person has agreed to is not kept. Until it is, an edit of the intent that
/// must wait leads back to an earlier version.
fn not_kept(id: &AppId, retries: &Retries) -> Option<Why> {
    let attempts = retries.attempts(&Subject::Granted(id.clone()))?;
    attempts.cause.clone().map(Why::Attempt)
}

/// The part of the app's networks that does not work although its containers run.
fn network_problem(present: &Present, observed: &Observed, retries: &Retries) -> Option<Why> {
    if let Some(loss) = network::loss(present, observed) {
        let attempts = retries.attempts(&Subject::Networks);
        let failed = attempts.and_then(|attempts| attempts.cause.clone());
        return Some(Why::Networks { loss, failed });
    }
    let mut services = present.containers().map(|(unit, _)| unit.service.as_str());
    services.find_map(|service| {
        let closed = observed.network.closed.get(service)?.first()?;
        let attempts = retries.attempts(&Subject::Ports(service.to_owned()))?;
        // Between two observations a container may be on its way up or down.
        (attempts.count > 0).then(|| Why::ClosedPort {
            address: *closed,
            service: service.to_owned(),
        })
    })
}

/// The work that the app says is left.
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
fn is_failed(unit: &UnitHealth, present: &Present, observed: &Observed, retries: &Retries) -> bool {
    if unit.state == UnitState::Active || unit.state == UnitState::Masked {
        return false;
    }
    let desired = present
        .containers()
        .find(|(desired, _)| desired.service == unit.name);
    let Some((desired, container)) = desired else {
        return unit.has_ended();
    };
    // Be it that it ended or that getting the image failed before: the attempt that is under way
    // decides.
    let image = container.image.reference.to_string();
    if observed.images_underway.contains_key(&image) {
        return false;
    }
    unit.has_ended()
        || retries.attempts(&container.image.subject()).is_some()
        || retries
            .attempts(&Subject::Generate(desired.file.name.clone()))
            .is_some()
}
