//! The user's systemd: units as generated at the last reload, jobs in their order, restarts, masks, boot.
//!
//! A job is queued at once and carried out when time passes, as for a caller that does not wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use archipelago_core::observed::{Active, Failure, Job as SeenJob, Load, Memory, Service};
use archipelago_core::quadlet::{is_unit_file, service_of};

use super::World;
use super::disk::Bytes;
use super::podman::Object;
use super::quadlet::{self, Container, Definition, Kind};

/// `RestartSec=` of every container of ours.
const RESTART_DELAY: Duration = Duration::from_secs(10);
/// Jobs that one step of time can carry out; more is a loop.
const JOBS_MAX: usize = 500;

/// The user's systemd.
#[derive(Clone, Debug, Default)]
pub struct Systemd {
    /// What the generators made at the last reload, by service.
    pub generated: BTreeMap<String, Arc<Definition>>,
    /// What the generator left out, and why.
    pub refused: BTreeMap<String, String>,
    /// Services that start along with another one, by that one: the links that `WantedBy=` becomes.
    pub carried: BTreeMap<String, Vec<String>>,
    /// The units that were made, and those that run without being made any more, by service.
    pub units: BTreeMap<String, Unit>,
    /// How often a service was started since the world began.
    pub invocations: u32,
    /// Counts changes of a service's state, each of which rings for those who listen.
    pub rings: u64,
}

/// A loaded unit.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its definition; `None` when its file is gone while it runs.
    pub definition: Option<Arc<Definition>>,
    /// Whether systemd has it.
    pub load: Load,
    /// What it does.
    pub active: Active,
    /// The job for it.
    pub job: Option<Job>,
    /// The run that is under way.
    pub run: Option<Running>,
    restart_at: Option<Duration>,
    failure: Option<Failure>,
    restarts: u32,
    /// When its last run began.
    began: Option<Duration>,
}

/// A job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Start it, unless it runs.
    Start,
    /// Stop it if it runs, then start it.
    Restart,
    /// Stop it.
    Stop,
}

/// One run of a service.
#[derive(Clone, Debug)]
pub struct Running {
    /// systemd's id of it.
    pub invocation: String,
    /// What it was started with.
    pub definition: Arc<Definition>,
    /// The mounted files as they were then.
    pub files: BTreeMap<std::path::PathBuf, Option<Bytes>>,
    /// The revisions of its secrets.
    pub secrets: BTreeMap<String, String>,
    /// Whether somebody changed what it was started with, so that nobody can be sure any more.
    pub blurred: bool,
}

impl Unit {
    fn new(definition: Option<Arc<Definition>>) -> Self {
        Self {
            definition,
            load: Load::Loaded,
            active: Active::Inactive,
            job: None,
            run: None,
            restart_at: None,
            failure: None,
            restarts: 0,
            began: None,
        }
    }

    fn is_down(&self) -> bool {
        matches!(self.active, Active::Inactive | Active::Failed) && self.job.is_none()
    }

    fn waits_to_restart(&self) -> bool {
        self.restart_at.is_some()
    }

    /// As `ListUnitsByPatterns` and the properties of a service that is not well show it.
    pub fn seen(&self) -> Service {
        let sub = match self.active {
            Active::Active if self.is_one_shot() => "exited",
            Active::Active => "running",
            Active::Activating if self.waits_to_restart() => "auto-restart",
            Active::Activating => "start",
            Active::Deactivating => "stop-sigterm",
            Active::Inactive => "dead",
            Active::Failed => "failed",
        };
        let unwell = self.active == Active::Failed || self.waits_to_restart();
        Service {
            load: self.load,
            active: self.active,
            sub: sub.to_owned(),
            job: self.job.map(|job| match job {
                Job::Stop => SeenJob::Stop,
                Job::Start | Job::Restart => SeenJob::Other,
            }),
            failure: self.failure.clone().filter(|_| unwell),
            began: self.began,
        }
    }

    fn is_one_shot(&self) -> bool {
        let running = self.run.as_ref().map(|run| &run.definition);
        running
            .or(self.definition.as_ref())
            .is_some_and(|definition| !matches!(definition.kind, Kind::Container(_)))
    }
}

type Done = Result<(), String>;

