//! The part of a plan for an app, or a unit, that should go.
//!
//! In stages, each begun only when the observation shows that the one before is done, so a
//! crash anywhere continues where it was: stop the companions, stop the rest, remove the unit
//! files, remove what is left in Podman, remove the data if that was asked for, forget the intent.

use std::collections::{BTreeMap, BTreeSet};

use super::planner::Planner;
use super::services::ToStop;
use crate::action::{AppStep, Reason};
use crate::name::AppId;
use crate::observed::Podman;
use crate::quadlet::service_of;

impl Planner<'_> {
    pub(super) fn removed(&mut self, id: &AppId, purge: bool, required_by: &BTreeSet<AppId>) {
        if !required_by.is_empty() {
            return;
        }
        let units = self.observed.traces_of(id);
        if !units.is_empty() {
            self.complete = false;
            self.stop_and_remove(id, &units, &Reason::UninstallAsked);
            return;
        }
        if self.clean_podman(id, purge) {
            let leftovers = self.observed.leftovers.get(id).cloned().unwrap_or_default();
            for container in leftovers.rendered {
                let step = AppStep::RemoveRendered(container);
                let action = self.action(id, step, Reason::UninstallAsked);
                self.steps.removal.push(action);
            }
            if purge && leftovers.data {
                let action = self.action(id, AppStep::RemoveData, Reason::PurgeAsked);
                self.steps.removal.push(action);
            }
            let action = self.action(id, AppStep::Forget, Reason::UninstallAsked);
            self.steps.removal.push(action);
        }
    }

    /// Stops these units' services, companions first. Once all have ended, removes the files.
    pub(super) fn stop_and_remove(
        &mut self,
        id: &AppId,
        units: &BTreeMap<String, bool>,
        reason: &Reason,
    ) {
        let to_stop = |unit: &String, companion| ToStop {
            service: service_of(unit),
            companion,
            reason: reason.clone(),
        };
        let services = units
            .iter()
            .filter(|(unit, _)| unit.ends_with(".container"))
            .map(|(unit, companion)| to_stop(unit, *companion));
        if !self.stop_all(id, services) {
            return;
        }
        // Networks and volumes have nothing to stop but systemd's belief that they are made; once
        // their units are gone, nobody could tell whose belief that was.
        let made = units
            .keys()
            .filter(|unit| !unit.ends_with(".container"))
            .map(|unit| to_stop(unit, false));
        if !self.stop_all(id, made) {
            return;
        }
        for unit in units.keys() {
            if let Some(container) = unit.strip_suffix(".container") {
                let step = AppStep::RemoveRendered(container.to_owned());
                let action = self.action(id, step, reason.clone());
                self.steps.files.push(action);
            }
            // A unit whose file is gone already is forgotten by systemd at the next reload.
            if self.observed.unit_files.contains_key(unit) {
                self.remove_unit(id, unit, reason.clone());
            } else {
                self.steps.reload.get_or_insert_with(|| reason.clone());
            }
        }
    }

    /// Removes what Podman still has of the app. Says whether it had nothing any more.
    fn clean_podman(&mut self, id: &AppId, purge: bool) -> bool {
        let view = match &self.observed.podman {
            Podman::Answered(view) => view,
            Podman::Unasked | Podman::Unreachable(_) => return false,
        };
        let ours = |owner: &Option<AppId>| owner.as_ref() == Some(id);
        let containers = view.containers.iter().filter(|(_, owner)| ours(owner));
        let mut steps: Vec<AppStep> = containers
            .map(|(name, _)| AppStep::RemoveContainer(name.clone()))
            .collect();
        let networks = view
            .networks
            .iter()
            .filter(|(_, network)| ours(&network.owner));
        steps.extend(networks.map(|(name, _)| AppStep::RemoveNetwork(name.clone())));
        // A volume is only Podman's name for a folder of the data directory, which stays.
        let volumes = view.volumes.iter().filter(|(_, owner)| ours(owner));
        steps.extend(volumes.map(|(name, _)| AppStep::RemoveVolume(name.clone())));
        let secrets = view
            .secrets
            .iter()
            .filter(|(_, owner)| owner.as_ref().is_some_and(|(app, _)| app == id));
        steps.extend(secrets.map(|(name, _)| AppStep::RemoveSecret(name.clone())));
        if purge {
            let built = view.images.iter().filter(|(_, owner)| ours(owner));
            steps.extend(built.map(|(name, _)| AppStep::RemoveImage(name.clone())));
        }
        let clean = steps.is_empty();
        self.complete &= clean;
        for step in steps {
            let reason = match step {
                AppStep::RemoveImage(_) => Reason::PurgeAsked,
                _ => Reason::UninstallAsked,
            };
            let action = self.action(id, step, reason);
            self.steps.removal.push(action);
        }
        clean
    }
}
