//! A small world in memory, in which every action works: what is planned is compared as short lines, and disturbed worlds must
//! come to rest.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::desired::{Apps, Inputs, Origin, assemble};
use crate::intent::{Goal, Intent};
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files};
use crate::observed::{
    Active, Job, Load, Override, Podman, PodmanView, Remains, RenderedFile, Service, needs_podman,
};
use crate::quadlet::{mark_of, service_of};
use crate::reconcile::{Outcome, Reconciler};

const WEB: &str = "
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

const ON_TOP: &str = "
services:
  top:
    image: docker.io/library/top:1
x-archipelago:
  requires: {apps: [web]}
";

/// More passes than any of these worlds needs to come to rest.
const PASSES_MAX: usize = 12;
const TICK: Duration = Duration::from_secs(30);

struct World {
    inputs: Inputs,
    /// Without Podman's part, which is asked for when needed.
    host: Observed,
    podman: PodmanView,
    /// What systemd's generator made of the files at the last reload, by service.
    generated: BTreeMap<String, String>,
    /// What each running service was started with.
    started_with: BTreeMap<String, String>,
    invocations: u32,
    reconciler: Reconciler,
    now: Duration,
}

fn id(text: &str) -> AppId {
    AppId::parse(text).unwrap()
}

fn layout() -> Layout {
    Layout {
        config: PathBuf::from("/config"),
        data: PathBuf::from("/data"),
        units: PathBuf::from("/units"),
        systemd: PathBuf::from("/systemd"),
        runtime: PathBuf::from("/run"),
    }
}

fn service(active: Active, sub: &str) -> Service {
    Service {
        load: Load::Loaded,
        active,
        sub: sub.to_owned(),
        job: None,
        failure: None,
    }
}

