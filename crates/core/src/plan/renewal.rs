//! Networks that exist and are not isolated are made anew once nobody is on them.
//!
//! Nothing is stopped for that. A network is removed when every container that joins it is down, or
//! runs and is about to be restarted in any case: then these stop, the network goes, and their
//! start makes it again by its unit, now isolated.

use std::collections::{BTreeMap, BTreeSet};

use super::planner::{Planner, Renewal, is_blocked};
use crate::action::{AppStep, Reason};
use crate::desired::{App, Desired, DesiredContainer, DesiredUnit, Role};
use crate::name::AppId;
use crate::observed::{Active, Job, Memory, Observed, PodmanNetwork};
use crate::retries::Subject;

/// The networks of apps that should be there, as Podman has them, without isolation.
pub(super) fn unisolated<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
) -> impl Iterator<Item = (&'a AppId, &'a DesiredUnit, &'a str, &'a PodmanNetwork)> {
    let view = observed.podman_view();
    desired.present().flat_map(move |(id, present)| {
        let units = present.units.values();
        units.filter_map(move |unit| {
            let Role::Network(name) = &unit.role else {
                return None;
            };
            let network = view?.networks.get(name)?;
            let ours = network.owner.as_ref() == Some(id) && !network.isolated;
            ours.then_some((id, unit, name.as_str(), network))
        })
    })
}

/// The services that a restart of an app restarts if they run: the app's own and, while one of its
/// networks is not isolated, those of the apps that require it, because their containers may keep
/// that network in use.
pub(super) fn restarted_with<'a>(
    desired: &'a Desired,
    memory: &Memory,
    id: &AppId,
) -> BTreeSet<&'a str> {
    let is_its_network = |unit: &DesiredUnit| matches!(&unit.role, Role::Network(name) if memory.unisolated.contains(name));
    let own = desired.present().find(|(other, _)| *other == id);
    let renewed = own.is_some_and(|(_, present)| present.units.values().any(is_its_network));
    let restarted = desired
        .present()
        .filter(|(other, present)| *other == id || (renewed && present.requires.contains_key(id)));
    restarted
        .flat_map(|(_, present)| present.containers())
        .map(|(unit, _)| unit.service.as_str())
        .collect()
}

/// The services of [`restarted_with`] that run, each with its invocation.
#[must_use]
pub fn running_invocations(
    desired: &Desired,
    observed: &Observed,
    id: &AppId,
) -> BTreeMap<String, String> {
    let restarted = restarted_with(desired, &observed.memory, id).into_iter();
    let invocations = restarted.filter_map(|service| {
        let invocation = observed.invocations.get(service)?;
        Some((service.to_owned(), invocation.clone()))
    });
    invocations.collect()
}

/// How a container that joins a network stands in its way.
enum Joiner {
    Down,
    /// It is on its way down.
    Stopping,
    /// It runs with something older than its unit, or is to be restarted because the operator
    /// asked.
    Due,
    /// It runs, or comes up.
    Stays,
}

impl Joiner {
    fn of(service: &str, observed: &Observed, restarts: &BTreeMap<String, String>) -> Self {
        let Some(found) = observed.services.get(service) else {
            return Self::Down;
        };
        let stopping = found.active == Active::Deactivating || found.job == Some(Job::Stop);
        let stale = restarts
            .get(service)
            .is_some_and(|stale| observed.invocations.get(service) == Some(stale));
        if found.is_down() || found.is_done() {
            Self::Down
        } else if stopping {
            Self::Stopping
        } else if stale {
            Self::Due
        } else {
            Self::Stays
        }
    }
}

impl Renewal {
    pub(super) fn of(planner: &Planner<'_>) -> Self {
        let mut renewal = Self::default();
        for (id, unit, name, network) in unisolated(planner.desired, planner.observed) {
            renewal.consider(planner, id, unit, name, network);
        }
        renewal
    }

    fn consider(
        &mut self,
        planner: &Planner<'_>,
        id: &AppId,
        unit: &DesiredUnit,
        name: &str,
        network: &PodmanNetwork,
    ) {
        // A removal that failed must not keep the app from starting.
        let subject = Subject::Network(name.to_owned());
        if !planner.retries.is_due(&subject, planner.now) {
            return;
        }
        let Some(joiners) = joiners(planner, name, network) else {
            return;
        };
        let stands = |unit: &DesiredUnit| {
            Joiner::of(&unit.service, planner.observed, &planner.memory.restarts)
        };
        let joiners: Vec<(&AppId, &str, Joiner)> = joiners
            .into_iter()
            .map(|(app, unit)| (app, unit.service.as_str(), stands(unit)))
            .collect();
        let stays = |(.., joiner): &(&AppId, &str, Joiner)| matches!(joiner, Joiner::Stays);
        let is_due = |(.., joiner): &&(&AppId, &str, Joiner)| matches!(joiner, Joiner::Due);
        // The app that removes it, and those that stop what runs on it, must be able to.
        let due = joiners.iter().filter(is_due).map(|(app, ..)| *app);
        let all_act = due.chain([id]).all(|app| may_act(planner, app));
        if !all_act || joiners.iter().any(stays) {
            return;
        }
        let is_down = |(.., joiner): &(&AppId, &str, Joiner)| matches!(joiner, Joiner::Down);
        let all_down = joiners.iter().all(is_down);
        let made_by_its_unit = unit.is_generated(&planner.observed.generated);
        if all_down {
            // A container that Podman still lists without its service is not judged here.
            if !network.containers.is_empty() || !(made_by_its_unit || will_be_read(planner, unit))
            {
                return;
            }
            if made_by_its_unit {
                let removed = self.removed.entry(id.clone()).or_default();
                removed.insert(name.to_owned());
            }
        }
        for (_, service, joiner) in joiners {
            self.start_blocked.insert(service.to_owned());
            if matches!(joiner, Joiner::Due) {
                self.stopped.insert(service.to_owned(), name.to_owned());
            }
        }
    }
}

