//! Whether the apps are as wanted as far as systemd and the disk tell: then Podman need not be
//! asked.

use std::collections::BTreeMap;

use super::{Load, Observed, Override, Service};
use crate::desired::{App, Desired, DesiredContainer, Present};
use crate::name::AppId;
use crate::quadlet::Mark;

/// Whether Podman must be asked before a plan can be made.
#[must_use]
pub fn needs_podman(desired: &Desired, observed: &Observed) -> bool {
    let anything = desired
        .apps
        .values()
        .any(|app| matches!(app, App::Present(_) | App::Removed { .. }));
    // A restart may be the occasion to make a network anew.
    let renews = !observed.memory.unisolated.is_empty() && !observed.memory.restarts.is_empty();
    renews
        || (anything && observed.fingerprint.as_ref() != Some(&observed.memory.fingerprint))
        || desired.apps.iter().any(|(id, app)| match app {
            App::Present(present) => !is_settled(present, observed),
            App::Removed { .. } => observed.traces_of(id).is_empty(),
            App::Broken { .. }
            | App::NeedsSecrets { .. }
            | App::NeedsApp { .. }
            | App::NeedsFile { .. } => false,
        })
}

/// Whether Quadlet has made a service of every unit that is wanted, as it is wanted.
#[must_use]
pub fn is_generated(desired: &Desired, generated: &BTreeMap<String, Mark>) -> bool {
    let mut units = desired
        .present()
        .flat_map(|(_, present)| present.units.values());
    units.all(|unit| unit.is_generated(generated))
}

/// Whether each container of an app is as wanted, as far as systemd and the disk can tell.
fn is_settled(present: &Present, observed: &Observed) -> bool {
    present.containers().all(|(unit, container)| {
        let waits = !container.companion && awaited(present, observed).is_some();
        let current = observed.unit_files.get(&unit.file.name).map(Vec::as_slice)
            == Some(unit.file.content.as_bytes());
        if !current || container.image_facts.is_none() {
            return false;
        }
        let Some(service) = observed.services.get(&unit.service) else {
            return !present.running || waits || has_failed_job(container, observed);
        };
        let known = observed.overrides.contains_key(&unit.service) || service.load == Load::Masked;
        known
            || if present.running {
                service.is_up() || (service.is_down() && waits)
            } else {
                service.is_down()
            }
    })
}

/// The job that must end before a container may start, if it has not ended. Starting the container
/// earlier would make systemd start an awaited job that failed, so the job would run again with
/// each attempt.
#[must_use]
pub fn awaited_job<'a>(container: &'a DesiredContainer, observed: &Observed) -> Option<&'a String> {
    let has_ended = |service: &String, must_succeed: bool| {
        let found = observed.services.get(service);
        found.is_some_and(|found| found.is_up() || (!must_succeed && found.has_program_failed()))
    };
    let mut jobs = container.awaits.iter();
    let found = jobs.find(|(service, must_succeed)| !has_ended(service, **must_succeed));
    found.map(|(service, _)| service)
}

fn has_failed_job(container: &DesiredContainer, observed: &Observed) -> bool {
    let failed = |service: &String| {
        let found = observed.services.get(service);
        found.is_some_and(Service::has_program_failed)
    };
    container
        .awaits
        .iter()
        .any(|(service, must_succeed)| *must_succeed && failed(service))
}

/// A required app that the operator stopped or masked, or whose own required app is stopped so.
/// Until that changes, this app could only try to reach it.
#[must_use]
pub fn stopped_required<'a>(
    desired: &Desired,
    present: &'a Present,
    observed: &Observed,
) -> Option<&'a AppId> {
    let is_masked_and_down = |service: &String| {
        let found = observed.services.get(service);
        let masked = observed.overrides.get(service) == Some(&Override::Masked)
            || found.is_some_and(|found| found.load == Load::Masked);
        masked && found.is_none_or(Service::is_down)
    };
    // Apps that require each other in a circle are none that are present.
    let is_stopped = |app: &AppId, service: Option<&String>| {
        let stopped = matches!(desired.apps.get(app), Some(App::Present(required))
            if !required.running || stopped_required(desired, required, observed).is_some());
        stopped || service.is_some_and(is_masked_and_down)
    };
    let mut required = present.requires.iter();
    let found = required.find(|(app, service)| is_stopped(app, service.as_ref()));
    found.map(|(app, _)| app)
}

/// A required app that cannot be reached, for which this one waits before it is started.
#[must_use]
pub fn awaited<'a>(present: &'a Present, observed: &Observed) -> Option<&'a AppId> {
    let is_up = |service: &String| observed.services.get(service).is_some_and(Service::is_up);
    present
        .requires
        .iter()
        .find(|(_, service)| service.as_ref().is_some_and(|service| !is_up(service)))
        .map(|(app, _)| app)
}
