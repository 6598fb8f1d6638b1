//! Reloads of systemd, and the jobs that it carries out with Podman.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use archipelago_core::layout::Layout;
use archipelago_core::observed::{Active, Load, Memory, Service};
use archipelago_core::quadlet::{is_unit_file, service_of};

use crate::host::disk::{Bytes, Disk};
use crate::host::podman::Object;
use crate::host::quadlet::{self, Container, Definition, Kind};
use crate::host::unit::{Job, Run};
use crate::invariants::Invariant;
use crate::world::state::World;

/// The status of `podman run` that could not run the container.
const PODMAN_FAILED: i32 = 125;
/// More jobs at one moment are an endless loop.
const JOBS_MAX: usize = 500;

impl World {
    /// `daemon-reload`: reads unit files, drop-ins and masks; running services keep running.
    pub fn reload(&mut self) {
        let names = self.disk.names(&self.layout.units);
        let names = names.into_iter().filter(|name| is_unit_file(name));
        let files: BTreeMap<String, Bytes> = names
            .filter_map(|name| {
                let text = self.disk.read(&self.layout.unit(&name))?;
                Some((name, text))
            })
            .collect();
        let (mut generated, _) = quadlet::generate(&files);
        for name in files.keys() {
            let folder = self.layout.unit(&format!("{name}.d"));
            let drop_ins: Vec<Bytes> = self
                .disk
                .names(&folder)
                .iter()
                .filter_map(|file| self.disk.read(&folder.join(file)))
                .collect();
            if quadlet::refuses(name, &drop_ins) {
                generated.remove(&service_of(name));
            }
        }
        self.systemd.load(generated, |service| {
            has_mask(&self.disk, &self.layout, service)
        });
    }

    /// The services as systemd lists them.
    pub(crate) fn listed_services(&self) -> BTreeMap<String, Service> {
        self.systemd
            .listed(|service| has_mask(&self.disk, &self.layout, service))
    }

    /// A container's process ends by itself, or Podman removes the container.
    pub(crate) fn service_died(&mut self, service: &str, status: i32) {
        self.systemd.notifications += 1;
        let now = self.clock.since_boot;
        let unit = self.systemd.units.get_mut(service);
        if let Some(run) = unit.and_then(|unit| unit.died(now, status)) {
            self.remove_container_of(&run);
        }
    }

    /// Carries out the restarts and jobs that are due.
    pub(crate) fn run_jobs(&mut self) {
        for _ in 0..JOBS_MAX {
            let now = self.clock.since_boot;
            let due = self.systemd.units.iter().find(|(_, unit)| {
                unit.restart_at().is_some_and(|at| at <= now) && unit.job.is_none()
            });
            if let Some(service) = due.map(|(service, _)| service.clone()) {
                self.systemd.restart_due(&service);
                continue;
            }
            let Some(next) = self.systemd.next_job().cloned() else {
                return;
            };
            self.run_job(&next);
        }
        let what = "systemd's queue of jobs does not become empty".to_owned();
        self.violation(Invariant::Simulator, what);
    }

    fn run_job(&mut self, service: &str) {
        self.systemd.notifications += 1;
        let Some(unit) = self.systemd.units.get_mut(service) else {
            return;
        };
        let Some(job) = unit.job.take() else { return };
        match job {
            Job::Stop => self.stop_run(service),
            Job::Start if unit.active == Active::Active => {}
            Job::Start => self.start_run(service),
            Job::Restart => {
                self.stop_run(service);
                self.start_run(service);
            }
        }
    }

    fn stop_run(&mut self, service: &str) {
        let Some(unit) = self.systemd.units.get_mut(service) else {
            return;
        };
        let run = unit.stopped();
        if unit.definition.is_none() && unit.load != Load::Masked {
            self.systemd.units.remove(service);
        }
        if let Some(run) = run {
            self.remove_container_of(&run);
        }
    }

    fn remove_container_of(&mut self, run: &Run) {
        if let Some(container) = run.container() {
            self.podman.containers.remove(&container.name);
        }
    }

