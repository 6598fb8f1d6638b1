//! The health of apps, as `status` shows it.

mod app;
mod model;
mod state;
#[cfg(test)]
mod tests;
mod unit;
mod why;

use std::collections::BTreeMap;

use crate::desired::{Desired, Present};
use crate::name::AppId;
use crate::observed::{Observed, awaited};
use crate::plan::without_network;
use crate::retries::Retries;
use app::judge;

pub use model::{AppHealth, Report, UnitHealth, UrlHealth};
pub use state::{AwaitedImage, State, UnitState};
pub use why::{Because, Why};

/// Judges all apps.
#[must_use]
pub fn report(desired: &Desired, observed: &Observed, retries: &Retries) -> Report {
    let mut apps: BTreeMap<&AppId, AppHealth> = BTreeMap::new();
    for (id, app) in &desired.apps {
        let health = AppHealth {
            waits: desired.held.get(id).cloned(),
            ..judge(&desired.layout, id, app, observed, retries)
        };
        apps.insert(id, health);
    }
    for (id, present) in desired.present() {
        if let Some(other) = without_network(desired, present, observed, retries)
            && let Some(health) = apps.get_mut(id)
            && health.state != State::Failed
            && !has_its_files(present, observed)
        {
            health.state = State::Waiting;
            health.why = Some(Why::NoNetwork {
                app: id.clone(),
                other: other.clone(),
            });
        }
    }
    for (id, present) in in_order(desired) {
        let unreachable = awaited(present, observed);
        if let Some(why) = waits_for(present, unreachable, &apps)
            && let Some(health) = apps.get_mut(id)
            && would_be_well(health, unreachable.is_some())
        {
            health.state = State::Waiting;
            health.why = Some(why);
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

/// Why an app waits whose required app cannot be reached, or is not yet of use.
fn waits_for(
    present: &Present,
    unreachable: Option<&AppId>,
    apps: &BTreeMap<&AppId, AppHealth>,
) -> Option<Why> {
    present.requires.keys().find_map(|app| {
        let required = apps.get(app)?;
        let because = match (required.state, &required.busy) {
            (State::Degraded, _) if unreachable == Some(app) => Because::Masked,
            (State::Ready | State::Degraded, _) => return None,
            (State::Starting, Some(busy)) => Because::Busy(busy.clone()),
            (state, _) => Because::Is(state),
        };
        let app = app.clone();
        Some(Why::Waits { app, because })
    })
}

/// Whether the app only waits: it is still starting, or its containers ended because a required app
/// cannot be reached. If that app can be reached, the fault is its own.
fn would_be_well(health: &AppHealth, unreachable: bool) -> bool {
    let own = || health.units.iter().filter(|unit| !unit.companion);
    match health.state {
        State::Starting => own().all(|unit| unit.why.is_none()),
        State::Failed => unreachable && own().any(UnitHealth::has_ended),
        _ => false,
    }
}
