//! The last look at an action before it is done: rules so simple that a mistake in planning cannot hide in them.
//!
//! They are read off what is wanted and what was seen, not off the planner. A refused action is a defect of Archipelago; refusing it
//! costs a repair that waits, doing it could cost data.

use std::fmt;

use super::{Plan, releases, renewal};
use crate::action::{Action, Step};
use crate::data_folder::Claim;
use crate::desired::{App, Desired, DesiredUnit, Present, Role};
use crate::name::{AppId, PREFIX};
use crate::observed::{Active, Observed, Service, at_rest, awaited};
use crate::quadlet::service_of;

/// An action that must not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Archipelago refuses a step of its own plan, which is a defect of it: {what}: {rule}; nothing was done, please report it"
)]
pub struct Refused {
    what: String,
    rule: Rule,
}

impl Refused {
    /// The rule that it breaks.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }
}

/// What every action keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// It touches only what bears the name and, where it exists, the mark of its app.
    Ours,
    /// Data are removed only after the operator asked for that by name.
    DataKept,
    /// A secret is generated only where there is none.
    SecretKept,
    /// What runs and is wanted is stopped only for a reason that the plan remembers.
    StopsForAReason,
    /// What is written is what is wanted.
    Wanted,
    /// An app is forgotten last.
    ForgottenLast,
    /// Nothing is done while the data folder is not this node's.
    DataPresent,
    /// A definition is removed only when nothing needs it.
    ReleaseKept,
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ours => "it is not this app's",
            Self::DataKept => "nobody asked to remove it",
            Self::SecretKept => "there is a secret already",
            Self::StopsForAReason => "it runs as it should",
            Self::Wanted => "it is not what is wanted",
            Self::ForgottenLast => "something of the app is still there",
            Self::DataPresent => "the data folder is not this node's",
            Self::ReleaseKept => "something needs it",
        })
    }
}

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
    let broken = match &action.app {
        Some(id) => Judge {
            id,
            app: desired.apps.get(id),
            desired,
            observed,
            plan,
        }
        .broken(&action.step),
        None => for_all(desired, observed, &action.step),
    };
    broken.map_or(Ok(()), |(what, rule)| Err(Refused { what, rule }))
}

type Broken = Option<(String, Rule)>;

fn unless(kept: bool, what: impl fmt::Display, rule: Rule) -> Broken {
    (!kept).then(|| (what.to_string(), rule))
}

/// Only what touches nothing of any app may be done for all of them.
fn for_all(desired: &Desired, observed: &Observed, step: &Step) -> Broken {
    match step {
        Step::ClaimData(id) => {
            let may = desired.claim == Claim::Take(id.clone());
            return unless(may, desired.layout.data.display(), Rule::Ours);
        }
        Step::RemoveRelease(release) => {
            let is_needed = releases::is_needed(desired, observed, release);
            return unless(!is_needed, release, Rule::ReleaseKept);
        }
        Step::RemoveDefinition(app) => {
            let is_needed = releases::is_old_definition_needed(desired, observed, app);
            return unless(!is_needed, app, Rule::ReleaseKept);
        }
        _ => {}
    }
    let harmless = matches!(
        step,
        Step::CheckUnits { .. } | Step::Remember(_) | Step::Reload | Step::RestartPodmanSocket
    );
    unless(harmless, "a step for no app", Rule::Ours)
}

struct Judge<'a> {
    id: &'a AppId,
    app: Option<&'a App>,
    desired: &'a Desired,
    observed: &'a Observed,
    plan: &'a Plan,
}