/// The units whose containers join a network, by what is wanted and by what Podman lists, each with
/// its app; `None` where Podman lists one that is no app's.
fn joiners<'a>(
    planner: &Planner<'a>,
    name: &str,
    network: &PodmanNetwork,
) -> Option<Vec<(&'a AppId, &'a DesiredUnit)>> {
    let mut known = BTreeSet::new();
    let mut joiners = Vec::new();
    for (app, present) in planner.desired.present() {
        for (unit, container) in present.containers() {
            let is_on_it = network.containers.contains(&container.name);
            if is_on_it || container.networks.contains(name) {
                known.insert(&container.name);
                joiners.push((app, unit));
            }
        }
    }
    let all_known = network.containers.iter().all(|name| known.contains(name));
    all_known.then_some(joiners)
}

fn may_act(planner: &Planner<'_>, id: &AppId) -> bool {
    let subject = Subject::App(id.clone());
    match planner.desired.apps.get(id) {
        Some(App::Present(present)) => {
            planner.retries.is_due(&subject, planner.now) && !is_blocked(planner, id, present)
        }
        _ => false,
    }
}

/// Whether this pass lets systemd read the unit as it is wanted.
fn will_be_read(planner: &Planner<'_>, unit: &DesiredUnit) -> bool {
    let is_due = |subject| planner.retries.is_due(&subject, planner.now);
    let found = planner.observed.unit_files.get(&unit.file.name);
    let current = found.is_some_and(|found| found == unit.file.content.as_bytes());
    let file = || Subject::File(unit.file.name.clone());
    let generated = || Subject::Generate(unit.file.name.clone());
    is_due(Subject::Reload)
        && if current {
            is_due(generated())
        } else {
            is_due(file())
        }
}

impl Planner<'_> {
    /// Notes which networks are not isolated, so that a later pass knows without asking Podman.
    pub(super) fn note_unisolated(&mut self) {
        if self.observed.podman_view().is_some() {
            let networks = unisolated(self.desired, self.observed);
            self.memory.unisolated = networks.map(|(_, _, name, _)| name.to_owned()).collect();
        }
    }

    pub(super) fn remove_renewed_networks(&mut self, id: &AppId) {
        let removed = self.renewal.removed.get(id).into_iter().flatten();
        let actions: Vec<_> = removed
            .map(|name| {
                let network = name.clone();
                let step = AppStep::RemoveNetwork(name.clone());
                self.action(id, step, Reason::NotIsolated { network })
            })
            .collect();
        self.steps.removal.extend(actions);
    }

    /// Whether a service that became due for a restart only in this pass waits for the next one:
    /// that one knows whether all that join its network are due.
    pub(super) fn is_newly_stale(&self, unit: &DesiredUnit, container: &DesiredContainer) -> bool {
        let joins_unisolated = || {
            let unisolated = &self.memory.unisolated;
            container
                .networks
                .iter()
                .any(|name| unisolated.contains(name))
        };
        let is_due = |restarts: &BTreeMap<String, String>| restarts.contains_key(&unit.service);
        is_due(&self.memory.restarts)
            && !is_due(&self.observed.memory.restarts)
            && joins_unisolated()
    }
}

/// Whether a network may be removed although its app stays: it is the app's own, not isolated, and
/// nobody is on it.
pub(super) fn is_free(desired: &Desired, observed: &Observed, id: &AppId, name: &str) -> bool {
    let is_down = |unit: &DesiredUnit| {
        let found = observed.services.get(&unit.service);
        found.is_none_or(|found| found.is_down() || found.is_done())
    };
    let mut joining = desired
        .present()
        .flat_map(|(_, present)| present.containers())
        .filter(|(_, container)| container.networks.contains(name));
    let mut networks = unisolated(desired, observed);
    networks.any(|(owner, _, found, network)| {
        owner == id && found == name && network.containers.is_empty()
    }) && joining.all(|(unit, _)| is_down(unit))
}