impl World {
    /// `daemon-reload`: reads the unit files and masks anew; what runs goes on.
    pub fn reload(&mut self) {
        let files: BTreeMap<String, Bytes> = self
            .disk
            .names(&self.layout.units)
            .into_iter()
            .filter(|name| is_unit_file(name))
            .filter_map(|name| {
                let text = self.disk.read(&self.layout.unit(&name))?;
                Some((name, text))
            })
            .collect();
        let (mut generated, mut refused) = quadlet::generate(&files);
        for name in files.keys() {
            let folder = self.layout.unit(&format!("{name}.d"));
            let drop_ins: Vec<Bytes> = self
                .disk
                .names(&folder)
                .iter()
                .filter_map(|file| self.disk.read(&folder.join(file)))
                .collect();
            if let Some(complaint) = quadlet::complaint(name, &drop_ins) {
                generated.remove(&service_of(name));
                refused.insert(name.clone(), complaint);
            }
        }
        self.systemd.carried.clear();
        for (service, definition) in &generated {
            for other in &definition.wanted_by {
                let along = self.systemd.carried.entry(other.clone()).or_default();
                along.push(service.clone());
            }
        }
        self.systemd.generated = generated;
        self.systemd.refused = refused;
        for (service, definition) in &self.systemd.generated {
            let unit = self
                .systemd
                .units
                .entry(service.clone())
                .or_insert_with(|| Unit::new(None));
            unit.definition = Some(Arc::clone(definition));
        }
        let mut units = std::mem::take(&mut self.systemd.units);
        units.retain(|service, unit| {
            let known = self.systemd.generated.contains_key(service);
            let masked = self.masked(service);
            if !known {
                unit.definition = None;
            }
            unit.load = masked.unwrap_or(if known { Load::Loaded } else { Load::NotFound });
            known || masked.is_some() || !unit.is_down()
        });
        self.systemd.units = units;
    }

    /// Whether the operator's mask stands above a service.
    fn masked(&self, service: &str) -> Option<Load> {
        let link = self.disk.link(&self.layout.systemd.join(service));
        (link == Some(std::path::Path::new("/dev/null"))).then_some(Load::Masked)
    }

    /// Queues a start.
    pub fn start(&mut self, service: &str) -> Done {
        self.startable("start", service)?;
        let mut wanted = vec![service.to_owned()];
        let mut seen: Vec<String> = Vec::new();
        while let Some(name) = wanted.pop() {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name.clone());
            let direct = name == service;
            let Some(unit) = self.systemd.units.get_mut(&name) else {
                continue;
            };
            if unit.load != Load::Loaded {
                continue;
            }
            if unit.active != Active::Active {
                // A restart that is queued starts it as well.
                if unit.job != Some(Job::Restart) {
                    unit.job = Some(Job::Start);
                }
            } else if direct && unit.job == Some(Job::Stop) {
                unit.job = Some(Job::Start);
            }
            if let Some(definition) = &unit.definition {
                wanted.extend(definition.requires.iter().chain(&definition.wants).cloned());
            }
            wanted.extend(
                self.systemd
                    .carried
                    .get(&name)
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
        }
        Ok(())
    }

    /// In the words of the program.
    fn startable(&self, action: &str, service: &str) -> Done {
        match self.systemd.units.get(service).map(|unit| unit.load) {
            Some(Load::Loaded) => Ok(()),
            Some(Load::Masked) => Err(format!(
                "{action} {service}: it is masked; `systemctl --user unmask {service}` lifts that"
            )),
            Some(Load::NotFound | Load::Bad) | None => Err(format!(
                "{action} {service}: systemd has no such unit; its file is missing, or was never loaded: `systemctl --user daemon-reload`"
            )),
        }
    }

    /// Queues a restart, and those of the services that this one carries along.
    pub fn restart(&mut self, service: &str) -> Done {
        self.startable("restart", service)?;
        self.start(service)?;
        self.carry_along(service);
        if let Some(unit) = self.systemd.units.get_mut(service) {
            unit.job = Some(Job::Restart);
        }
        Ok(())
    }

    /// What runs and hangs on this service is restarted with it, and what that wants is started.
    fn carry_along(&mut self, service: &str) {
        for name in self.hanging_on(service) {
            let Some(unit) = self.systemd.units.get(&name) else {
                continue;
            };
            if unit.active == Active::Active
                && unit.load == Load::Loaded
                && self.start(&name).is_ok()
                && let Some(unit) = self.systemd.units.get_mut(&name)
            {
                unit.job = Some(Job::Restart);
            }
        }
    }

    /// Those that hang on this service, and those that hang on them, and so on.
    fn hanging_on(&self, service: &str) -> Vec<String> {
        let mut found = vec![service.to_owned()];
        let mut at = 0;
        while let Some(carrier) = found.get(at).cloned() {
            let more = self.systemd.units.iter();
            let more =
                more.filter(|(name, unit)| !found.contains(name) && hangs_on(unit, &carrier));
            let more: Vec<String> = more.map(|(name, _)| name.clone()).collect();
            found.extend(more);
            at += 1;
        }
        found.split_off(1)
    }