impl Judge<'_> {
    fn broken(&self, step: &Step) -> Broken {
        match step {
            Step::GenerateSecret { app, name } => {
                let missing = matches!(self.app, Some(App::NeedsSecrets { missing }) if missing.contains(name));
                unless(app == self.id && missing, name, Rule::SecretKept)
            }
            Step::MakeFolder(path) => unless(
                self.present()
                    .is_some_and(|present| present.folders.contains(path)),
                path.display(),
                Rule::Wanted,
            ),
            Step::WriteFile { path, content } => unless(
                self.present()
                    .is_some_and(|present| present.files.get(path) == Some(content)),
                path.display(),
                Rule::Wanted,
            ),
            Step::EnsureImage(image) => unless(
                self.present().is_some_and(|present| {
                    present
                        .containers()
                        .any(|(_, container)| container.image == **image)
                }),
                &image.reference,
                Rule::Wanted,
            ),
            Step::StoreSecret {
                podman_name,
                name,
                revision,
            } => self.store_secret(podman_name, name, revision),
            Step::WriteUnit { name, content } => self.write_unit(name, content),
            Step::RemoveUnit(name) => self.remove_unit(name),
            Step::Start(service) => unless(
                self.is_to_run()
                    && self.unit(service).is_some_and(|unit| match &unit.role {
                        Role::Container(container) if !container.companion => !self.rests(),
                        _ => true,
                    }),
                service,
                Rule::Wanted,
            ),
            Step::Restart(service) => self.restart(service),
            Step::Stop(service) => self.stop(service),
            Step::CancelJob(service) => self.cancel_job(service),
            Step::RemoveRendered(container) => {
                let wanted = self.present().is_some_and(|present| {
                    present
                        .containers()
                        .any(|(_, wanted)| wanted.name == *container)
                });
                unless(self.may_own(container) && !wanted, container, Rule::Ours)
            }
            Step::RemoveContainer(name) => {
                self.remove_object(name, |view| view.containers.get(name)?.as_ref())
            }
            Step::RemoveNetwork(name) => {
                if self.may_own(name)
                    && renewal::is_free(self.desired, self.observed, self.id, name)
                {
                    return None;
                }
                self.remove_object(name, |view| view.networks.get(name)?.owner.as_ref())
            }
            Step::RemoveVolume(name) => {
                self.remove_object(name, |view| view.volumes.get(name)?.as_ref())
            }
            Step::RemoveSecret(name) => self.remove_object(name, |view| {
                view.secrets.get(name)?.as_ref().map(|(app, _)| app)
            }),
            Step::RemoveImage(name) => {
                let built = self.observed.podman_view().is_some_and(|view| {
                    view.images.get(name).and_then(Option::as_ref) == Some(self.id)
                });
                unless(built, name, Rule::Ours).or_else(|| self.unless_purged(name))
            }
            Step::RemoveData(app) => {
                unless(app == self.id, app, Rule::Ours).or_else(|| self.unless_purged(app))
            }
            Step::Forget(app) => unless(app == self.id && self.is_removed(), app, Rule::DataKept)
                .or_else(|| {
                    let last = self.observed.traces_of(app).is_empty()
                        && self
                            .observed
                            .podman_view()
                            .is_some_and(|view| !view.has_any_of(app));
                    unless(last, app, Rule::ForgottenLast)
                }),
            Step::ClaimData(_)
            | Step::CheckUnits { .. }
            | Step::Remember(_)
            | Step::Reload
            | Step::RemoveRelease(_)
            | Step::RemoveDefinition(_)
            | Step::RestartPodmanSocket => Some((
                "a step for all apps in the name of one".to_owned(),
                Rule::Ours,
            )),
        }
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

    /// Whether what it requires will not come up until the operator says so.
    fn rests(&self) -> bool {
        self.present()
            .is_some_and(|present| at_rest(self.desired, present, self.observed).is_some())
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
            let rests = self.is_down(&service_of(name));
            unless(left_over && !wanted && rests, name, Rule::StopsForAReason)
        })
    }

    fn store_secret(&self, podman_name: &str, name: &str, revision: &str) -> Broken {
        let wanted = self
            .present()
            .and_then(|present| present.secrets.get(podman_name));
        let same = wanted.is_some_and(|secret| {
            secret.secret == name && secret.revision == revision && secret.app == *self.id
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
        // The network of an app that rests may be one that others have joined.
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
                self.plan.remembers(service)
                    || self.observed.must_restart(service)
                    || self.observed.has_fallen_behind(service, container)
                    || known.is_some_and(String::is_empty)
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
                    && found.is_some_and(Service::tries_in_vain)
            });
            let wanted = self.is_to_run()
                && self.unit(service).is_some()
                && !self.rests()
                && !in_vain
                && !self.is_due_on_an_open_network(service);
            let known = self.present().is_some() || self.is_removed();
            unless(known && !wanted, service, Rule::StopsForAReason)
        })
    }

    /// Whether a service is to be restarted, and joins a network that can be made anew before it starts again.
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
        self.observed.must_restart(service) && open.any(|(_, _, name, _)| joins(name))
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
