//! Differences between a quiescent host and the desired state.

use std::collections::{BTreeMap, BTreeSet};

use archipelago_core::desired::{App, Desired, DesiredUnit, Present, Role};
use archipelago_core::name::AppId;
use archipelago_core::observed::{Load, Memory};
use archipelago_core::quadlet::mark_of;

use crate::apps::{CONTAINERS, TOOL_CONTAINERS};
use crate::checks::running::without_comments;
use crate::host::disk::TEMPORARY_PREFIX;
use crate::host::podman::Object;
use crate::host::quadlet::Kind;
use crate::host::unit::Run;
use crate::world::state::World;

impl World {
    /// A difference between an app and its desired state.
    pub(crate) fn problem_of(&self, id: &AppId, app: &App) -> Option<String> {
        match app {
            App::Present(present) => self.problem_of_present(id, present),
            App::Removed { .. } => Some("it is still there".to_owned()),
            App::Broken { cause, .. } => Some(cause.to_string()),
            App::NeedsSecrets { .. } | App::NeedsApp { .. } | App::NeedsFile { .. } => {
                Some("it has no secrets".to_owned())
            }
        }
    }

    fn problem_of_present(&self, id: &AppId, present: &Present) -> Option<String> {
        for unit in present.units.values() {
            let name = &unit.file.name;
            let text = self.disk.read(&self.layout.unit(name));
            if text.as_deref() != Some(unit.file.content.as_bytes()) {
                return Some(format!("the unit file {name} is not as desired"));
            }
            let is_masked = self.is_masked(&unit.service);
            if !is_masked && !self.is_in_desired_state(id, present, unit) {
                return Some(format!("{} is not as desired", unit.service));
            }
        }
        let file = present.files.iter().find(|(path, content)| {
            self.disk.read(path).as_deref() != Some(content.as_bytes())
                || self.disk.mode(path) != Some(0o600)
        });
        file.map(|(path, _)| format!("{} is not as desired", path.display()))
    }

    fn is_in_desired_state(&self, id: &AppId, present: &Present, unit: &DesiredUnit) -> bool {
        let belongs_to_app = |object: Option<&Object>| {
            let label = object.and_then(|object| object.label.as_deref());
            label == Some(id.as_str())
        };
        match &unit.role {
            Role::Network(name) => {
                belongs_to_app(self.podman.networks.get(name)) || !present.running
            }
            Role::Volume(name) => belongs_to_app(self.podman.volumes.get(name)) || !present.running,
            Role::Container(container) => {
                let run = self.systemd.run(&unit.service);
                if !present.running {
                    return run.is_none();
                }
                run.is_some_and(|run| started_with_desired(run, present, unit))
                    && (container.is_job
                        || belongs_to_app(self.podman.containers.get(&container.name)))
                    && !self.started_before_dependency(unit)
            }
        }
    }

    /// A file, object or memory of ours that no app needs.
    pub(crate) fn left_over(&self, desired: &Desired, all_well: bool) -> Option<String> {
        // The units of an app that cannot be resolved must stay.
        let all_present = desired
            .apps
            .values()
            .all(|app| matches!(app, App::Present(_)));
        self.temporary_file()
            .or_else(|| self.unit_file_left(desired).filter(|_| all_present))
            .or_else(|| self.memory_left().filter(|_| all_well))
            .or_else(|| self.object_left(desired).filter(|_| all_present))
    }

    fn temporary_file(&self) -> Option<String> {
        let layout = &self.layout;
        let history = layout.history_of_all();
        let kept = self.disk.names(&history);
        let kept = kept.into_iter().map(|app| history.join(app));
        let folders = [layout.units.clone(), layout.apps(), layout.operations()];
        let folders = folders.into_iter().chain(kept);
        let mut names = folders.flat_map(|folder| self.disk.names(&folder));
        let name = names.find(|name| name.starts_with(TEMPORARY_PREFIX))?;
        Some(format!("the temporary file {name}"))
    }

    fn unit_file_left(&self, desired: &Desired) -> Option<String> {
        let known: BTreeSet<&str> = desired
            .present()
            .flat_map(|(_, present)| present.units.keys().map(String::as_str))
            .collect();
        let mut names = self.disk.names(&self.layout.units).into_iter();
        let name = names.find(|name| {
            let text = self.disk.read(&self.layout.unit(name)).unwrap_or_default();
            let is_ours = mark_of(&text).is_some_and(|mark| {
                let stem = name.rsplit_once('.').map_or(&**name, |(stem, _)| stem);
                mark.app.may_own(stem)
            });
            is_ours && !known.contains(name.as_str())
        })?;
        Some(format!("the unit file {name}"))
    }