    fn start_run(&mut self, service: &str) {
        let now = self.clock.since_boot;
        let unit = self.systemd.units.get(service);
        let Some(definition) = unit.and_then(|unit| unit.definition.clone()) else {
            self.forget_gone(service);
            return;
        };
        let mut requires = definition.requires.iter();
        let dependencies_run = requires.all(|name| self.systemd.is_active(name));
        let started = dependencies_run.then(|| self.start_process(&definition));
        let status = if self.jobs_fail { 1 } else { PODMAN_FAILED };
        let is_job = matches!(&definition.kind, Kind::Container(container) if container.one_shot);
        let run = (started == Some(true)).then(|| self.new_run(service, definition));
        let Some(unit) = self.systemd.units.get_mut(service) else {
            return;
        };
        match (started, run) {
            (_, Some(run)) => unit.started(now, run),
            (None, None) => unit.not_started(),
            (Some(_), None) if is_job => unit.job_failed(status),
            (Some(_), None) => unit.start_failed(now),
        }
    }

    /// The unit file is gone: there is nothing to start.
    fn forget_gone(&mut self, service: &str) {
        if let Some(unit) = self.systemd.units.get_mut(service) {
            unit.not_started();
            if unit.load == Load::NotFound {
                self.systemd.units.remove(service);
            }
        }
    }

    /// Makes the service's network or volume, or runs its container. Returns whether that
    /// succeeded.
    fn start_process(&mut self, definition: &Definition) -> bool {
        match &definition.kind {
            Kind::Network(network) => {
                if !self.podman.networks.contains_key(&network.name) {
                    self.check_made(network);
                }
                let entry = self.podman.networks.entry(network.name.clone());
                entry.or_insert_with(|| Object {
                    label: network.label.clone(),
                    isolated: network.isolated,
                    ..Object::default()
                });
                self.podman.changes += 1;
                true
            }
            Kind::Volume(volume, folder) => {
                let entry = self.podman.volumes.entry(volume.name.clone());
                entry.or_insert_with(|| Object {
                    label: volume.label.clone(),
                    folder: folder.clone(),
                    ..Object::default()
                });
                self.podman.changes += 1;
                true
            }
            Kind::Container(container) if container.one_shot => self.run_job_to_end(container),
            Kind::Container(container) => self.run_container(container),
        }
    }

    /// Runs a job's container until it ends. Returns whether it succeeded.
    fn run_job_to_end(&mut self, container: &Container) -> bool {
        let has_run = self.run_container(container);
        if has_run {
            self.podman.containers.remove(&container.name);
            *self.job_runs.entry(container.name.clone()).or_default() += 1;
        }
        has_run && !self.jobs_fail
    }

    fn new_run(&mut self, service: &str, definition: Arc<Definition>) -> Run {
        self.systemd.invocations += 1;
        let (mut files, mut secrets) = (BTreeMap::new(), BTreeMap::new());
        if let Kind::Container(container) = &definition.kind {
            for path in &container.mounts {
                files.insert(path.clone(), self.disk.read(path));
            }
            for name in &container.secrets {
                let secret = self.podman.secrets.get(name);
                let revision = secret.map(|secret| secret.revision.clone());
                secrets.insert(name.clone(), revision.unwrap_or_default());
            }
        }
        Run {
            invocation: format!("run-{}", self.systemd.invocations),
            restart_justified: self.may_be_outdated(service, &definition),
            definition,
            files,
            secrets,
        }
    }

    /// Whether the operator has masked a service. systemd has no unit of it when the generator left
    /// out its unit file.
    pub(crate) fn is_masked(&self, service: &str) -> bool {
        has_mask(&self.disk, &self.layout, service)
    }

    /// Whether a service that starts now may have an old definition as far as Archipelago can
    /// observe: its unit file was changed since the reload, or `pending.json` has a reload or
    /// restart due.
    fn may_be_outdated(&self, service: &str, definition: &Definition) -> bool {
        let on_disk = self.disk.read(&self.layout.unit(&definition.file));
        let memory = Memory::read(self.disk.read(&self.layout.pending()).as_deref());
        let restart = memory.restarts.get(service);
        let has_changed = memory.reload || on_disk.as_ref() != Some(&definition.text);
        restart.is_some_and(String::is_empty) || (definition.mark.is_some() && has_changed)
    }
}

/// Whether `systemctl --user mask` has put a link to `/dev/null` in the service's place.
fn has_mask(disk: &Disk, layout: &Layout, service: &str) -> bool {
    disk.link(&layout.systemd.join(service)) == Some(Path::new("/dev/null"))
}
