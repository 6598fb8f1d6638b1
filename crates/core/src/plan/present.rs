//! The part of a plan for an app that should be there.

use std::collections::BTreeSet;

use super::planner::{Planner, is_blocked};
use super::services::ToStop;
use crate::action::{AppStep, Reason};
use crate::desired::{Desired, DesiredContainer, DesiredUnit, Present, Role};
use crate::image_facts::{ImageState, KnownImages};
use crate::name::AppId;
use crate::observed::{Observed, Podman, Service, awaited, awaited_job, stopped_required};

/// The services that should run and whose image is not on the node, as far as is known.
pub(super) fn imageless(desired: &Desired, observed: &Observed) -> BTreeSet<String> {
    let missing = |unit: &DesiredUnit, container: &DesiredContainer| match &observed.podman {
        // Everything runs, so everything is there.
        Podman::Unasked => false,
        Podman::Answered(view) => !view
            .images
            .contains_key(&container.image.reference.to_string()),
        // An image that was there is probably still there, and a unit whose image is not fails
        // without harm.
        Podman::Unreachable(_) => {
            observed.unit_files.get(&unit.file.name).map(Vec::as_slice)
                != Some(unit.file.content.as_bytes())
        }
    };
    desired
        .present()
        .filter(|(_, present)| present.running)
        .flat_map(|(_, present)| present.containers())
        .filter(|(unit, container)| missing(unit, container))
        .map(|(unit, _)| unit.service.clone())
        .collect()
}

/// The services of which it is not known which volumes their units must name because of their
/// images. A unit whose image is not on the node is written all the same: it cannot start before
/// the image is there, and known.
pub(super) fn unknown(desired: &Desired, observed: &Observed) -> BTreeSet<String> {
    let is_absent = |container: &DesiredContainer| {
        let reference = container.image.reference.to_string();
        let view = observed.podman_view();
        view.is_some_and(|view| !view.images.contains_key(&reference))
    };
    desired
        .present()
        .flat_map(|(_, present)| present.containers())
        .filter(|(_, container)| container.image_facts.is_none() && !is_absent(container))
        .map(|(unit, _)| unit.service.clone())
        .collect()
}