    fn memory_left(&self) -> Option<String> {
        let memory = Memory::read(self.disk.read(&self.layout.pending()).as_deref());
        let mut restarts = memory.restarts.keys();
        // A masked service is restarted only after the operator has unmasked it.
        let waits = restarts.any(|service| !self.is_masked(service));
        (memory.reload || waits).then(|| format!("an entry in the memory: {memory:?}"))
    }

    fn object_left(&self, desired: &Desired) -> Option<String> {
        let is_orphan = |object: &Object| {
            let mut ids = desired.apps.keys().map(AppId::as_str);
            let label = object.label.as_deref();
            label.is_some_and(|label| !ids.any(|id| id == label))
        };
        let podman = &self.podman;
        let mut objects = [
            &podman.containers,
            &podman.networks,
            &podman.volumes,
            &podman.secrets,
        ]
        .into_iter()
        .flatten();
        let (name, _) = objects.find(|(_, object)| is_orphan(object))?;
        Some(format!("{name} in Podman"))
    }

    /// Whether systemd keeps restarting a service that should run.
    pub(crate) fn has_restarting_service(&self) -> bool {
        let desired = self.desired_containers();
        self.restarting_services()
            .any(|service| desired.contains(service))
    }

    /// Whether systemd keeps restarting a service that is left alone, because its app cannot be
    /// resolved. That goes on until the operator acts.
    pub(crate) fn has_service_that_restarts_forever(&self) -> bool {
        let desired = self.desired_containers();
        let may_run = self.containers_that_may_run();
        self.restarting_services()
            .any(|service| may_run.contains(service) && !desired.contains(service))
    }

    /// The services that should run, each with its invocation while it runs.
    pub(crate) fn desired_runs(&self) -> BTreeMap<String, Option<String>> {
        let invocation = |service: &String| Some(self.systemd.run(service)?.invocation.clone());
        let services = self.desired_containers().into_iter();
        services
            .map(|service| {
                let run = invocation(&service);
                (service, run)
            })
            .collect()
    }

    fn restarting_services(&self) -> impl Iterator<Item = &String> {
        let units = self.systemd.units.iter();
        units
            .filter(|(_, unit)| unit.observed().is_restarting())
            .map(|(service, _)| service)
    }

    /// The services of the containers that should run.
    fn desired_containers(&self) -> BTreeSet<String> {
        let desired = self.desired();
        desired
            .present()
            .filter(|(_, present)| present.running)
            .flat_map(|(_, present)| present.containers())
            .map(|(unit, _)| unit.service.clone())
            .collect()
    }

    /// The services that should run, and those of apps that cannot be resolved or are being
    /// removed, which are left alone.
    pub(crate) fn containers_that_may_run(&self) -> BTreeSet<String> {
        let mut services = self.desired_containers();
        for (id, app) in &self.desired().apps {
            if !matches!(app, App::Present(_)) {
                let names = CONTAINERS.iter().chain(&TOOL_CONTAINERS);
                let names = names.filter(|name| id.may_own(name));
                services.extend(names.map(|name| format!("{name}.service")));
            }
        }
        services
    }

    /// A running service of an app, if the process that resolves names does not run.
    pub(crate) fn without_names(&self, desired: &Desired) -> Option<String> {
        let running = self.running_containers();
        let mut containers = desired
            .present()
            .flat_map(|(_, present)| present.containers());
        let found = containers.find(|(unit, container)| {
            running.contains(&unit.service) && self.podman.containers.contains_key(&container.name)
        });
        found
            .filter(|_| self.podman.resolver_is_gone)
            .map(|(unit, _)| unit.service.clone())
    }

    /// Whether systemd has a unit of this container, which needs the unit files of its networks and
    /// volumes as well, and whether its image, secrets and mounted files are there.
    pub(crate) fn has_inputs_of(&self, service: &str) -> bool {
        let definition = self.systemd.generated.get(service);
        definition.is_some_and(|definition| match &definition.kind {
            Kind::Container(container) => self.has_inputs(container),
            Kind::Network(_) | Kind::Volume(..) => true,
        })
    }

    /// The services of the containers that run and are not masked.
    pub(crate) fn running_containers(&self) -> BTreeSet<String> {
        let units = self.systemd.units.iter();
        units
            .filter(|(name, unit)| {
                self.systemd.is_active(name)
                    && unit.load != Load::Masked
                    && unit.container().is_some()
            })
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// Whether a container was started with the desired unit and files.
fn started_with_desired(run: &Run, present: &Present, unit: &DesiredUnit) -> bool {
    without_comments(&run.definition.text) == without_comments(unit.file.content.as_bytes())
        && run.files.iter().all(|(path, content)| {
            let desired = present.files.get(path);
            let at_start = content.as_deref().map(without_comments);
            desired.is_none_or(|desired| at_start.as_ref() == Some(desired))
        })
}
