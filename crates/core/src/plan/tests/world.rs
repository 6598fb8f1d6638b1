//! A small world in memory, in which every action works. What is planned in it is compared as short lines.

use std::path::{Path, PathBuf};

use crate::action::Step;
use crate::config::Config;
use crate::data_folder::Claim;
use crate::desired::{Apps, Found, Inputs, Origin, assemble};
use crate::intent::{Goal, Intent};
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files};
use crate::observed::{
    Active, Load, Podman, PodmanNetwork, PodmanView, Remains, RenderedFile, Service, needs_podman,
};
use crate::plan::*;
use crate::quadlet::{mark_of, service_of};
use crate::reconcile::{Outcome, Reconciler};
use crate::release::ReleaseId;

pub(super) const WEB: &str = "
services:
  web:
    image: docker.io/library/web:1
    volumes: [data:/data]
    secrets: [token]
  ui:
    image: docker.io/library/ui:1
    ports: ['8080:80']
volumes:
  data:
x-archipelago:
  companions: [ui]
  secrets:
    token:
  templates:
    - {source: ui.conf, service: ui, target: /etc/ui.conf}
";

/// With this extension, others reach the service `web`.
pub(super) const EXPORTING: &str = "x-archipelago:\n  exports: {services: {web: [80]}}\n";

pub(super) const ON_TOP: &str = "
services:
  top:
    image: docker.io/library/top:1
x-archipelago:
  requires: {apps: [web]}
";

/// More passes than any of these worlds needs to come to rest.
pub(super) const PASSES_MAX: usize = 12;
pub(super) const TICK: Duration = Duration::from_secs(30);

pub(super) struct World {
    pub(super) inputs: Inputs,
    /// Without Podman's part, which is asked for when needed.
    pub(super) host: Observed,
    pub(super) podman: PodmanView,
    /// What systemd's generator made of the files at the last reload, by service.
    pub(super) generated: BTreeMap<String, String>,
    /// What each running service was started with.
    pub(super) started_with: BTreeMap<String, String>,
    pub(super) invocations: u32,
    pub(super) reconciler: Reconciler,
    pub(super) now: Duration,
}

pub(super) fn id(text: &str) -> AppId {
    AppId::parse(text).unwrap()
}

pub(super) fn layout() -> Layout {
    Layout {
        config: PathBuf::from("/config"),
        data: PathBuf::from("/data"),
        units: PathBuf::from("/units"),
        systemd: PathBuf::from("/systemd"),
        runtime: PathBuf::from("/run"),
    }
}

pub(super) fn service(active: Active, sub: &str) -> Service {
    Service {
        load: Load::Loaded,
        active,
        sub: sub.to_owned(),
        job: None,
        failure: None,
        began: None,
    }
}

impl World {
    /// An intent for the app `web`, and a host on which nothing of it is.
    pub(super) fn fresh() -> Self {
        let inputs = Inputs {
            layout: layout(),
            config: Ok(Config::default()),
            intents: BTreeMap::new(),
            definitions: BTreeMap::new(),
            secrets: BTreeMap::new(),
            captured: BTreeMap::new(),
            found: Found::default(),
        };
        let mut world = Self {
            inputs,
            host: Observed::default(),
            podman: PodmanView::default(),
            generated: BTreeMap::new(),
            started_with: BTreeMap::new(),
            invocations: 0,
            reconciler: Reconciler::default(),
            now: Duration::from_secs(1000),
        };
        world.install(
            "web",
            &[
                (COMPOSE_FILE, WEB),
                ("ui.conf", "token={{ secrets.token }}\n"),
            ],
        );
        world
    }

    /// The same at rest: all of it is there and runs.
    pub(super) fn at_rest() -> Self {
        let mut world = Self::fresh();
        world.converge();
        world
    }

