//! The part of a plan for an app that should be there.

use std::collections::BTreeSet;
use std::path::Path;

use super::Planner;
use crate::action::{AppStep, Reason};
use crate::desired::{Desired, DesiredContainer, DesiredUnit, Present, Role};
use crate::image_facts::{ImageState, KnownImages};
use crate::layout::Layout;
use crate::name::AppId;
use crate::network;
use crate::observed::{Active, Job, Load, Observed, Override, Podman, Service, at_rest, awaited};
use crate::progress::Subject;

/// A service that should not run.
pub(super) struct ToStop {
    pub(super) service: String,
    pub(super) companion: bool,
    pub(super) reason: Reason,
}

/// Rendered files hold credentials.
pub(super) const FILE_MODE: u32 = 0o600;

pub(super) fn revisions(present: &Present) -> Vec<String> {
    present
        .units
        .values()
        .map(|unit| unit.file.revision.clone())
        .collect()
}

/// A name of the app that someone else has.
pub(super) fn blocked(
    layout: &Layout,
    id: &AppId,
    present: &Present,
    observed: &Observed,
) -> Option<String> {
    let units = present.units.values().find_map(|unit| {
        let name = &unit.file.name;
        // What holds the very bytes that are wanted holds the mark as well.
        let file_taken = observed.unit_files.get(name).is_some_and(|found| {
            found != unit.file.content.as_bytes()
                && observed.mark(name).is_none_or(|mark| mark.app != *id)
        });
        let is_bare = observed.unit_files.get(name).is_some_and(Vec::is_empty);
        if file_taken && is_bare {
            return Some(format!(
                "the unit file {} is empty or cannot be read, so nobody knows whose it is; mend it or move it away, then it goes on by itself",
                layout.unit(name).display()
            ));
        }
        if file_taken {
            return Some(format!(
                "the unit file {} exists and is not its own; move it away, then it goes on by itself",
                layout.unit(name).display()
            ));
        }
        if observed.overrides.get(&unit.service) == Some(&Override::Foreign) {
            return Some(format!(
                "{} hides its unit; move that file away, or use a drop-in",
                layout.systemd.join(&unit.service).display()
            ));
        }
        let view = observed.podman_view()?;
        let (kind, name, owner) = match &unit.role {
            Role::Network(name) => ("network", name, &view.networks.get(name)?.owner),
            Role::Volume(name) => ("volume", name, view.volumes.get(name)?),
            Role::Container(container) => ("container", &container.name, view.containers.get(&container.name)?),
        };
        (owner.as_ref() != Some(id)).then(|| {
            format!("Podman has a {kind} {name} that is not its own; rename or remove it (podman {kind} rm {name})")
        })
    });
    units.or_else(|| {
        let secrets = &observed.podman_view()?.secrets;
        let taken = present.secrets.keys().find(|name| {
            let owner = secrets.get(*name).map(|known| known.as_ref().map(|(app, _)| app));
            owner.is_some_and(|owner| owner != Some(id))
        })?;
        Some(format!(
            "Podman has a secret {taken} that is not its own; rename or remove it (podman secret rm {taken})"
        ))
    })
}

