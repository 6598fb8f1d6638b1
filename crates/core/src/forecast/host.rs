//! The host after an action that went well.

use std::time::Duration;

use crate::action::{Action, AppStep, HostStep};
use crate::data_folder::Claim;
use crate::desired::{
    Apps, Desired, DesiredContainer, DesiredImage, DesiredUnit, Inputs, Origin, Role, assemble,
};
use crate::image_facts::{ImageFacts, ImageState};
use crate::manifest::Recipe;
use crate::name::AppId;
use crate::observed::{
    Active, Load, Observed, Podman, PodmanNetwork, PodmanView, RenderedFile, Service,
};
use crate::plan::RENDERED_MODE;
use crate::quadlet::{mark_of, service_of};

/// A host in memory, with what its desired state is worked out from.
pub(super) struct Host {
    inputs: Inputs,
    /// The apps of the inputs; they change only with intents and definitions.
    apps: Apps,
    observed: Observed,
    /// How many services were started.
    runs: u32,
}

impl Host {
    pub(super) fn new(inputs: Inputs, observed: Observed) -> Self {
        Self {
            apps: Apps::read(&inputs),
            inputs,
            observed: Observed {
                // Each start ends before the next pass here, so none waits for its turn.
                starts_max: usize::MAX,
                ..observed
            },
            runs: 0,
        }
    }

    pub(super) fn desired(&self) -> Desired {
        assemble(&self.inputs, &self.apps)
    }

    pub(super) fn observed(&self) -> &Observed {
        &self.observed
    }

    pub(super) fn apply(&mut self, desired: &Desired, action: &Action, began: Duration) {
        match action {
            Action::App(action) => self.apply_for_app(desired, &action.app, &action.step, began),
            Action::Host(action) => self.apply_for_host(&action.step),
        }
    }

    fn apply_for_app(&mut self, desired: &Desired, app: &AppId, step: &AppStep, began: Duration) {
        match step {
            AppStep::GenerateSecret { name, recipe } => {
                let secrets = self.inputs.secrets.entry(app.clone()).or_default();
                secrets.insert(name.clone(), made_up(recipe));
            }
            AppStep::MakeFolder(path) => drop(self.observed.folders.insert(path.clone())),
            AppStep::GiveFolder { path, owner: _ } => drop(self.observed.ungiven.remove(path)),
            AppStep::EnsureImage(image) => self.get_image(app, image),
            AppStep::RememberImages(learnt) => self.inputs.found.images.extend(learnt.clone()),
            AppStep::WriteFile { path, content } => {
                let file = RenderedFile {
                    content: content.clone().into_bytes(),
                    mode: RENDERED_MODE,
                };
                self.observed.files.insert(path.clone(), file);
            }
            AppStep::StoreSecret {
                podman_name,
                name: _,
                revision,
                content: _,
            } => self.in_podman(|view| {
                let stored = Some((app.clone(), revision.clone()));
                view.secrets.insert(podman_name.clone(), stored);
            }),
            AppStep::WriteUnit { name, content } => {
                let content = content.clone().into_bytes();
                self.observed.unit_files.insert(name.clone(), content);
            }
            AppStep::RemoveUnit(name) => drop(self.observed.unit_files.remove(name)),
            AppStep::Start(service) | AppStep::Restart(service) => {
                self.start(desired, service, began);
            }
            AppStep::Stop(service) => self.stop(service),
            AppStep::CancelJob(service) => {
                if let Some(found) = self.observed.services.get_mut(service) {
                    found.job = None;
                }
            }
            AppStep::RemoveRendered(container) => {
                let folder = self.inputs.layout.rendered(container);
                let files = &mut self.observed.files;
                files.retain(|path, _| !path.starts_with(&folder));
                if let Some(leftovers) = self.observed.leftovers.get_mut(app) {
                    leftovers.rendered.remove(container);
                }
            }
            AppStep::RemoveContainer(name) => {
                self.in_podman(|view| drop(view.containers.remove(name)));
            }
            AppStep::RemoveNetwork(name) => {
                self.in_podman(|view| drop(view.networks.remove(name)));
            }
            AppStep::RemoveVolume(name) => self.in_podman(|view| drop(view.volumes.remove(name))),
            AppStep::RemoveSecret(name) => self.in_podman(|view| drop(view.secrets.remove(name))),
            AppStep::RemoveImage(name) => self.in_podman(|view| drop(view.images.remove(name))),
            AppStep::RemoveData => {
                self.inputs.secrets.remove(app);
                if let Some(leftovers) = self.observed.leftovers.get_mut(app) {
                    leftovers.data = false;
                }
            }
            AppStep::StoreRelease { release, files: _ } => {
                self.observed.releases.all.insert(release.clone());
                self.observed.releases.whole.insert(release.clone());
            }
            AppStep::NameRelease { release, allow } => {
                if let Some(Ok(intent)) = self.inputs.intents.get_mut(app) {
                    intent.name_release(release, allow);
                }
                let releases = &mut self.inputs.releases;
                releases.former.remove(app);
                if let Some(named) = &mut releases.named {
                    named.insert(release.clone());
                }
                self.apps = Apps::read(&self.inputs);
            }
            AppStep::KeepGranted(_) => drop(self.inputs.newly_granted.remove(app)),
            AppStep::RemoveFormer => drop(self.observed.releases.former.remove(app)),
            AppStep::Forget => {
                let intent = self.inputs.intents.remove(app);
                let release = intent.and_then(|intent| intent.ok()?.release);
                let mut others = self.inputs.intents.values().flatten();
                let is_shared = others.any(|other| other.release == release);
                if let (Some(named), Some(release)) = (&mut self.inputs.releases.named, &release)
                    && !is_shared
                {
                    named.remove(release);
                }
                self.inputs.definitions.remove(app);
                self.inputs.granted.remove(app);
                self.inputs.held.remove(app);
                self.inputs.newly_granted.remove(app);
                self.apps = Apps::read(&self.inputs);
            }
        }
    }