    pub(super) fn install(&mut self, app: &str, files: &[(&str, &str)]) {
        let files: Files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().into()))
            .collect();
        self.inputs.definitions.insert(id(app), files);
        self.intend(app, Goal::Running, false);
    }

    pub(super) fn intend(&mut self, app: &str, state: Goal, purge: bool) {
        let intent = Intent {
            state,
            purge,
            release: Some(ReleaseId::of(&Files::new())),
            ..Intent::default()
        };
        self.inputs.intents.insert(id(app), Ok(intent));
    }

    pub(super) fn edit_definition(&mut self, from: &str, to: &str) {
        let file = self
            .inputs
            .definitions
            .get_mut(&id("web"))
            .unwrap()
            .get_mut(COMPOSE_FILE)
            .unwrap();
        *file = file.text().unwrap().replace(from, to).into_bytes().into();
    }

    pub(super) fn desired(&self) -> Desired {
        assemble(&self.inputs, &Apps::read(&self.inputs))
    }

    pub(super) fn observe(&self) -> Observed {
        let mut observed = self.host.clone();
        // Who joined which network does not show in Podman's folders.
        let mut shown = self.podman.clone();
        for network in shown.networks.values_mut() {
            network.containers.clear();
        }
        observed.fingerprint = Some(format!("{shown:?}"));
        observed.starts_max = 8;
        observed.generated = self
            .generated
            .iter()
            .filter_map(|(service, content)| Some((service.clone(), mark_of(content.as_bytes())?)))
            .collect();
        for (app, app_state) in &self.desired().apps {
            if matches!(app_state, App::Removed { .. }) {
                observed.remains.insert(
                    app.clone(),
                    Remains {
                        data: self.inputs.secrets.contains_key(app),
                        rendered: BTreeSet::new(),
                    },
                );
            }
        }
        if needs_podman(&self.desired(), &observed) {
            observed.podman = Podman::Seen(self.podman.clone());
        }
        observed
    }

    pub(super) fn plan(&mut self) -> Plan {
        let plan = self
            .reconciler
            .plan(&self.desired(), &self.observe(), self.now);
        let is =
            |step: fn(&Step) -> bool| plan.actions.iter().position(|action| step(&action.step));
        let reloads = plan
            .actions
            .iter()
            .filter(|action| action.step == Step::Reload)
            .count();
        assert!(reloads <= 1, "{reloads} reloads in one plan");
        if let Some(write) = is(|step| matches!(step, Step::WriteUnit { .. } | Step::RemoveUnit(_)))
        {
            let remembered = is(|step| matches!(step, Step::Remember(memory) if memory.reload));
            assert!(
                self.host.memory.reload || remembered.is_some_and(|at| at < write),
                "a unit changes before that is remembered"
            );
        }
        plan
    }

    /// One pass, of which only the first `count` actions happen.
    pub(super) fn pass_cut_at(&mut self, count: usize) -> Plan {
        let (desired, plan) = (self.desired(), self.plan());
        plan.actions
            .iter()
            .take(count)
            .for_each(|action| self.apply(&action.step));
        if count < plan.actions.len() {
            // Killed: what the manager knew is gone, too.
            self.reconciler = Reconciler::default();
        } else {
            self.reconciler.finished(
                &desired,
                &plan,
                &vec![Outcome::Done; plan.actions.len()],
                self.now,
            );
        }
        self.now += TICK;
        plan
    }

    /// Passes until nothing is left to do.
    pub(super) fn converge(&mut self) {
        for _ in 0..PASSES_MAX {
            if self.pass_cut_at(usize::MAX).is_empty() {
                return;
            }
        }
        panic!("it does not come to rest: {:#?}", self.lines());
    }

    pub(super) fn lines(&mut self) -> Vec<String> {
        self.plan()
            .actions
            .iter()
            .map(|action| brief(&action.step))
            .collect()
    }

    pub(super) fn restart(&mut self, name: &str) {
        let Some(content) = self.generated.get(name).cloned() else {
            return;
        };
        let app = mark_of(content.as_bytes()).unwrap().app;
        self.invocations += 1;
        let running = Service {
            began: Some(self.now),
            ..service(Active::Active, "running")
        };
        self.host.services.insert(name.to_owned(), running);
        self.host
            .invocations
            .insert(name.to_owned(), format!("run {}", self.invocations));
        self.started_with.insert(name.to_owned(), content.clone());
        let stem = name.trim_end_matches(".service");
        if content.contains("[Network]") {
            let name = stem.trim_end_matches("-network").to_owned();
            // As with `podman network create --ignore`: one that exists stays as it is.
            self.podman
                .networks
                .entry(name)
                .or_insert_with(|| PodmanNetwork {
                    owner: Some(app),
                    isolated: content.contains("\nOptions=isolate=strict\n"),
                    containers: BTreeSet::new(),
                });
        } else if content.contains("[Volume]") {
            self.podman
                .volumes
                .insert(stem.trim_end_matches("-volume").to_owned(), Some(app));
        } else {
            self.podman
                .containers
                .insert(stem.to_owned(), Some(app.clone()));
            // What Quadlet writes as `Requires=`.
            let needed: Vec<String> = self
                .generated
                .keys()
                .filter(|other| {
                    other.ends_with("-network.service") || other.ends_with("-volume.service")
                })
                .filter(|other| !self.host.services.get(*other).is_some_and(Service::is_up))
                .cloned()
                .collect();
            needed.iter().for_each(|other| self.restart(other));
            self.leave_networks(stem);
            for name in joined(&content) {
                let network = self.podman.networks.entry(name.to_owned()).or_default();
                network.containers.insert(stem.to_owned());
            }
        }
    }

    fn leave_networks(&mut self, container: &str) {
        for network in self.podman.networks.values_mut() {
            network.containers.remove(container);
        }
    }

    /// The same network as version 0.1.0 made it.
    pub(super) fn open_network(&mut self, name: &str) {
        self.podman.networks.get_mut(name).unwrap().isolated = false;
    }

    pub(super) fn stop(&mut self, name: &str) {
        self.host
            .services
            .insert(name.to_owned(), service(Active::Inactive, "dead"));
        self.host.invocations.remove(name);
        self.started_with.remove(name);
        let container = name.trim_end_matches(".service");
        self.podman.containers.remove(container);
        self.leave_networks(container);
        if !self.generated.contains_key(name) {
            self.host.services.remove(name);
        }
    }

    pub(super) fn fail(&mut self, name: &str) {
        self.stop(name);
        if let Some(found) = self.host.services.get_mut(name) {
            *found = service(Active::Failed, "failed");
        }
    }

    pub(super) fn reload(&mut self) {
        self.generated = self
            .host
            .unit_files
            .iter()
            .filter(|(_, content)| mark_of(content).is_some())
            .map(|(name, content)| {
                (
                    service_of(name),
                    String::from_utf8(content.clone()).unwrap(),
                )
            })
            .collect();
        for name in self.generated.keys() {
            self.host
                .services
                .entry(name.clone())
                .or_insert_with(|| service(Active::Inactive, "dead"));
        }
        let generated = &self.generated;
        self.host
            .services
            .retain(|name, service| !service.is_down() || generated.contains_key(name));
    }

    /// What each action does when all goes well.
    pub(super) fn apply(&mut self, step: &Step) {
        match step {
            Step::GenerateSecret { app, name } => {
                let secrets = self.inputs.secrets.entry(app.clone()).or_default();
                secrets.insert(name.clone(), "5ec2e7".to_owned());
            }
            Step::MakeFolder(path) => {
                self.host.folders.insert(path.clone());
            }
            Step::EnsureImage(image) => {
                let owner = matches!(image.origin, Origin::Build(_)).then(|| id("web"));
                self.podman
                    .images
                    .insert(image.reference.to_string(), owner);
            }
            Step::ClaimData(_) => self.inputs.found.claim = Claim::Held,
            Step::CheckUnits { .. } | Step::RestartPodmanSocket => {}
            Step::Remember(memory) => self.host.memory = memory.clone(),
            Step::WriteFile { path, content } => {
                let file = RenderedFile {
                    content: content.clone().into_bytes(),
                    mode: 0o600,
                };
                self.host.files.insert(path.clone(), file);
            }
            Step::StoreSecret {
                podman_name,
                revision,
                ..
            } => {
                self.podman
                    .secrets
                    .insert(podman_name.clone(), Some((id("web"), revision.clone())));
            }
            Step::WriteUnit { name, content } => {
                self.host
                    .unit_files
                    .insert(name.clone(), content.clone().into_bytes());
            }
            Step::RemoveUnit(name) => {
                self.host.unit_files.remove(name);
            }
            Step::Reload => self.reload(),
            Step::Start(name) | Step::Restart(name) => self.restart(name),
            Step::Stop(name) => self.stop(name),
            Step::CancelJob(name) => self.host.services.get_mut(name).unwrap().job = None,
            Step::RemoveRendered(container) => {
                let folder = self.inputs.layout.rendered(container);
                self.host.files.retain(|path, _| !path.starts_with(&folder));
            }
            Step::RemoveContainer(name) => drop(self.podman.containers.remove(name)),
            Step::RemoveNetwork(name) => drop(self.podman.networks.remove(name)),
            Step::RemoveVolume(name) => drop(self.podman.volumes.remove(name)),
            Step::RemoveSecret(name) => drop(self.podman.secrets.remove(name)),
            Step::RemoveImage(name) => drop(self.podman.images.remove(name)),
            Step::RemoveData(app) => drop(self.inputs.secrets.remove(app)),
            Step::RemoveRelease(release) => drop(self.host.stored.releases.remove(release)),
            Step::RemoveDefinition(app) => drop(self.host.stored.folders.remove(app)),
            Step::Forget(app) => {
                self.inputs.intents.remove(app);
                self.inputs.definitions.remove(app);
            }
        }
    }

    pub(super) fn unit(&mut self, name: &str) -> &mut Vec<u8> {
        self.host.unit_files.get_mut(name).unwrap()
    }

    pub(super) fn replace(&mut self, unit: &str, from: &str, to: &str) {
        let content = self.unit(unit);
        let text = String::from_utf8(content.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        *content = text.replace(from, to).into_bytes();
    }
}