/// The services that should run and whose image is not on the node, as far as is known.
pub(super) fn imageless(desired: &Desired, observed: &Observed) -> BTreeSet<String> {
    let missing = |unit: &DesiredUnit, container: &DesiredContainer| match &observed.podman {
        // Everything runs, so everything is there.
        Podman::Unasked => false,
        Podman::Seen(view) => !view
            .images
            .contains_key(&container.image.reference.to_string()),
        // An image that was there is probably still there, and a unit whose image is not fails without harm.
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

/// The services of which it is not known which volumes their units must name because of their images. A unit whose image is
/// not on the node is written all the same: it cannot start before the image is there, and known.
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
        if super::is_held_back(self, id, present) {
            self.complete = false;
            return;
        }
        for folder in &present.folders {
            if !self.observed.folders.contains(folder) {
                let step = AppStep::MakeFolder(folder.clone());
                let action = self.action(id, step, Reason::Missing);
                self.steps.first.push(action);
            }
        }
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
        // Without them, the volumes of an image would be among what is left over.
        if present
            .containers()
            .all(|(_, container)| container.image_facts.is_some())
        {
            self.remove_units_left_over(id, present);
        }
        self.recreate_vanished(id, present);
        self.remove_renewed_networks(id);
        // Started before what it needs can be reached, it would only end, again and again; where that will not come up by itself, systemd would
        // go on trying. What shows how the app is doing can say that it waits.
        let waits = awaited(present, self.observed);
        let rests = at_rest(self.desired, present, self.observed);
        let is_to_run = |container: &DesiredContainer| {
            present.running && (container.companion || rests.is_none())
        };
        for (unit, has_image) in present.units.values().zip(&ready) {
            if let Role::Container(container) = &unit.role
                && is_to_run(container)
                && *has_image
                && !self.unknown.contains(&unit.service)
                && (container.companion || waits.is_none())
                && self.can_start(container)
                && !self.renewal.holds(&unit.service)
                && !self.is_newly_stale(unit, container)
            {
                self.run(id, unit, container);
            }
        }
        if let Some(required) = waits {
            self.stop_what_tries_in_vain(id, present, required);
        }
        self.let_nothing_wait(id, present);
        // Those who talk to it stop first, while they still can.
        let followed = (!present.running || rests.is_some()) && self.is_followed(id);
        let stopped = present
            .containers()
            .filter_map(|(unit, container)| {
                let network = self.renewal.stops_for(&unit.service);
                let to_rest = !is_to_run(container) && (container.companion || !followed);
                let reason = match (rests, network) {
                    (Some(app), _) if to_rest && present.running => {
                        Reason::RequiredAtRest { app: app.clone() }
                    }
                    _ if to_rest => Reason::StopAsked,
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
        self.stop_all(id, stopped.into_iter());
    }

    /// systemd starts what has ended again and again; what ended because it cannot reach what it requires is started once that is there.
    fn stop_what_tries_in_vain(&mut self, id: &AppId, present: &Present, required: &AppId) {
        let in_vain = present.containers().filter(|(unit, container)| {
            let found = self.observed.services.get(&unit.service);
            !container.follows.is_empty() && found.is_some_and(Service::tries_in_vain)
        });
        let actions: Vec<_> = in_vain
            .map(|(unit, _)| {
                let app = required.clone();
                let step = AppStep::Stop(unit.service.clone());
                self.action(id, step, Reason::RequiredUnreachable { app })
            })
            .collect();
        self.steps.services.extend(actions);
    }

    /// What is ordered after another service (`After=`) stops, in systemd's eyes, before that one starts. While a node is down, what calls it may
    /// take minutes to stop, and the node need not wait for that.
    fn let_nothing_wait(&mut self, id: &AppId, present: &Present) {
        let is_to_start = |service: &String| {
            let found = self.observed.services.get(service);
            found.is_some_and(|found| {
                let rests = matches!(found.active, Active::Inactive | Active::Failed);
                found.job == Some(Job::Other) && (rests || found.is_restarting())
            })
        };
        let held_up = present.containers().filter_map(|(unit, container)| {
            let found = self.observed.services.get(&unit.service)?;
            let stops = found.active == Active::Deactivating && found.job.is_some();
            let mut follows = container.follows.iter().filter(|_| stops);
            Some((unit, follows.find(|service| is_to_start(service))?))
        });
        let actions: Vec<_> = held_up
            .map(|(unit, service)| {
                let service = service.clone();
                let step = AppStep::CancelJob(unit.service.clone());
                self.action(id, step, Reason::DelaysStart { service })
            })
            .collect();
        self.steps.services.extend(actions);
    }

    /// Whether an app that requires this one still runs, and is about to stop.
    fn is_followed(&self, id: &AppId) -> bool {
        self.desired.present().any(|(other, present)| {
            let runs = |unit: &DesiredUnit| {
                let found = self.observed.services.get(&unit.service);
                found.is_some_and(|found| !found.is_down())
            };
            present.requires.contains_key(id)
                && present
                    .containers()
                    .any(|(unit, container)| !container.companion && runs(unit))
                && !super::is_held_back(self, other, present)
                && self.progress.is_due(&Subject::App(other.clone()), self.now)
        })
    }

    fn write_files(&mut self, id: &AppId, present: &Present) {
        for (path, content) in &present.files {
            let found = self.observed.files.get(path);
            let same = found.is_some_and(|file| file.content == content.as_bytes());
            if same && found.is_some_and(|file| file.mode == FILE_MODE) {
                continue;
            }
            if self.is_fought_over(&path.display().to_string()) {
                continue;
            }
            let step = AppStep::WriteFile {
                path: path.clone(),
                content: content.clone(),
            };
            let reader = self.reader(present, path);
            let reason = match found {
                None => Reason::Missing,
                Some(found) if same => Reason::ModeChanged {
                    file: path.display().to_string(),
                    mode: found.mode,
                },
                Some(_) => self.why_file_differs(path, reader),
            };
            let action = self.action(id, step, reason.clone());
            self.steps.files.push(action);
            // A new content comes with a new revision of the unit. A file that is only gone is put back beside the one that the container
            // still has mounted. What is left is a file that someone edited, which the container may have read.
            if let Some(unit) = reader
                && found.is_some()
                && !same
            {
                self.must_restart(&unit.service, reason);
            }
        }
    }

    /// A unit's revision covers the files that its container mounts: by it is told for what a file was written.
    fn why_file_differs(&self, path: &Path, reader: Option<&DesiredUnit>) -> Reason {
        let file = path.display().to_string();
        let revision = reader.and_then(|unit| {
            let on_disk = self.observed.mark(&unit.file.name);
            let mark = on_disk.or_else(|| self.observed.generated.get(&unit.service).cloned());
            Some((mark?.revision, &unit.file.revision))
        });
        match revision {
            None => Reason::Differs { file },
            Some((revision, wanted)) if revision == *wanted => Reason::ChangedByOthers { file },
            Some(_) => Reason::Outdated { file },
        }
    }

    /// A container keeps the file it was started with mounted, even when another takes its place.
    fn reader<'p>(&self, present: &'p Present, path: &Path) -> Option<&'p DesiredUnit> {
        let reader = present.containers().find(|(_, container)| {
            path.parent() == Some(self.desired.layout.rendered(&container.name).as_path())
        });
        reader.map(|(unit, _)| unit)
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
        if let (true, Role::Container(container), Podman::Seen(_)) =
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

    /// Starting a service starts those that it wants along with it, so their images must be here as well.
    fn can_start(&self, container: &DesiredContainer) -> bool {
        !container
            .wants
            .iter()
            .any(|service| self.imageless.contains(service) || self.unknown.contains(service))
    }

    fn fetch(&mut self, id: &AppId, container: &DesiredContainer, name: &str) {
        let step = AppStep::EnsureImage(Box::new(container.image.clone()));
        let planned = self.steps.first.iter().any(|action| action.step == step);
        if !planned
            && !self.observed.images_underway.contains_key(name)
            && self.progress.is_due(&container.image.subject(), self.now)
        {
            let action = self.action(id, step, Reason::Missing);
            self.steps.first.push(action);
        }
    }

    fn unit_file(&mut self, id: &AppId, unit: &DesiredUnit, has_image: bool) {
        let file = &unit.file;
        match self.observed.unit_files.get(&file.name) {
            Some(found) if found == file.content.as_bytes() => self.regenerate(unit),
            _ if self.is_fought_over(&file.name) => {}
            // What runs goes on with its old unit until the image of the new one is here.
            Some(_) if !has_image => {}
            Some(_) => {
                let name = || file.name.clone();
                let reason = match self.observed.mark(&file.name) {
                    Some(mark) if Self::is_upgrade(&mark.version) => Reason::OtherVersion {
                        version: mark.version,
                    },
                    Some(mark) if mark.revision == file.revision => {
                        Reason::ChangedByOthers { file: name() }
                    }
                    Some(_) => Reason::Outdated { file: name() },
                    None => Reason::Differs { file: name() },
                };
                if matches!(reason, Reason::OtherVersion { .. }) {
                    self.carry_over(&unit.service);
                } else {
                    self.restart_container(unit, reason.clone());
                }
                self.write_unit(id, file, reason);
            }
            None => {
                // When systemd has forgotten it too, nobody knows what a service that still runs was started with.
                let generated = self.observed.generated.get(&unit.service);
                let reason = match generated {
                    None => Some(Reason::UnitForgotten {
                        unit: file.name.clone(),
                    }),
                    Some(mark) if Self::is_upgrade(&mark.version) => None,
                    Some(mark) if mark.revision == file.revision => None,
                    Some(_) => Some(Reason::Outdated {
                        file: file.name.clone(),
                    }),
                };
                if let Some(reason) = reason {
                    self.restart_container(unit, reason);
                }
                self.write_unit(id, file, Reason::Missing);
            }
        }
    }

    /// Whether something else keeps changing a file, so that it waits for its turn.
    fn is_fought_over(&self, file: &str) -> bool {
        !self
            .progress
            .is_due(&Subject::File(file.to_owned()), self.now)
    }

    /// Networks and volumes are made once and kept; only a container runs with what its unit said.
    fn restart_container(&mut self, unit: &DesiredUnit, reason: Reason) {
        if matches!(unit.role, Role::Container(_)) {
            self.must_restart(&unit.service, reason);
        }
    }

    /// The file is right, but systemd may not have read it: someone else wrote it back, or removed it and reloaded.
    fn regenerate(&mut self, unit: &DesiredUnit) {
        if !unit.is_generated(&self.observed.generated)
            && !self.observed.overrides.contains_key(&unit.service)
            && self
                .progress
                .is_due(&Subject::Generate(unit.file.name.clone()), self.now)
        {
            // What has started since the file was changed has started with the old one.
            let generated = self.observed.generated.get(&unit.service);
            let reason = Reason::NotRead {
                unit: unit.file.name.clone(),
            };
            if generated.is_some_and(|mark| !Self::is_upgrade(&mark.version)) {
                self.restart_container(unit, reason.clone());
            }
            self.steps.reload.get_or_insert(reason);
            self.regenerates.insert(unit.file.name.clone());
        }
    }

    /// Units of the app that its definition no longer has.
    fn remove_units_left_over(&mut self, id: &AppId, present: &Present) {
        let left = self.observed.traces_beside(id, &present.units);
        self.stop_and_remove(id, &left, &Reason::LeftOver);
    }

    /// A network or volume that Podman no longer has, while systemd holds its service for done. Of an app that rests, only the network of which
    /// others are members is needed.
    fn recreate_vanished(&mut self, id: &AppId, present: &Present) {
        let Some(view) = self.observed.podman_view() else {
            return;
        };
        let is_joined = |network: &String| {
            let running = self.desired.present().filter(|(_, other)| other.running);
            let mut containers = running.flat_map(|(_, other)| other.containers());
            containers.any(|(_, container)| container.networks.contains(network))
        };
        for unit in present.units.values() {
            let there = match &unit.role {
                Role::Network(name) => {
                    view.networks.contains_key(name) || !(present.running || is_joined(name))
                }
                Role::Volume(name) => !present.running || view.volumes.contains_key(name),
                Role::Container(_) => true,
            };
            let done = self
                .observed
                .services
                .get(&unit.service)
                .is_some_and(Service::is_up);
            if !there && done {
                self.complete = false;
                self.queue(id, &unit.service, AppStep::Restart, Reason::Vanished);
            }
        }
    }

    fn run(&mut self, id: &AppId, unit: &DesiredUnit, container: &DesiredContainer) {
        let service = self.observed.services.get(&unit.service);
        if self.observed.overrides.contains_key(&unit.service)
            || service.is_some_and(|service| service.load == Load::Masked)
        {
            return;
        }
        let Some(service) = service else {
            self.queue(id, &unit.service, AppStep::Start, Reason::NotRunning);
            return;
        };
        // A start lasts until the container's health check has succeeded, which may be never. One that began with something older is
        // not waited for; one that has not begun reads what is there then, and any other job comes to its end.
        let began_stale = service.active == Active::Activating
            && self
                .memory
                .restarts
                .get(&unit.service)
                .is_some_and(|stale| !stale.is_empty());
        if service.job.is_some() && !began_stale {
            return;
        }
        let stale = self.memory.restart_reason(&unit.service).or_else(|| {
            let service = self.observed.fell_behind(&unit.service, container)?.clone();
            Some(Reason::FellBehind { service })
        });
        match (service.active, stale) {
            (Active::Active | Active::Activating, Some(reason)) => {
                if self.queue(id, &unit.service, AppStep::Restart, reason) {
                    self.restarted.insert(unit.service.clone());
                }
            }
            (Active::Active, None) if self.must_reopen(&unit.service) => {
                if self.queue(id, &unit.service, AppStep::Restart, Reason::PortsClosed) {
                    self.reopens.insert(unit.service.clone());
                }
            }
            (Active::Active | Active::Activating, None) | (Active::Deactivating, _) => {}
            (Active::Inactive | Active::Failed, _) => {
                let failure = service.failure.as_ref();
                let reason = match failure.filter(|_| service.active == Active::Failed) {
                    Some(failure) => Reason::Failed {
                        result: failure.result.clone(),
                        status: failure.status,
                    },
                    None => Reason::NotRunning,
                };
                self.queue(id, &unit.service, AppStep::Start, reason);
            }
        }
    }

    /// Whether nothing has listened on its ports for long enough, and it may help to restart it.
    fn must_reopen(&self, service: &str) -> bool {
        let subject = Subject::Ports(service.to_owned());
        network::is_closed(service, self.observed)
            && self.progress.attempts(&subject).is_some_and(|attempts| {
                attempts.next <= self.now && attempts.count < network::PORT_RESTARTS_MAX
            })
    }

    /// Says whether it is its turn: not too early for another attempt, and not too many are coming up. The end of one of those wakes the next
    /// pass.
    pub(super) fn queue(
        &mut self,
        id: &AppId,
        service: &str,
        step: fn(String) -> AppStep,
        reason: Reason,
    ) -> bool {
        let due = self
            .progress
            .is_due(&Subject::Start(service.to_owned()), self.now);
        if !due {
            return false;
        }
        if self.starts_left == 0 {
            self.crowded = true;
            return false;
        }
        self.starts_left -= 1;
        let action = self.action(id, step(service.to_owned()), reason);
        self.steps.services.push(action);
        true
    }

    /// Stops companions, and the rest once no companion runs. Says whether all of them rest.
    pub(super) fn stop_all(&mut self, id: &AppId, services: impl Iterator<Item = ToStop>) -> bool {
        let running: Vec<ToStop> = services
            .filter(|ToStop { service, .. }| {
                let found = self.observed.services.get(service);
                found.is_some_and(|found| !found.is_down())
            })
            .collect();
        let rest = running.is_empty();
        let companions_run = running.iter().any(|stop| stop.companion);
        for ToStop {
            service,
            companion,
            reason,
        } in running
        {
            let found = self.observed.services.get(&service);
            let stopping = found.is_some_and(|found| {
                found.active == Active::Deactivating || found.job == Some(Job::Stop)
            });
            if companion == companions_run && !stopping {
                let action = self.action(id, AppStep::Stop(service), reason);
                self.steps.services.push(action);
            }
        }
        rest
    }
}