    /// Queues a stop, and those of the services that cannot go on without this one.
    pub fn stop(&mut self, service: &str) {
        let mut stopped = self.hanging_on(service);
        stopped.push(service.to_owned());
        for name in stopped {
            if let Some(unit) = self.systemd.units.get_mut(&name)
                && !unit.is_down()
            {
                unit.job = Some(Job::Stop);
            }
        }
    }

    /// Withdraws a job.
    pub fn cancel_job(&mut self, service: &str) {
        if let Some(unit) = self.systemd.units.get_mut(service) {
            unit.job = None;
        }
    }

    /// A container's process ends by itself, or Podman removes its container: systemd starts it again after a while.
    pub fn die(&mut self, service: &str, status: i32) {
        self.systemd.rings += 1;
        let now = self.clock.since_boot;
        let container = {
            let Some(unit) = self.systemd.units.get_mut(service) else {
                return;
            };
            let Some(run) = unit.run.take() else { return };
            let Kind::Container(container) = &run.definition.kind else {
                unit.run = Some(run);
                return;
            };
            let container = container.name.clone();
            let restarts = unit.definition.is_some();
            unit.restarts += u32::from(restarts);
            unit.failure = Some(Failure {
                result: "exit-code".to_owned(),
                status,
                restarts: unit.restarts,
            });
            unit.active = if restarts {
                Active::Activating
            } else {
                Active::Failed
            };
            unit.restart_at = restarts.then(|| now + RESTART_DELAY);
            container
        };
        self.podman.containers.remove(&container);
    }

    /// Carries out what is due at this moment.
    pub fn settle(&mut self) {
        for _ in 0..JOBS_MAX {
            let now = self.clock.since_boot;
            let due = self.systemd.units.iter().find(|(_, unit)| {
                unit.restart_at.is_some_and(|at| at <= now) && unit.job.is_none()
            });
            if let Some(service) = due.map(|(service, _)| service.clone()) {
                self.restart_by_itself(&service);
                continue;
            }
            let Some(next) = self.next_job() else { return };
            self.carry_out(&next);
        }
        self.violation(
            crate::invariants::Invariant::Simulator,
            "systemd's queue does not empty".to_owned(),
        );
    }

    /// The delay of `RestartSec=` is over: a start that carries along what hangs on the service, as a restart does.
    fn restart_by_itself(&mut self, service: &str) {
        self.systemd.rings += 1;
        let can = self.start(service).is_ok();
        if can {
            self.carry_along(service);
        }
        if let Some(unit) = self.systemd.units.get_mut(service) {
            unit.restart_at = None;
            if !can {
                unit.active = Active::Failed;
                unit.failure = Some(Failure {
                    result: "resources".to_owned(),
                    ..unit.failure.take().unwrap_or_default()
                });
            }
        }
    }

    /// The units that systemd keeps in its memory, and so shows: those that do something or have failed, those that the boot wants, and all
    /// that these name. It forgets the others until it is asked for them.
    pub fn listed(&self) -> BTreeMap<String, Service> {
        let systemd = &self.systemd;
        let mut kept: Vec<&String> = systemd
            .units
            .iter()
            .filter(|(_, unit)| {
                let wanted = unit.definition.as_ref().is_some_and(|unit| unit.at_boot);
                wanted || unit.active != Active::Inactive || unit.job.is_some()
            })
            .map(|(service, _)| service)
            .collect();
        let mut at = 0;
        while let Some(service) = kept.get(at) {
            let unit = systemd.units.get(*service);
            let definition = unit.and_then(|unit| unit.definition.as_ref());
            let named = definition.into_iter().flat_map(|definition| {
                let lists = [&definition.wants, &definition.after, &definition.part_of];
                lists.into_iter().flatten().chain(&definition.requires)
            });
            let carried = systemd.carried.get(*service).into_iter().flatten();
            for name in named.chain(carried) {
                if !kept.contains(&name) {
                    kept.push(name);
                }
            }
            at += 1;
        }
        let seen = |service: &String| {
            let unit = systemd.units.get(service).map(Unit::seen);
            let seen = unit.unwrap_or_else(|| {
                let mut absent = Unit::new(None);
                absent.load = self.masked(service).unwrap_or(Load::NotFound);
                absent.seen()
            });
            (service.clone(), seen)
        };
        kept.into_iter().map(seen).collect()
    }