/// The networks that a container's unit names.
fn joined(content: &str) -> impl Iterator<Item = &str> {
    let lines = content.lines();
    lines.filter_map(|line| Some(line.strip_prefix("Network=")?.split_once(".network")?.0))
}

pub(super) fn brief(step: &Step) -> String {
    let inside = |path: &Path| path.strip_prefix("/data").unwrap().display().to_string();
    match step {
        Step::ClaimData(_) => "claim data".to_owned(),
        Step::GenerateSecret { app, name } => format!("generate secret {app}/{name}"),
        Step::MakeFolder(path) => format!("make folder {}", inside(path)),
        Step::EnsureImage(image) => format!("ensure image {}", image.reference),
        Step::CheckUnits { units, .. } => format!("check {} units", units.len()),
        Step::Remember(memory) => {
            let mut text = "remember".to_owned();
            if memory.reload {
                text.push_str(" reload");
            }
            for (service, invocation) in &memory.restarts {
                text.push_str(&format!(" {service}@{invocation}"));
            }
            text
        }
        Step::WriteFile { path, .. } => format!("write file {}", inside(path)),
        Step::StoreSecret { podman_name, .. } => format!("store secret {podman_name}"),
        Step::WriteUnit { name, .. } => format!("write {name}"),
        Step::RemoveUnit(name) => format!("remove {name}"),
        Step::Reload => "reload".to_owned(),
        Step::RestartPodmanSocket => "restart podman.socket".to_owned(),
        Step::Start(service) => format!("start {service}"),
        Step::Restart(service) => format!("restart {service}"),
        Step::Stop(service) => format!("stop {service}"),
        Step::CancelJob(service) => format!("cancel job of {service}"),
        Step::RemoveRendered(container) => format!("remove rendered files of {container}"),
        Step::RemoveContainer(name) => format!("remove container {name}"),
        Step::RemoveNetwork(name) => format!("remove network {name}"),
        Step::RemoveVolume(name) => format!("remove volume {name}"),
        Step::RemoveSecret(name) => format!("remove secret {name}"),
        Step::RemoveImage(name) => format!("remove image {name}"),
        Step::RemoveData(app) => format!("remove data of {app}"),
        Step::RemoveRelease(release) => format!("remove release {}", &release.as_str()[..4]),
        Step::RemoveDefinition(app) => format!("remove definition of {app}"),
        Step::Forget(app) => format!("forget {app}"),
    }
}