    fn apply_for_host(&mut self, step: &HostStep) {
        match step {
            HostStep::ClaimData(_) => self.inputs.found.claim = Claim::Held,
            HostStep::CheckUnits { .. } | HostStep::RestartPodmanSocket => {}
            HostStep::Remember(memory) => self.observed.memory = memory.clone(),
            HostStep::Reload => self.reload(),
            HostStep::ReloadNetworks(_) => self.observed.network.gone.clear(),
            HostStep::RemoveRelease(release) => {
                self.observed.releases.all.remove(release);
                self.observed.releases.whole.remove(release);
            }
        }
    }

    fn in_podman(&mut self, change: impl FnOnce(&mut PodmanView)) {
        if let Podman::Answered(view) = &mut self.observed.podman {
            change(view);
        }
    }

    /// The volumes that an image declares are known once it is here. Until then there are none.
    fn get_image(&mut self, app: &AppId, image: &DesiredImage) {
        let name = image.reference.to_string();
        let owner = matches!(image.origin, Origin::Build(_)).then(|| app.clone());
        let known = self.inputs.found.images.get(&name);
        let facts = known.cloned().unwrap_or_else(ImageFacts::default);
        self.in_podman(|view| drop(view.images.insert(name.clone(), owner)));
        let images = &mut self.observed.images;
        images.insert(name, ImageState::Here(facts));
    }

    /// Quadlet makes services of all unit files that bear our mark.
    fn reload(&mut self) {
        let Observed {
            unit_files,
            generated,
            services,
            ..
        } = &mut self.observed;
        let marks = unit_files
            .iter()
            .filter_map(|(name, content)| Some((service_of(name), mark_of(content)?)));
        *generated = marks.collect();
        for service in generated.keys() {
            services
                .entry(service.clone())
                .or_insert_with(|| is(Active::Inactive));
        }
        services.retain(|name, service| !service.is_down() || generated.contains_key(name));
    }

    /// Starting a container starts what its unit requires and wants.
    fn start(&mut self, desired: &Desired, service: &str, began: Duration) {
        let find = |service: &str| {
            desired.present().find_map(|(app, present)| {
                let mut units = present.units.values();
                let unit = units.find(|unit| unit.service == service)?;
                Some((app, unit))
            })
        };
        let Some((app, unit)) = find(service) else {
            return;
        };
        let Role::Container(container) = &unit.role else {
            return self.run(app, unit, began);
        };
        let is_needed = |id: &AppId, other: &DesiredUnit| match &other.role {
            Role::Network(name) => container.networks.contains(name),
            Role::Volume(_) => id == app,
            Role::Container(_) => container.wants.contains(&other.service),
        };
        // A container joins its networks and mounts its volumes, so these come first.
        for (id, present) in desired.present() {
            for other in present.units.values().filter(|other| is_needed(id, other)) {
                let found = self.observed.services.get(&other.service);
                if !found.is_some_and(Service::is_up) {
                    self.run(id, other, began);
                }
            }
        }
        self.run(app, unit, began);
    }

    fn run(&mut self, app: &AppId, unit: &DesiredUnit, began: Duration) {
        self.runs += 1;
        let running = Service {
            began: Some(began),
            ..is(Active::Active)
        };
        let service = &unit.service;
        self.observed.services.insert(service.clone(), running);
        let invocation = format!("foreseen {}", self.runs);
        self.observed
            .invocations
            .insert(service.clone(), invocation);
        self.observed.network.closed.remove(service);
        let owner = Some(app.clone());
        self.in_podman(|view| match &unit.role {
            Role::Network(name) => {
                // An existing network is not changed.
                let networks = &mut view.networks;
                networks
                    .entry(name.clone())
                    .or_insert_with(|| PodmanNetwork {
                        owner,
                        isolated: true,
                        ..PodmanNetwork::default()
                    });
            }
            Role::Volume(name) => drop(view.volumes.insert(name.clone(), owner)),
            Role::Container(container) => join(view, container, owner),
        });
    }

    fn stop(&mut self, service: &str) {
        self.observed.invocations.remove(service);
        if self.observed.generated.contains_key(service) {
            let services = &mut self.observed.services;
            services.insert(service.to_owned(), is(Active::Inactive));
        } else {
            self.observed.services.remove(service);
        }
        if let Some(container) = service.strip_suffix(".service") {
            self.in_podman(|view| {
                view.containers.remove(container);
                leave_networks(view, container);
            });
        }
    }
}

fn is(active: Active) -> Service {
    let sub = match active {
        Active::Active => "running",
        _ => "dead",
    };
    Service {
        load: Load::Loaded,
        active,
        sub: sub.into(),
        job: None,
        failure: None,
        began: None,
    }
}

fn join(view: &mut PodmanView, container: &DesiredContainer, owner: Option<AppId>) {
    let name = &container.name;
    view.containers.insert(name.clone(), owner);
    leave_networks(view, name);
    for network in &container.networks {
        if let Some(network) = view.networks.get_mut(network) {
            network.containers.insert(name.clone());
        }
    }
}

fn leave_networks(view: &mut PodmanView, container: &str) {
    for network in view.networks.values_mut() {
        network.containers.remove(container);
    }
}

/// The text that is given, or one as long as a secret that is generated.
pub(super) fn made_up(recipe: &Recipe) -> String {
    match recipe {
        Recipe::Given(given) => given.text().to_owned(),
        Recipe::Random | Recipe::Seeded(_) => "0".repeat(64),
    }
}