    /// When a service is due to be started again by systemd.
    pub fn next_restart(&self) -> Option<Duration> {
        let units = self.systemd.units.values();
        units.filter_map(|unit| unit.restart_at).min()
    }

    /// The next job whose order allows it; a circle is broken as systemd does, somewhere.
    fn next_job(&self) -> Option<String> {
        let units = &self.systemd.units;
        let queued = || units.iter().filter(|(_, unit)| unit.job.is_some());
        let waits = |name: &str, unit: &Unit| match unit.job {
            Some(Job::Stop) => queued().any(|(other, waiting)| {
                other != name
                    && waiting.job == Some(Job::Stop)
                    && order(waiting).is_some_and(|after| after.iter().any(|a| a == name))
            }),
            _ => order(unit).is_some_and(|after| {
                after
                    .iter()
                    .any(|other| units.get(other).is_some_and(|unit| unit.job.is_some()))
            }),
        };
        queued()
            .find(|(name, unit)| !waits(name, unit))
            .or_else(|| queued().next())
            .map(|(name, _)| name.clone())
    }

    fn carry_out(&mut self, service: &str) {
        self.systemd.rings += 1;
        let Some(unit) = self.systemd.units.get_mut(service) else {
            return;
        };
        let Some(job) = unit.job.take() else { return };
        match job {
            Job::Stop => self.end_run(service),
            Job::Start if unit.active == Active::Active => {}
            Job::Start => self.begin_run(service),
            Job::Restart => {
                self.end_run(service);
                self.begin_run(service);
            }
        }
    }

    fn end_run(&mut self, service: &str) {
        let Some(unit) = self.systemd.units.get_mut(service) else {
            return;
        };
        unit.active = Active::Inactive;
        unit.restart_at = None;
        unit.failure = None;
        unit.restarts = 0;
        let run = unit.run.take();
        if unit.definition.is_none() && unit.load != Load::Masked {
            self.systemd.units.remove(service);
        }
        if let Some(Kind::Container(container)) = run.map(|run| run.definition.kind.clone()) {
            self.podman.containers.remove(&container.name);
        }
    }

    fn begin_run(&mut self, service: &str) {
        let Some(definition) = self
            .systemd
            .units
            .get(service)
            .and_then(|unit| unit.definition.clone())
        else {
            // Its file is gone: there is nothing to start.
            if let Some(unit) = self.systemd.units.get_mut(service) {
                unit.active = Active::Inactive;
                unit.restart_at = None;
                if unit.load == Load::NotFound {
                    self.systemd.units.remove(service);
                }
            }
            return;
        };
        let needed = definition.requires.iter();
        let missing = needed
            .filter(|name| {
                self.systemd
                    .units
                    .get(*name)
                    .is_none_or(|unit| unit.active != Active::Active)
            })
            .count();
        if missing > 0 {
            // The job fails with its dependency; systemd does not try that again by itself.
            if let Some(unit) = self.systemd.units.get_mut(service) {
                unit.active = Active::Inactive;
                unit.restart_at = None;
            }
            return;
        }
        let begun = match &definition.kind {
            Kind::Network(network) => {
                self.podman
                    .networks
                    .entry(network.name.clone())
                    .or_insert_with(|| Object {
                        label: network.label.clone(),
                        ..Object::default()
                    });
                self.podman.changes += 1;
                Ok(())
            }
            Kind::Volume(volume, folder) => {
                self.podman
                    .volumes
                    .entry(volume.name.clone())
                    .or_insert_with(|| Object {
                        label: volume.label.clone(),
                        folder: folder.clone(),
                        ..Object::default()
                    });
                self.podman.changes += 1;
                Ok(())
            }
            Kind::Container(container) => self.run_container(container),
        };
        match begun {
            Ok(()) => self.began(service, definition),
            Err(cause) => self.failed_to_begin(service, &cause),
        }
    }

