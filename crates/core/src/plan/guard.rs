//! The last check of an action before it is done: rules so simple that a mistake in planning cannot
//! hide in them.
//!
//! They are read off what is wanted and what was seen, not off the planner. A refused action is a
//! defect of Archipelago; refusing it costs a repair that waits, doing it could cost data.

use std::collections::BTreeSet;
use std::fmt;

use super::planner::Plan;
use super::releases::{is_former_needed, unused};
use super::renewal;
use crate::action::{Action, AppStep, HostStep};
use crate::cause::{Refused, Rule};
use crate::data_folder::Claim;
use crate::desired::{App, Desired, DesiredUnit, Present, Role, SecretContent};
use crate::image_facts::ImageState;
use crate::name::{AppId, PREFIX};
use crate::network;
use crate::observed::{Active, Observed, Service, awaited, stopped_required};
use crate::quadlet::service_of;
use crate::release::ReleaseId;

/// Judges one action of a plan.
///
/// # Errors
/// With the rule that it breaks.
pub fn check(
    desired: &Desired,
    observed: &Observed,
    plan: &Plan,
    action: &Action,
) -> Result<(), Refused> {
    if matches!(desired.claim, Claim::Refused(_)) {
        return Err(Refused {
            what: "anything".to_owned(),
            rule: Rule::DataPresent,
        });
    }
    let broken = match action {
        Action::App(action) => Judge {
            id: &action.app,
            app: desired.apps.get(&action.app),
            desired,
            observed,
            plan,
        }
        .broken(&action.step),
        Action::Host(action) => of_the_host(desired, observed, &action.step),
    };
    broken.map_or(Ok(()), |(what, rule)| Err(Refused { what, rule }))
}

type Broken = Option<(String, Rule)>;

fn unless(kept: bool, what: impl fmt::Display, rule: Rule) -> Broken {
    (!kept).then(|| (what.to_string(), rule))
}

fn of_the_host(desired: &Desired, observed: &Observed, step: &HostStep) -> Broken {
    match step {
        HostStep::ClaimData(id) => {
            let may = desired.claim == Claim::Take(id.clone());
            unless(may, desired.layout.data.display(), Rule::Ours)
        }
        HostStep::ReloadNetworks(names) => {
            let containers: BTreeSet<&str> = desired
                .present()
                .flat_map(|(_, present)| present.containers())
                .map(|(_, container)| container.name.as_str())
                .collect();
            let foreign = names
                .iter()
                .find(|name| !containers.contains(name.as_str()));
            foreign.map(|name| (name.clone(), Rule::Ours))
        }
        HostStep::RemoveRelease(release) => {
            let is_unused = unused(desired, observed).contains(release);
            unless(is_unused, release, Rule::ReleaseKept)
        }
        HostStep::CheckUnits { .. }
        | HostStep::Remember(_)
        | HostStep::Reload
        | HostStep::RestartPodmanSocket => None,
    }
}

struct Judge<'a> {
    id: &'a AppId,
    app: Option<&'a App>,
    desired: &'a Desired,
    observed: &'a Observed,
    plan: &'a Plan,
}