impl Planner<'_> {
    pub(super) fn present(&mut self, id: &AppId, present: &Present) {
        if is_blocked(self, id, present) {
            self.complete = false;
            return;
        }
        self.make_folders(id, present);
        self.store_mounted(id, present);
        self.write_files(id, present);
        self.store_secrets(id, present);
        self.remember_images(id, present);
        let ready: Vec<bool> = present
            .units
            .values()
            .map(|unit| self.has_image(id, unit))
            .collect();
        for (unit, has_image) in present.units.values().zip(&ready) {
            if !self.unknown.contains(&unit.service) {
                self.unit_file(id, unit, *has_image);
            }
        }
        // Without these facts, the volumes of an image would be among what is left over; and an old
        // unit that waits for the image of the new one still names volumes and networks.
        if ready.iter().all(|has_image| *has_image)
            && present
                .containers()
                .all(|(_, container)| container.image_facts.is_some())
        {
            self.remove_units_left_over(id, present);
        }
        self.recreate_vanished(id, present);
        self.remove_renewed_networks(id);
        // Until the required app can be reached, this app would only crash repeatedly. Its
        // companions start anyway: they can show that it waits.
        let waits = awaited(present, self.observed);
        let stopped = stopped_required(self.desired, present, self.observed);
        let is_to_run = |container: &DesiredContainer| {
            present.running && (container.companion || stopped.is_none())
        };
        for (unit, has_image) in present.units.values().zip(&ready) {
            if let Role::Container(container) = &unit.role
                && is_to_run(container)
                && *has_image
                && !self.unknown.contains(&unit.service)
                && (container.companion || waits.is_none())
                && self.can_start(container)
                && !self.waits_for_job(unit, container)
                && !self.renewal.blocks_start(&unit.service)
                && !self.is_newly_stale(unit, container)
            {
                self.run(id, unit, container);
            }
        }
        if let Some(required) = waits {
            self.stop_crash_loops(id, present, required);
        }
        self.cancel_stops_that_delay_starts(id, present);
        // Its callers stop first, while they can still reach it.
        let followed = (!present.running || stopped.is_some()) && self.is_followed(id);
        let to_stop = present
            .containers()
            .filter_map(|(unit, container)| {
                let network = self.renewal.stops_for(&unit.service);
                let is_to_stop = !is_to_run(container) && (container.companion || !followed);
                let reason = match (stopped, network) {
                    (Some(app), _) if is_to_stop && present.running => {
                        Reason::RequiredStopped { app: app.clone() }
                    }
                    _ if is_to_stop => Reason::StopAsked,
                    (_, Some(network)) => Reason::NotIsolated {
                        network: network.clone(),
                    },
                    (_, None) => return None,
                };
                Some(ToStop {
                    service: unit.service.clone(),
                    companion: container.companion,
                    reason,
                })
            })
            .collect::<Vec<_>>();
        self.stop_all(id, to_stop.into_iter());
    }

    fn make_folders(&mut self, id: &AppId, present: &Present) {
        for folder in &present.folders {
            let is_missing = !self.observed.folders.contains(folder);
            if is_missing {
                let step = AppStep::MakeFolder(folder.clone());
                let action = self.action(id, step, Reason::Missing);
                self.steps.first.push(action);
            }
            if let Some(owner) = present.owners.get(folder)
                && (is_missing || self.observed.ungiven.contains(folder))
            {
                let step = AppStep::GiveFolder {
                    path: folder.clone(),
                    owner: *owner,
                };
                let file = folder.display().to_string();
                let action = self.action(id, step, Reason::OwnerDiffers { file });
                self.steps.first.push(action);
            }
        }
    }

    fn store_secrets(&mut self, id: &AppId, present: &Present) {
        let Some(view) = self.observed.podman_view() else {
            return;
        };
        for (name, secret) in &present.secrets {
            let stored = view.secrets.get(name).and_then(Option::as_ref);
            let same = stored
                .is_some_and(|(app, revision)| *app == secret.app && *revision == secret.revision);
            if !same {
                self.complete = false;
                let step = AppStep::StoreSecret {
                    podman_name: name.clone(),
                    name: secret.secret.clone(),
                    revision: secret.revision.clone(),
                    content: secret.content.clone(),
                };
                let reason = match stored {
                    Some(_) => Reason::SecretChanged,
                    None => Reason::Missing,
                };
                let action = self.action(id, step, reason);
                self.steps.files.push(action);
            }
        }
    }

    /// Whether the unit's image is on the node, as far as is known; if not, sees to it.
    fn has_image(&mut self, id: &AppId, unit: &DesiredUnit) -> bool {
        self.complete &= !matches!(self.observed.podman, Podman::Unreachable(_));
        let missing = self.imageless.contains(&unit.service);
        if let (true, Role::Container(container), Podman::Answered(_)) =
            (missing, &unit.role, &self.observed.podman)
        {
            self.complete = false;
            self.fetch(id, container, &container.image.reference.to_string());
        }
        !missing
    }

    /// Keeps what was learnt of the app's images.
    fn remember_images(&mut self, id: &AppId, present: &Present) {
        let learnt = present.containers().filter_map(|(_, container)| {
            let reference = container.image.reference.to_string();
            match self.observed.images.get(&reference)? {
                ImageState::Here(facts) if container.image_facts.as_ref() != Some(facts) => {
                    Some((reference, facts.clone()))
                }
                ImageState::Here(_) | ImageState::Damaged(_) => None,
            }
        });
        let learnt: KnownImages = learnt.collect();
        if !learnt.is_empty() {
            self.complete = false;
            let step = AppStep::RememberImages(learnt);
            let action = self.action(id, step, Reason::ImageNotRecorded);
            self.steps.first.push(action);
        }
    }

    /// Starting a service starts those that it wants along with it, so their images must be here as
    /// well.
    fn can_start(&self, container: &DesiredContainer) -> bool {
        !container
            .wants
            .iter()
            .any(|service| self.imageless.contains(service) || self.unknown.contains(service))
    }

    /// Whether a service that does not run waits for the end of a job.
    fn waits_for_job(&self, unit: &DesiredUnit, container: &DesiredContainer) -> bool {
        let found = self.observed.services.get(&unit.service);
        found.is_none_or(Service::is_down) && awaited_job(container, self.observed).is_some()
    }

    fn fetch(&mut self, id: &AppId, container: &DesiredContainer, name: &str) {
        let step = AppStep::EnsureImage(Box::new(container.image.clone()));
        let planned = self.steps.first.iter().any(|action| action.step == step);
        if !planned
            && !self.observed.images_underway.contains_key(name)
            && self.retries.is_due(&container.image.subject(), self.now)
        {
            let action = self.action(id, step, Reason::Missing);
            self.steps.first.push(action);
        }
    }
}