    fn began(&mut self, service: &str, definition: Arc<Definition>) {
        self.systemd.invocations += 1;
        let now = self.clock.since_boot;
        let (mut files, mut secrets) = (BTreeMap::new(), BTreeMap::new());
        if let Kind::Container(container) = &definition.kind {
            for path in &container.mounts {
                files.insert(path.clone(), self.disk.read(path));
            }
            for name in &container.secrets {
                let revision = self.podman.secrets.get(name);
                let revision = revision.map(|secret| secret.revision.clone());
                secrets.insert(name.clone(), revision.unwrap_or_default());
            }
        }
        // Who looks at the disk cannot tell that an edit of the file came too late for this run.
        let marked = definition.mark.is_some();
        let on_disk = self.disk.read(&self.layout.unit(&definition.file));
        let memory = Memory::read(self.disk.read(&self.layout.pending()).as_deref());
        let doubted = memory.restarts.get(service).is_some_and(String::is_empty);
        // Nor, while a reload is due as far as is known, whether it was made before this run.
        let stale = memory.reload || on_disk.as_ref() != Some(&definition.text);
        let blurred = doubted || (marked && stale);
        let run = Running {
            invocation: format!("run-{}", self.systemd.invocations),
            definition,
            files,
            secrets,
            blurred,
        };
        if let Some(unit) = self.systemd.units.get_mut(service) {
            unit.active = Active::Active;
            unit.restart_at = None;
            unit.failure = None;
            unit.began = Some(now);
            unit.run = Some(run);
        }
    }

    fn failed_to_begin(&mut self, service: &str, _cause: &str) {
        let now = self.clock.since_boot;
        if let Some(unit) = self.systemd.units.get_mut(service) {
            unit.restarts += 1;
            unit.failure = Some(Failure {
                result: "exit-code".to_owned(),
                status: 125,
                restarts: unit.restarts,
            });
            unit.active = Active::Activating;
            unit.restart_at = Some(now + RESTART_DELAY);
        }
    }

    /// `podman run`, as Quadlet writes it.
    fn run_container(&mut self, container: &Container) -> Done {
        let podman = &self.podman;
        if !podman.images.contains_key(&container.image) {
            return Err(format!("{}: image not known", container.image));
        }
        let volume = container
            .checked
            .iter()
            .find(|name| !podman.volumes.contains_key(*name));
        if let Some(name) = volume {
            return Err(format!("no volume {name}"));
        }
        for unit in &container.networks {
            let name = self.made_name(unit);
            if !podman.networks.contains_key(&name) {
                return Err(format!("unable to find network with name or ID {name}"));
            }
        }
        for name in &container.secrets {
            if !podman.secrets.contains_key(name) {
                return Err(format!("no secret with name or id {name:?}"));
            }
        }
        for path in &container.mounts {
            if !self.disk.exists(path) {
                return Err(format!(
                    "statfs {}: no such file or directory",
                    path.display()
                ));
            }
        }
        let volumes: Vec<String> = container
            .volumes
            .iter()
            .map(|unit| self.made_name(unit))
            .collect();
        for name in &volumes {
            // What is not there, Podman makes: a volume of its own, with no label and no folder of ours.
            if !self.podman.volumes.contains_key(name) {
                self.podman.changes += 1;
                self.podman.volumes.insert(name.clone(), Object::default());
            }
            let folder = self.podman.volumes[name].folder.clone();
            if let Some(folder) = folder {
                if !self.disk.is_folder(&folder) {
                    return Err(format!("mount {}: no such device", folder.display()));
                }
                self.use_data(&folder, container);
            }
        }
        let object = Object {
            label: container.label.clone(),
            ..Object::default()
        };
        self.podman
            .containers
            .insert(container.name.clone(), object);
        Ok(())
    }

    /// Podman's name of what a unit makes.
    fn made_name(&self, unit: &str) -> String {
        let service = service_of(unit);
        let made = self.systemd.generated.get(&service);
        match made.map(|definition| &definition.kind) {
            Some(Kind::Network(made) | Kind::Volume(made, _)) => made.name.clone(),
            _ => unit
                .rsplit_once('.')
                .map_or(unit, |(stem, _)| stem)
                .to_owned(),
        }
    }

    /// Starts what is to start at boot, in its order.
    pub fn boot_units(&mut self) {
        self.systemd = Systemd {
            invocations: self.systemd.invocations,
            rings: self.systemd.rings,
            ..Systemd::default()
        };
        self.reload();
        let at_boot: Vec<String> = self
            .systemd
            .generated
            .iter()
            .filter(|(_, definition)| definition.at_boot)
            .map(|(service, _)| service.clone())
            .collect();
        for service in at_boot {
            // A masked one stays down; that is what a mask is for.
            let _ = self.start(&service);
        }
        self.settle();
    }
}

/// Whether a unit is stopped and restarted along with that service.
fn hangs_on(unit: &Unit, service: &str) -> bool {
    unit.definition.as_ref().is_some_and(|definition| {
        let mut names = definition.requires.iter().chain(&definition.part_of);
        names.any(|name| name == service)
    })
}

fn order(unit: &Unit) -> Option<&Vec<String>> {
    unit.definition.as_ref().map(|definition| &definition.after)
}