impl Judge<'_> {
    #[expect(clippy::too_many_lines, reason = "an arm for each action")]
    fn broken(&self, step: &AppStep) -> Broken {
        match step {
            AppStep::GenerateSecret { name, recipe } => {
                let missing = matches!(self.app, Some(App::NeedsSecrets { missing }) if missing.get(name) == Some(recipe));
                unless(missing, name, Rule::SecretKept)
            }
            AppStep::MakeFolder(path) => unless(
                self.present()
                    .is_some_and(|present| present.folders.contains(path)),
                path.display(),
                Rule::Wanted,
            ),
            AppStep::GiveFolder { path, owner } => unless(
                self.present()
                    .is_some_and(|present| present.owners.get(path) == Some(owner)),
                path.display(),
                Rule::Wanted,
            ),
            AppStep::WriteFile { path, content } => unless(
                self.present()
                    .is_some_and(|present| present.files.get(path) == Some(content)),
                path.display(),
                Rule::Wanted,
            ),
            AppStep::EnsureImage(image) => unless(
                self.present().is_some_and(|present| {
                    present
                        .containers()
                        .any(|(_, container)| container.image == **image)
                }),
                &image.reference,
                Rule::Wanted,
            ),
            AppStep::RememberImages(learnt) => unless(
                learnt.iter().all(|(reference, facts)| {
                    let found = self.observed.images.get(reference);
                    found == Some(&ImageState::Here(facts.clone()))
                }),
                "what is known of images",
                Rule::Wanted,
            ),
            AppStep::StoreRelease { release, files } => {
                let is_mounted = || {
                    let present = self.present();
                    present.is_some_and(|present| present.mounted.get(release) == Some(files))
                };
                let is_wanted = self.former() == Some(release) || is_mounted();
                unless(is_wanted, release, Rule::Wanted)
            }
            AppStep::NameRelease { release, allow } => {
                let former = self.desired.releases.former.get(self.id);
                let is_as_found = former
                    .is_some_and(|former| former.release == *release && former.allow == *allow);
                unless(is_as_found, release, Rule::Wanted)
            }
            AppStep::KeepGranted(intent) => unless(
                self.desired.newly_granted.get(self.id) == Some(intent),
                self.id,
                Rule::Wanted,
            ),
            AppStep::RemoveFormer => {
                let is_needed = is_former_needed(self.desired, self.observed, self.id);
                unless(!is_needed, self.id, Rule::ReleaseKept)
            }
            AppStep::StoreSecret {
                podman_name,
                name,
                revision,
                content,
            } => self.store_secret(podman_name, name, revision, content),
            AppStep::WriteUnit { name, content } => self.write_unit(name, content),
            AppStep::RemoveUnit(name) => self.remove_unit(name),
            AppStep::Start(service) => unless(
                self.is_to_run()
                    && self.unit(service).is_some_and(|unit| match &unit.role {
                        Role::Container(container) if !container.companion => {
                            !self.requires_stopped()
                        }
                        _ => true,
                    }),
                service,
                Rule::Wanted,
            ),
            AppStep::Restart(service) => self.restart(service),
            AppStep::Stop(service) => self.stop(service),
            AppStep::CancelJob(service) => self.cancel_job(service),
            AppStep::RemoveRendered(container) => {
                let wanted = self.present().is_some_and(|present| {
                    present
                        .containers()
                        .any(|(_, wanted)| wanted.name == *container)
                });
                unless(self.may_own(container) && !wanted, container, Rule::Ours)
            }
            AppStep::RemoveContainer(name) => {
                self.remove_object(name, |view| view.containers.get(name)?.as_ref())
            }
            AppStep::RemoveNetwork(name) => {
                if self.may_own(name)
                    && renewal::is_free(self.desired, self.observed, self.id, name)
                {
                    return None;
                }
                self.remove_object(name, |view| view.networks.get(name)?.owner.as_ref())
            }
            AppStep::RemoveVolume(name) => {
                self.remove_object(name, |view| view.volumes.get(name)?.as_ref())
            }
            AppStep::RemoveSecret(name) => self.remove_object(name, |view| {
                view.secrets.get(name)?.as_ref().map(|(app, _)| app)
            }),
            AppStep::RemoveImage(name) => {
                let built = self.observed.podman_view().is_some_and(|view| {
                    view.images.get(name).and_then(Option::as_ref) == Some(self.id)
                });
                unless(built, name, Rule::Ours).or_else(|| self.unless_purged(name))
            }
            AppStep::RemoveData => self.unless_purged(self.id),
            AppStep::Forget => unless(self.is_removed(), self.id, Rule::DataKept).or_else(|| {
                let view = self.observed.podman_view();
                let last = self.observed.traces_of(self.id).is_empty()
                    && view.is_some_and(|view| !view.has_any_of(self.id));
                unless(last, self.id, Rule::ForgottenLast)
            }),
        }
    }

    /// The release that the app's folder of version 0.1.0 would be.
    fn former(&self) -> Option<&ReleaseId> {
        let former = self.desired.releases.former.get(self.id)?;
        Some(&former.release)
    }

    fn present(&self) -> Option<&Present> {
        match self.app {
            Some(App::Present(present)) => Some(present),
            _ => None,
        }
    }

    fn is_to_run(&self) -> bool {
        self.present().is_some_and(|present| present.running)
    }

    /// Whether it requires an app that the operator has stopped or masked.
    fn requires_stopped(&self) -> bool {
        self.present()
            .is_some_and(|present| stopped_required(self.desired, present, self.observed).is_some())
    }

    fn is_removed(&self) -> bool {
        matches!(self.app, Some(App::Removed { required_by, .. }) if required_by.is_empty())
    }

    fn unless_purged(&self, what: impl fmt::Display) -> Broken {
        let asked = matches!(self.app, Some(App::Removed { purge: true, .. }));
        unless(asked && self.is_removed(), what, Rule::DataKept)
    }

    fn may_own(&self, name: &str) -> bool {
        name.starts_with(PREFIX) && self.id.may_own(name)
    }

    /// The app's wanted unit of that service.
    fn unit(&self, service: &str) -> Option<&DesiredUnit> {
        self.present()?
            .units
            .values()
            .find(|unit| unit.service == service)
    }

    fn is_foreign(&self, unit: &str) -> bool {
        self.observed.unit_files.contains_key(unit)
            && self
                .observed
                .mark(unit)
                .is_none_or(|mark| mark.app != *self.id)
    }

    fn write_unit(&self, name: &str, content: &str) -> Broken {
        let wanted = self.present().and_then(|present| present.units.get(name));
        unless(!self.is_foreign(name), name, Rule::Ours).or_else(|| {
            unless(
                wanted.is_some_and(|unit| unit.file.content == content),
                name,
                Rule::Wanted,
            )
        })
    }

    fn remove_unit(&self, name: &str) -> Broken {
        let wanted = self
            .present()
            .is_some_and(|present| present.units.contains_key(name));
        let left_over = self.is_removed() || self.present().is_some();
        unless(!self.is_foreign(name), name, Rule::Ours).or_else(|| {
            let is_down = self.is_down(&service_of(name));
            unless(left_over && !wanted && is_down, name, Rule::StopsForAReason)
        })
    }

    fn store_secret(
        &self,
        podman_name: &str,
        name: &str,
        revision: &str,
        content: &SecretContent,
    ) -> Broken {
        let wanted = self
            .present()
            .and_then(|present| present.secrets.get(podman_name));
        let same = wanted.is_some_and(|secret| {
            secret.secret == name
                && secret.revision == revision
                && secret.content == *content
                && secret.app == *self.id
        });
        let foreign = self.observed.podman_view().is_some_and(|view| {
            view.secrets
                .get(podman_name)
                .is_some_and(|owner| owner.as_ref().is_none_or(|(app, _)| app != self.id))
        });
        unless(!foreign, podman_name, Rule::Ours)
            .or_else(|| unless(same, podman_name, Rule::Wanted))
    }

    fn is_down(&self, service: &str) -> bool {
        self.observed
            .services
            .get(service)
            .is_none_or(Service::is_down)
    }

    fn restart(&self, service: &str) -> Broken {
        // Other apps may have joined the network of a stopped app.
        let made = |unit: &&DesiredUnit| !matches!(unit.role, Role::Container(_));
        let Some(unit) = self
            .unit(service)
            .filter(|unit| self.is_to_run() || made(unit))
        else {
            return Some((service.to_owned(), Rule::Wanted));
        };
        let view = self.observed.podman_view();
        let reason = match &unit.role {
            Role::Container(container) => {
                let known = self.observed.memory.restarts.get(service);
                self.is_due(service)
                    || self.observed.has_fallen_behind(service, container)
                    || known.is_some_and(String::is_empty)
                    || network::is_closed(service, self.observed)
            }
            Role::Network(name) => view.is_some_and(|view| !view.networks.contains_key(name)),
            Role::Volume(name) => view.is_some_and(|view| !view.volumes.contains_key(name)),
        };
        unless(
            reason || self.is_down(service),
            service,
            Rule::StopsForAReason,
        )
    }

    fn cancel_job(&self, service: &str) -> Broken {
        let found = self.observed.services.get(service);
        let stopping = found.is_some_and(|found| found.active == Active::Deactivating);
        unless(self.unit(service).is_some(), service, Rule::Ours)
            .or_else(|| unless(stopping, service, Rule::Wanted))
    }

    fn stop(&self, service: &str) -> Broken {
        let ours = self
            .observed
            .traces_of(self.id)
            .keys()
            .any(|unit| service_of(unit) == service)
            || self.unit(service).is_some();
        unless(ours, service, Rule::Ours).or_else(|| {
            let found = self.observed.services.get(service);
            let in_vain = self.present().is_some_and(|present| {
                awaited(present, self.observed).is_some()
                    && found.is_some_and(Service::is_crash_looping)
            });
            let wanted = self.is_to_run()
                && self.unit(service).is_some()
                && !self.requires_stopped()
                && !in_vain
                && !self.is_due_on_an_open_network(service);
            let known = self.present().is_some() || self.is_removed();
            unless(known && !wanted, service, Rule::StopsForAReason)
        })
    }

    /// Whether a service is to be restarted, and joins a network that can be made anew before it
    /// starts again.
    fn is_due_on_an_open_network(&self, service: &str) -> bool {
        let joins = |name: &str| {
            let unit = self.unit(service);
            unit.is_some_and(|unit| match &unit.role {
                Role::Container(container) => {
                    let view = self.observed.podman_view();
                    let network = view.and_then(|view| view.networks.get(name));
                    let is_on_it =
                        network.is_some_and(|network| network.containers.contains(&container.name));
                    container.networks.contains(name) || is_on_it
                }
                Role::Network(_) | Role::Volume(_) => false,
            })
        };
        let mut open = renewal::unisolated(self.desired, self.observed);
        self.is_due(service) && open.any(|(_, _, name, _)| joins(name))
    }

    /// Whether a service is to be restarted: because of an earlier plan or of this one. A plan also
    /// notes the run of a service that had not begun, or that began before a due reload, when an
    /// earlier plan noted the service.
    fn is_due(&self, service: &str) -> bool {
        self.plan.remembers(service) || self.observed.must_restart(service)
    }

    fn remove_object(
        &self,
        name: &str,
        owner: impl Fn(&crate::observed::PodmanView) -> Option<&AppId>,
    ) -> Broken {
        let ours = self
            .observed
            .podman_view()
            .and_then(owner)
            .is_some_and(|app| app == self.id)
            && self.may_own(name);
        unless(ours, name, Rule::Ours)
            .or_else(|| unless(self.is_removed(), name, Rule::StopsForAReason))
    }
}