impl World {
    /// An intent for the app `web`, and a host on which nothing of it is.
    fn fresh() -> Self {
        let inputs = Inputs {
            layout: layout(),
            config: Ok(Config::default()),
            intents: BTreeMap::new(),
            definitions: BTreeMap::new(),
            secrets: BTreeMap::new(),
            captured: BTreeMap::new(),
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
    fn at_rest() -> Self {
        let mut world = Self::fresh();
        world.converge();
        world
    }

    fn install(&mut self, app: &str, files: &[(&str, &str)]) {
        let files: Files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
            .collect();
        self.inputs.definitions.insert(id(app), files);
        self.intend(app, Goal::Running, false);
    }

    fn intend(&mut self, app: &str, state: Goal, purge: bool) {
        let intent = Intent {
            state,
            purge,
            ..Intent::parse("", "").unwrap()
        };
        self.inputs.intents.insert(id(app), Ok(intent));
    }

    fn edit_definition(&mut self, from: &str, to: &str) {
        let file = self
            .inputs
            .definitions
            .get_mut(&id("web"))
            .unwrap()
            .get_mut(COMPOSE_FILE)
            .unwrap();
        *file = std::str::from_utf8(file)
            .unwrap()
            .replace(from, to)
            .into_bytes();
    }

    fn desired(&self) -> Desired {
        assemble(&self.inputs, &Apps::read(&self.inputs))
    }

    fn observe(&self) -> Observed {
        let mut observed = self.host.clone();
        observed.fingerprint = format!("{:?}", self.podman);
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
                    },
                );
            }
        }
        if needs_podman(&self.desired(), &observed) {
            observed.podman = Podman::Seen(self.podman.clone());
        }
        observed
    }

    fn plan(&mut self) -> Plan {
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
    fn pass_cut_at(&mut self, count: usize) -> Plan {
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
    fn converge(&mut self) {
        for _ in 0..PASSES_MAX {
            if self.pass_cut_at(usize::MAX).is_empty() {
                return;
            }
        }
        panic!("it does not come to rest: {:#?}", self.lines());
    }

    fn lines(&mut self) -> Vec<String> {
        self.plan()
            .actions
            .iter()
            .map(|action| brief(&action.step))
            .collect()
    }

    fn restart(&mut self, name: &str) {
        let Some(content) = self.generated.get(name).cloned() else {
            return;
        };
        let app = mark_of(content.as_bytes()).unwrap().app;
        self.invocations += 1;
        self.host
            .services
            .insert(name.to_owned(), service(Active::Active, "running"));
        self.host
            .invocations
            .insert(name.to_owned(), format!("run {}", self.invocations));
        self.started_with.insert(name.to_owned(), content.clone());
        let stem = name.trim_end_matches(".service");
        if content.contains("[Network]") {
            self.podman
                .networks
                .insert(stem.trim_end_matches("-network").to_owned(), Some(app));
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
        }
    }

    fn stop(&mut self, name: &str) {
        self.host
            .services
            .insert(name.to_owned(), service(Active::Inactive, "dead"));
        self.host.invocations.remove(name);
        self.started_with.remove(name);
        self.podman
            .containers
            .remove(name.trim_end_matches(".service"));
        if !self.generated.contains_key(name) {
            self.host.services.remove(name);
        }
    }

    fn fail(&mut self, name: &str) {
        self.stop(name);
        if let Some(found) = self.host.services.get_mut(name) {
            *found = service(Active::Failed, "failed");
        }
    }

    fn reload(&mut self) {
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
    fn apply(&mut self, step: &Step) {
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
            Step::CheckUnits(_) => {}
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
            Step::Forget(app) => {
                self.inputs.intents.remove(app);
                self.inputs.definitions.remove(app);
            }
        }
    }

    fn unit(&mut self, name: &str) -> &mut Vec<u8> {
        self.host.unit_files.get_mut(name).unwrap()
    }

    fn replace(&mut self, unit: &str, from: &str, to: &str) {
        let content = self.unit(unit);
        let text = String::from_utf8(content.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        *content = text.replace(from, to).into_bytes();
    }
}

fn brief(step: &Step) -> String {
    let inside = |path: &Path| path.strip_prefix("/data").unwrap().display().to_string();
    match step {
        Step::GenerateSecret { app, name } => format!("generate secret {app}/{name}"),
        Step::MakeFolder(path) => format!("make folder {}", inside(path)),
        Step::EnsureImage(image) => format!("ensure image {}", image.reference),
        Step::CheckUnits(units) => format!("check {} units", units.len()),
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
        Step::Start(service) => format!("start {service}"),
        Step::Restart(service) => format!("restart {service}"),
        Step::Stop(service) => format!("stop {service}"),
        Step::RemoveRendered(container) => format!("remove rendered files of {container}"),
        Step::RemoveContainer(name) => format!("remove container {name}"),
        Step::RemoveNetwork(name) => format!("remove network {name}"),
        Step::RemoveVolume(name) => format!("remove volume {name}"),
        Step::RemoveSecret(name) => format!("remove secret {name}"),
        Step::RemoveImage(name) => format!("remove image {name}"),
        Step::RemoveData(app) => format!("remove data of {app}"),
        Step::Forget(app) => format!("forget {app}"),
    }
}

/// What is planned pass by pass, after something happened to a world at rest; after the last of them nothing is left to do.
fn check(happened: impl FnOnce(&mut World), passes: &[&[&str]]) {
    let mut world = World::at_rest();
    happened(&mut world);
    check_passes(world, passes);
}

fn check_passes(mut world: World, passes: &[&[&str]]) {
    for expected in passes {
        assert_eq!(world.lines(), *expected);
        world.pass_cut_at(usize::MAX);
    }
    assert_eq!(world.lines(), [""; 0], "after the expected passes");
}

#[test]
fn a_fresh_install_goes_from_secrets_to_started_services() {
    check_passes(
        World::fresh(),
        &[
            &["generate secret web/token"],
            &[
                "make folder volumes/web/data",
                "ensure image docker.io/library/ui:1",
                "ensure image docker.io/library/web:1",
                "check 4 units",
                "remember reload",
                "write file archy-web-ui/ui.conf",
                "store secret archy-web-token",
                "write archy-web-data.volume",
                "write archy-web-ui.container",
                "write archy-web.container",
                "write archy-web.network",
                "reload",
                "remember",
            ],
            &[
                "remember",
                "start archy-web-ui.service",
                "start archy-web.service",
            ],
            &["remember"],
        ],
    );
}

#[test]
fn a_world_at_rest_needs_nothing_and_podman_is_not_asked() {
    let mut world = World::at_rest();
    assert_eq!(world.lines(), [""; 0]);
    assert!(!needs_podman(&world.desired(), &world.observe()));
    // Something of Podman's changed: it is asked, and remembered that all is there.
    world
        .podman
        .images
        .insert("docker.io/library/other:1".to_owned(), None);
    assert!(needs_podman(&world.desired(), &world.observe()));
    check_passes(world, &[&["remember"]]);
}

#[test]
fn a_deleted_unit_comes_back_without_a_restart() {
    let written: &[&str] = &[
        "check 4 units",
        "remember reload",
        "write archy-web-ui.container",
        "reload",
        "remember",
    ];
    check(
        |world| drop(world.host.unit_files.remove("archy-web-ui.container")),
        &[written],
    );
    // The same when its service was already forgotten by systemd: then it must be started.
    check(
        |world| {
            world.host.unit_files.remove("archy-web-ui.container");
            world.stop("archy-web-ui.service");
            world.reload();
        },
        &[
            &[
                "check 4 units",
                "remember reload",
                "write archy-web-ui.container",
                "reload",
                "remember",
                "start archy-web-ui.service",
            ],
            &["remember"],
        ],
    );
}

/// Found by the property below: the unit changed while neither the disk nor systemd knew what the service runs with.
#[test]
fn a_service_whose_unit_nobody_remembers_is_restarted() {
    let mut world = World::at_rest();
    for disturbance in [
        Disturbance::DeleteUnit(2),
        Disturbance::Reload,
        Disturbance::Update(2),
    ] {
        world.disturb(&disturbance);
    }
    world.converge();
    let started_with = &world.started_with["archy-web.service"];
    assert!(started_with.contains("web:2"), "{started_with}");
}

#[test]
fn an_edited_unit_restarts_its_service_and_no_other() {
    let mut world = World::at_rest();
    let running = world.host.invocations["archy-web.service"].clone();
    world.replace("archy-web.container", "Pull=never", "Pull=always");
    let remember = format!("remember reload archy-web.service@{running}");
    let still = format!("remember archy-web.service@{running}");
    check_passes(
        world,
        &[
            &[
                "check 4 units",
                &remember,
                "write archy-web.container",
                "reload",
                &still,
                "restart archy-web.service",
            ],
            &["remember"],
        ],
    );
}

#[test]
fn a_service_that_rests_is_started_and_nothing_else() {
    // What Podman has was looked at, and is as it should be but for the container.
    let down: &[&str] = &["remember", "start archy-web.service"];
    check(
        |world| world.stop("archy-web.service"),
        &[down, &["remember"]],
    );
    check(
        |world| world.fail("archy-web.service"),
        &[down, &["remember"]],
    );
    // systemd is at it already.
    for busy in [
        service(Active::Activating, "auto-restart"),
        service(Active::Deactivating, "stop-sigterm"),
    ] {
        check(
            |world| {
                drop(
                    world
                        .host
                        .services
                        .insert("archy-web.service".to_owned(), busy),
                )
            },
            &[],
        );
    }
    let queued = Service {
        job: Some(Job::Other),
        ..service(Active::Inactive, "dead")
    };
    check(
        |world| {
            drop(
                world
                    .host
                    .services
                    .insert("archy-web.service".to_owned(), queued),
            )
        },
        &[],
    );
}

#[test]
fn what_podman_lost_is_made_again() {
    check(
        |world| drop(world.podman.images.remove("docker.io/library/web:1")),
        &[&["ensure image docker.io/library/web:1"]],
    );
    check(
        |world| drop(world.podman.networks.remove("archy-web")),
        &[&["restart archy-web-network.service"]],
    );
    check(
        |world| drop(world.podman.volumes.remove("archy-web-data")),
        &[&["restart archy-web-data-volume.service"]],
    );
    check(
        |world| drop(world.podman.secrets.remove("archy-web-token")),
        &[&["store secret archy-web-token"]],
    );
}

#[test]
fn a_rendered_file_comes_back_and_a_reader_of_an_edited_one_restarts() {
    let path = PathBuf::from("/data/archy-web-ui/ui.conf");
    // What the container has mounted is still the right content.
    let harmless: [fn(&mut World, &Path); 2] = [
        |world, path| drop(world.host.files.remove(path)),
        |world, path| world.host.files.get_mut(path).unwrap().mode = 0o644,
    ];
    for change in harmless {
        check(
            |world| change(world, &path),
            &[&["write file archy-web-ui/ui.conf"]],
        );
    }
    let mut world = World::at_rest();
    let running = world.host.invocations["archy-web-ui.service"].clone();
    world.host.files.get_mut(&path).unwrap().content.push(b'x');
    let remember = format!("remember archy-web-ui.service@{running}");
    check_passes(
        world,
        &[
            &[
                &remember,
                "write file archy-web-ui/ui.conf",
                "restart archy-web-ui.service",
            ],
            &["remember"],
        ],
    );
}

#[test]
fn a_mask_is_the_operators_word() {
    check(
        |world| {
            world.stop("archy-web-ui.service");
            world
                .host
                .overrides
                .insert("archy-web-ui.service".to_owned(), Override::Masked);
        },
        &[&["remember"]],
    );
    check(
        |world| {
            world
                .host
                .services
                .get_mut("archy-web-ui.service")
                .unwrap()
                .load = Load::Masked
        },
        &[],
    );
}

#[test]
fn what_belongs_to_someone_else_is_not_touched() {
    let foreign: [fn(&mut World); 5] = [
        |world| {
            drop(world.host.unit_files.insert(
                "archy-web.container".to_owned(),
                b"[Container]\nImage=x\n".to_vec(),
            ))
        },
        |world| drop(world.podman.containers.insert("archy-web".to_owned(), None)),
        |world| {
            drop(
                world
                    .podman
                    .networks
                    .insert("archy-web".to_owned(), Some(id("other"))),
            )
        },
        |world| {
            drop(
                world
                    .podman
                    .volumes
                    .insert("archy-web-data".to_owned(), None),
            )
        },
        |world| {
            let name = "archy-web.service".to_owned();
            world.host.overrides.insert(name, Override::Foreign);
        },
    ];
    for take in foreign {
        let mut world = World::fresh();
        world.apply(&Step::GenerateSecret {
            app: id("web"),
            name: "token".to_owned(),
        });
        take(&mut world);
        assert_eq!(world.lines(), [""; 0]);
        let desired = world.desired();
        let (_, present) = desired.present().next().unwrap();
        assert!(
            blocked(
                &id("web"),
                present,
                &world.observe(),
                world.reconciler.progress()
            )
            .is_some()
        );
    }
}

#[test]
fn stopping_stops_the_companions_first() {
    let mut world = World::at_rest();
    world.intend("web", Goal::Stopped, false);
    let runs = |service: &str| format!("{service}@{}", world.host.invocations[service]);
    let (ui, web) = (runs("archy-web-ui.service"), runs("archy-web.service"));
    let (before, after) = (
        format!("remember reload {ui} {web}"),
        format!("remember {ui} {web}"),
    );
    let rest = format!("remember {web}");
    check_passes(
        world,
        &[
            &[
                "check 4 units",
                &before,
                "write archy-web-ui.container",
                "write archy-web.container",
                "reload",
                &after,
                "stop archy-web-ui.service",
            ],
            &[&rest, &rest, "stop archy-web.service"],
            &["remember", "remember"],
        ],
    );
}

#[test]
fn an_app_that_should_rest_needs_no_image() {
    check(
        |world| {
            world.intend("web", Goal::Stopped, false);
            world.converge();
            world.podman.images.clear();
        },
        &[&["remember"]],
    );
}

#[test]
fn a_removal_goes_stage_by_stage() {
    let stages: [&[&str]; 3] = [
        &["stop archy-web-ui.service"],
        &["stop archy-web.service"],
        &[
            "remember reload",
            "remove rendered files of archy-web-ui",
            "remove rendered files of archy-web",
            "remove archy-web-data.volume",
            "remove archy-web-ui.container",
            "remove archy-web.container",
            "remove archy-web.network",
            "reload",
            "remember",
            "stop archy-web-data-volume.service",
            "stop archy-web-network.service",
        ],
    ];
    let objects: &[&str] = &[
        "remove network archy-web",
        "remove volume archy-web-data",
        "remove secret archy-web-token",
    ];
    check(
        |world| world.intend("web", Goal::Removed, false),
        &[
            stages[0],
            stages[1],
            stages[2],
            objects,
            &["remember", "forget web"],
        ],
    );
    check(
        |world| {
            world
                .podman
                .images
                .insert("localhost/archy-web:1".to_owned(), Some(id("web")));
            world.intend("web", Goal::Removed, true);
        },
        &[
            stages[0],
            stages[1],
            stages[2],
            &[objects, &["remove image localhost/archy-web:1"]].concat(),
            &["remember", "remove data of web", "forget web"],
        ],
    );
    // Podman does not answer: nothing is forgotten before it is known to be gone.
    let mut world = World::fresh();
    world.intend("web", Goal::Removed, false);
    let mut observed = world.observe();
    observed.podman = Podman::Unreachable("no socket".to_owned());
    assert!(plan(&world.desired(), &observed, &Progress::default(), world.now).is_empty());
}

#[test]
fn an_app_that_another_needs_stays() {
    let mut world = World::at_rest();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.intend("web", Goal::Removed, false);
    assert_eq!(world.lines(), [""; 0]);
    world.intend("top", Goal::Removed, false);
    world.converge();
    assert!(
        world.inputs.intents.is_empty()
            && world.host.unit_files.is_empty()
            && world.podman.containers.is_empty()
    );
}

#[test]
fn a_unit_of_another_version_is_rewritten_without_a_restart() {
    check(
        |world| {
            world.replace(
                "archy-web.container",
                &format!("Version={VERSION}"),
                "Version=0.0.1",
            )
        },
        &[&[
            "check 4 units",
            "remember reload",
            "write archy-web.container",
            "reload",
            "remember",
        ]],
    );
}

#[test]
fn a_running_service_keeps_its_unit_until_the_image_of_the_new_one_is_here() {
    let mut world = World::at_rest();
    let running = world.host.invocations["archy-web.service"].clone();
    world.edit_definition("web:1", "web:2");
    let before = format!("remember reload archy-web.service@{running}");
    let after = format!("remember archy-web.service@{running}");
    check_passes(
        world,
        &[
            &["ensure image docker.io/library/web:2"],
            &[
                "check 4 units",
                &before,
                "write archy-web.container",
                "reload",
                &after,
                "restart archy-web.service",
            ],
            &["remember"],
        ],
    );
}

#[test]
fn a_unit_that_the_definition_no_longer_has_goes() {
    let mut world = World::at_rest();
    world.edit_definition("    volumes: [data:/data]\n", "");
    world.edit_definition("volumes:\n  data:\n", "");
    world.converge();
    assert!(!world.host.unit_files.contains_key("archy-web-data.volume"));
    assert!(world.host.services["archy-web.service"].is_up());
}

#[test]
fn what_failed_waits_and_the_plan_says_until_when() {
    let mut world = World::at_rest();
    world.stop("archy-web.service");
    let desired = world.desired();
    let failing = world.plan();
    // It was started, and rests again at the next look.
    world.reconciler.finished(
        &desired,
        &failing,
        &vec![Outcome::Done; failing.actions.len()],
        world.now,
    );
    let waits = world.plan();
    assert!(
        waits
            .actions
            .iter()
            .all(|action| matches!(action.step, Step::Remember(_))),
        "{waits:?}"
    );
    assert_eq!(waits.wake_at, Some(world.now + Duration::from_secs(10)));
    world.now += Duration::from_secs(10);
    assert!(
        world
            .lines()
            .contains(&"start archy-web.service".to_owned())
    );
    // An action that fails holds up its app, and no other.
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    let (desired, failing) = (world.desired(), world.plan());
    let of_web = |action: &Action| action.app == Some(id("web"));
    let outcome = |action| {
        if of_web(action) {
            Outcome::Failed("no disk".to_owned())
        } else {
            Outcome::Done
        }
    };
    let outcomes: Vec<Outcome> = failing.actions.iter().map(outcome).collect();
    world
        .reconciler
        .finished(&desired, &failing, &outcomes, world.now);
    assert!(!world.plan().actions.iter().any(of_web));
    assert!(
        world
            .plan()
            .actions
            .iter()
            .any(|action| action.app == Some(id("top")))
    );
}

#[test]
fn refused_units_are_tried_again_only_when_they_change() {
    let mut world = World::fresh();
    world.pass_cut_at(usize::MAX);
    let (desired, plan) = (world.desired(), world.plan());
    let refused = Outcome::Refused(BTreeMap::from([(
        "archy-web.container".to_owned(),
        "unsupported key".to_owned(),
    )]));
    let outcomes: Vec<Outcome> = plan
        .actions
        .iter()
        .map(|action| {
            if matches!(action.step, Step::CheckUnits(_)) {
                refused.clone()
            } else {
                Outcome::Skipped
            }
        })
        .collect();
    world
        .reconciler
        .finished(&desired, &plan, &outcomes, world.now);
    world.now += Duration::from_secs(3600);
    assert_eq!(world.lines(), [""; 0]);
    world.edit_definition("web:1", "web:2");
    assert!(
        world
            .lines()
            .contains(&"write archy-web.container".to_owned())
    );
}

/// Something that happens to a host behind the manager's back, or that the operator asks for.
#[derive(Clone, Debug)]
enum Disturbance {
    DeleteUnit(usize),
    EditUnit(usize),
    /// Another version of Archipelago takes over; it makes a pass when it starts.
    Upgrade,
    AddLeftOver,
    StopService(usize),
    FailService(usize),
    Reload,
    Reboot,
    LoseImage(usize),
    LoseNetwork,
    LoseVolume,
    LoseSecret,
    LoseContainer(usize),
    LoseFile,
    EditFile,
    LoseFolder,
    Update(usize),
    Intend(Goal),
    /// A pass that is killed after this many actions.
    Crash(usize),
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    use Disturbance as D;
    prop_oneof![
        (0..4usize).prop_map(D::DeleteUnit),
        (0..4usize).prop_map(D::EditUnit),
        Just(D::Upgrade),
        Just(D::AddLeftOver),
        (0..4usize).prop_map(D::StopService),
        (0..4usize).prop_map(D::FailService),
        Just(D::Reload),
        Just(D::Reboot),
        (0..2usize).prop_map(D::LoseImage),
        Just(D::LoseNetwork),
        Just(D::LoseVolume),
        Just(D::LoseSecret),
        (0..2usize).prop_map(D::LoseContainer),
        Just(D::LoseFile),
        Just(D::EditFile),
        Just(D::LoseFolder),
        (2..5usize).prop_map(D::Update),
        prop::sample::select(vec![Goal::Running, Goal::Stopped]).prop_map(D::Intend),
        (0..9usize).prop_map(D::Crash),
        (0..9usize).prop_map(D::Crash),
    ]
}

const UNITS: [&str; 4] = [
    "archy-web-data.volume",
    "archy-web-ui.container",
    "archy-web.container",
    "archy-web.network",
];

impl World {
    fn disturb(&mut self, disturbance: &Disturbance) {
        let unit = |index: &usize| UNITS[*index].to_owned();
        match disturbance {
            Disturbance::DeleteUnit(index) => drop(self.host.unit_files.remove(&unit(index))),
            Disturbance::EditUnit(index) => {
                if let Some(content) = self.host.unit_files.get_mut(&unit(index)) {
                    content.splice(0..0, *b"# edited\n");
                }
            }
            Disturbance::Upgrade => {
                self.converge();
                for content in self.host.unit_files.values_mut() {
                    *content = aged(content);
                }
                self.reload();
                self.converge();
            }
            Disturbance::AddLeftOver => {
                if let Some(content) = self.host.unit_files.get("archy-web.container").cloned() {
                    self.host
                        .unit_files
                        .insert("archy-web-old.container".to_owned(), content);
                }
            }
            Disturbance::StopService(index) => {
                if self.generated.contains_key(&service_of(&unit(index))) {
                    self.stop(&service_of(&unit(index)));
                }
            }
            Disturbance::FailService(index) => {
                if self.generated.contains_key(&service_of(&unit(index))) {
                    self.fail(&service_of(&unit(index)));
                }
            }
            Disturbance::Reload => self.reload(),
            Disturbance::Reboot => {
                self.host.memory = Memory::default();
                self.host.services.clear();
                self.host.invocations.clear();
                self.started_with.clear();
                self.podman.containers.retain(|_, owner| owner.is_none());
                self.reload();
            }
            Disturbance::LoseImage(index) => drop(
                self.podman
                    .images
                    .remove(["docker.io/library/web:1", "docker.io/library/ui:1"][*index]),
            ),
            Disturbance::LoseNetwork => drop(self.podman.networks.remove("archy-web")),
            Disturbance::LoseVolume => drop(self.podman.volumes.remove("archy-web-data")),
            Disturbance::LoseSecret => drop(self.podman.secrets.remove("archy-web-token")),
            Disturbance::LoseContainer(index) => self.disturb(&Disturbance::FailService(index + 1)),
            Disturbance::LoseFile => self.host.files.clear(),
            Disturbance::EditFile => self
                .host
                .files
                .values_mut()
                .for_each(|file| file.content.push(b'x')),
            Disturbance::LoseFolder => self.host.folders.clear(),
            Disturbance::Update(version) => {
                self.install(
                    "web",
                    &[
                        (
                            COMPOSE_FILE,
                            &WEB.replace("web:1", &format!("web:{version}")),
                        ),
                        ("ui.conf", &format!("v={version}")),
                    ],
                );
            }
            Disturbance::Intend(goal) => self.intend("web", *goal, false),
            Disturbance::Crash(count) => drop(self.pass_cut_at(*count)),
        }
    }

    /// What a stranger has beside ours.
    fn add_strangers(&mut self) {
        self.host.unit_files.insert(
            "archy-stranger.container".to_owned(),
            b"[Container]\nImage=x\n".to_vec(),
        );
        self.host.services.insert(
            "archy-stranger.service".to_owned(),
            service(Active::Inactive, "dead"),
        );
        self.podman.containers.insert("stranger".to_owned(), None);
        self.podman.networks.insert("stranger".to_owned(), None);
        self.podman.volumes.insert("stranger".to_owned(), None);
        self.podman.secrets.insert("stranger".to_owned(), None);
        self.podman.images.insert("stranger:1".to_owned(), None);
    }

    fn strangers_are_untouched(&self) -> bool {
        let PodmanView {
            images,
            containers,
            networks,
            volumes,
            secrets,
        } = &self.podman;
        self.host.unit_files["archy-stranger.container"] == b"[Container]\nImage=x\n"
            && images.contains_key("stranger:1")
            && secrets.contains_key("stranger")
            && [containers, networks, volumes]
                .iter()
                .all(|map| map.contains_key("stranger"))
    }
}

fn aged(content: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(content).unwrap();
    text.replace(&format!("Version={VERSION}"), "Version=0.0.1")
        .into_bytes()
}

proptest! {
    // A failing case becomes a named test; there is no file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_disturbed_world_comes_to_rest_as_it_should_be(disturbances in prop::collection::vec(disturbance(), 1..8)) {
        let mut world = World::at_rest();
        world.add_strangers();
        disturbances.iter().for_each(|disturbance| world.disturb(disturbance));
        world.converge();
        let desired = world.desired();
        let (_, present) = desired.present().next().unwrap();
        for unit in present.units.values() {
            prop_assert_eq!(world.host.unit_files[&unit.file.name].as_slice(), unit.file.content.as_bytes());
        }
        for (unit, container) in present.containers() {
            let found = world.host.services.get(&unit.service);
            prop_assert_eq!(found.is_some_and(Service::is_up), present.running);
            if present.running {
                // But for the version in the mark: updating Archipelago restarts nothing.
                let started_with = aged(world.started_with[&unit.service].trim_start_matches("# edited\n").as_bytes());
                prop_assert_eq!(started_with, aged(unit.file.content.as_bytes()), "{} runs with something else", unit.service);
                prop_assert!(world.podman.images.contains_key(&container.image.reference.to_string()));
            }
        }
        for (path, content) in &present.files {
            prop_assert_eq!(world.host.files[path].content.as_slice(), content.as_bytes());
        }
        prop_assert!(!world.host.unit_files.contains_key("archy-web-old.container"));
        prop_assert!(world.strangers_are_untouched());
        prop_assert!(world.host.memory.restarts.is_empty() && !world.host.memory.reload);
    }

    #[test]
    fn a_disturbed_world_can_always_be_removed(disturbances in prop::collection::vec(disturbance(), 0..6), purge: bool) {
        let mut world = World::at_rest();
        world.add_strangers();
        disturbances.iter().for_each(|disturbance| world.disturb(disturbance));
        world.intend("web", Goal::Removed, purge);
        world.converge();
        prop_assert!(world.inputs.intents.is_empty());
        prop_assert_eq!(world.host.unit_files.len(), 1);
        prop_assert_eq!(world.inputs.secrets.is_empty(), purge);
        prop_assert!(world.strangers_are_untouched());
    }
}
