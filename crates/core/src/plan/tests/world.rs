//! A small world in memory, in which every action works. What is planned in it is compared as short
//! lines.

use crate::name::AppId;
use std::collections::BTreeMap;

use super::lines::*;
use crate::action::{Action, HostStep};
use crate::desired::{Apps, Inputs, assemble};
use crate::image_facts::{ImageFacts, ImageState, KnownImages};
use crate::intent::{Intent, WantedState};
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files};
use crate::observed::{
    Active, Leftovers, Load, Podman, PodmanNetwork, PodmanView, Service, needs_podman,
};
use crate::plan::*;
use crate::quadlet::{mark_of, service_of};
use crate::reconcile::{Outcome, Reconciler};

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
    /// The revisions of the services that the generator made at the last reload.
    pub(super) generated: BTreeMap<String, String>,
    /// The revision with which each running service was started.
    pub(super) started_with: BTreeMap<String, String>,
    pub(super) invocations: u32,
    /// Whether what is known of images is learnt and remembered; else it is known that they declare
    /// no volumes.
    pub(super) learns_images: bool,
    /// The images that declare volumes.
    pub(super) images: KnownImages,
    pub(super) reconciler: Reconciler,
    pub(super) now: Duration,
}

pub(super) fn id(text: &str) -> AppId {
    AppId::parse(text).unwrap()
}

pub(super) fn layout() -> Layout {
    Layout::under("/")
}

fn references(desired: &Desired) -> impl Iterator<Item = String> {
    let containers = desired
        .present()
        .flat_map(|(_, present)| present.containers());
    containers.map(|(_, container)| container.image.reference.to_string())
}

pub(super) fn service(active: Active, sub: &str) -> Service {
    Service {
        load: Load::Loaded,
        active,
        sub: sub.into(),
        job: None,
        failure: None,
        began: None,
    }
}

impl World {
    /// An intent for the app `web`, and a host on which nothing of it is.
    pub(super) fn fresh() -> Self {
        let inputs = Inputs::new(layout());
        let mut world = Self {
            inputs,
            host: Observed::default(),
            podman: PodmanView::default(),
            generated: BTreeMap::new(),
            started_with: BTreeMap::new(),
            invocations: 0,
            learns_images: false,
            images: KnownImages::new(),
            reconciler: Reconciler::default(),
            now: Duration::from_secs(1000),
        };
        world.install_web();
        world
    }

    pub(super) fn install_web(&mut self) {
        self.install(
            "web",
            &[
                (COMPOSE_FILE, WEB),
                ("ui.conf", "token={{ secrets.token }}\n"),
            ],
        );
    }

    /// The same after all passes: everything is there and runs.
    pub(super) fn converged() -> Self {
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
        self.intend(app, WantedState::Running, false);
    }

    pub(super) fn intend(&mut self, app: &str, state: WantedState, purge: bool) {
        let intent = Intent {
            state,
            purge,
            ..Intent::parse("", "").unwrap()
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
        let apps = Apps::read(&self.inputs);
        if self.learns_images {
            return assemble(&self.inputs, &apps);
        }
        let mut inputs = self.inputs.clone();
        let desired = assemble(&inputs, &apps);
        let references = references(&desired);
        let known = references.map(|name| (name, ImageFacts::default()));
        inputs.found.images = known.collect();
        assemble(&inputs, &apps)
    }

    pub(super) fn observe(&self) -> Observed {
        let mut observed = self.host.clone();
        // Podman's folders do not show which container joined which network.
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
                observed.leftovers.insert(
                    app.clone(),
                    Leftovers {
                        data: self.inputs.secrets.contains_key(app),
                        rendered: BTreeSet::new(),
                    },
                );
            }
        }
        let desired = self.desired();
        if needs_podman(&desired, &observed) {
            observed.podman = Podman::Answered(self.podman.clone());
            let here = references(&desired).filter(|name| self.podman.images.contains_key(name));
            let learnt = here.map(|name| {
                let facts = self.images.get(&name).cloned().unwrap_or_default();
                (name, ImageState::Here(facts))
            });
            observed.images = learnt.collect();
        }
        observed
    }

    pub(super) fn plan(&mut self) -> Plan {
        let (desired, observed) = (self.desired(), self.observe());
        let plan = self.reconciler.plan(&desired, &observed, self.now);
        let is = |is: fn(&Action) -> bool| plan.actions.iter().position(is);
        let reloads = plan.actions.iter().filter(|action| is_reload(action));
        let reloads = reloads.count();
        assert!(reloads <= 1, "{reloads} reloads in one plan");
        if let Some(write) = is(changes_unit) {
            let remembered = is(
                |action| matches!(action.host_step(), Some(HostStep::Remember(memory)) if memory.reload),
            );
            assert!(
                self.host.memory.reload || remembered.is_some_and(|at| at < write),
                "a unit changes before that is remembered"
            );
        }
        for action in &plan.actions {
            let judged = guard::check(&desired, &observed, &plan, action);
            assert_eq!(judged.map_err(|refused| refused.to_string()), Ok(()));
        }
        plan
    }

    /// One pass, of which only the first `count` actions happen.
    pub(super) fn pass_cut_at(&mut self, count: usize) -> Plan {
        let (desired, plan) = (self.desired(), self.plan());
        plan.actions
            .iter()
            .take(count)
            .for_each(|action| self.apply(action));
        if count < plan.actions.len() {
            // Killed: what the process knew is gone, too.
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

    /// The same, in no time.
    pub(super) fn converge_at_once(&mut self) {
        let now = self.now;
        for _ in 0..PASSES_MAX {
            let done = self.pass_cut_at(usize::MAX).is_empty();
            self.now = now;
            if done {
                return;
            }
        }
        panic!("it does not come to rest: {:#?}", self.lines());
    }

    pub(super) fn lines(&mut self) -> Vec<String> {
        self.plan().actions.iter().map(brief).collect()
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
            // Quadlet writes these as `Requires=`.
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
