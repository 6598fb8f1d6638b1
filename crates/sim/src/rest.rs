//! What a world at rest must look like.

use std::collections::BTreeSet;

use archipelago_core::desired::{App, Desired, Present, Role};
use archipelago_core::health::State;
use archipelago_core::name::AppId;
use archipelago_core::observed::{Load, Memory};
use archipelago_core::quadlet::mark_of;

use crate::hands::{TEMPORARY_PREFIX, plain};
use crate::invariants::Invariant;
use crate::play::Play;
use crate::world::World;
use crate::world::quadlet::Kind;

impl Play {
    /// Every app is as asked, or its report says why not; nothing of ours is left that should not be there.
    pub(crate) fn judge_rest(&mut self) {
        let desired = self.world.desired();
        let report = self.report.clone().unwrap_or_default();
        for (id, app) in &desired.apps {
            let problem = self.world.problem(id, app);
            let health = report.apps.iter().find(|health| health.id == *id);
            let (state, message) = health.map_or((None, ""), |health| {
                (Some(health.state), health.message.as_str())
            });
            let well = matches!(state, Some(State::Ready | State::Stopped));
            let wrong = match &problem {
                None => matches!(app, App::Present(_)) && !well && message.is_empty(),
                Some(_) => well || message.is_empty(),
            };
            if wrong {
                let what = format!("{id}: {problem:?}; the report says {state:?} {message:?}");
                self.world.violation(Invariant::ReachedOrReported, what);
            }
        }
        let well = report
            .apps
            .iter()
            .all(|app| matches!(app.state, State::Ready | State::Stopped));
        if let Some(left) = self.world.left_over(&desired, well) {
            self.world.violation(Invariant::NothingLeft, left);
        }
    }
}

impl World {
    /// What of an app is not as it should be.
    fn problem(&self, id: &AppId, app: &App) -> Option<String> {
        match app {
            App::Present(present) => self.present_problem(id, present),
            App::Removed { .. } => Some("it is still there".to_owned()),
            App::Broken { cause, .. } => Some(cause.clone()),
            App::NeedsSecrets { .. } | App::NeedsApp { .. } => Some("it has no secrets".to_owned()),
        }
    }

    fn present_problem(&self, id: &AppId, present: &Present) -> Option<String> {
        let owner = id.to_string();
        let ours = |object: Option<&crate::world::podman::Object>| {
            object.is_some_and(|object| object.label.as_deref() == Some(&owner))
        };
        for unit in present.units.values() {
            let name = &unit.file.name;
            let text = self.disk.read(&self.layout.unit(name));
            if text.as_deref() != Some(unit.file.content.as_bytes()) {
                return Some(format!("the unit file {name} is not as wanted"));
            }
            let loaded = self.systemd.units.get(&unit.service);
            if loaded.is_some_and(|unit| unit.load == Load::Masked) {
                continue;
            }
            let right = match &unit.role {
                Role::Network(name) => ours(self.podman.networks.get(name)) || !present.running,
                Role::Volume(name) => ours(self.podman.volumes.get(name)) || !present.running,
                Role::Container(container) => {
                    let run = loaded.and_then(|unit| unit.run.as_ref());
                    let same = run.is_some_and(|run| {
                        plain(&run.definition.text) == plain(unit.file.content.as_bytes())
                            && run.files.iter().all(|(path, content)| {
                                present.files.get(path).is_none_or(|wanted| {
                                    content.as_deref().map(plain) == Some(wanted.clone())
                                })
                            })
                    });
                    if present.running {
                        same && ours(self.podman.containers.get(&container.name))
                            && !self.knows_another_run(unit)
                    } else {
                        run.is_none()
                    }
                }
            };
            if !right {
                return Some(format!("{} is not as wanted", unit.service));
            }
        }
        let file = present.files.iter().find(|(path, content)| {
            self.disk.read(path).as_deref() != Some(content.as_bytes())
                || self.disk.mode(path) != Some(0o600)
        });
        file.map(|(path, _)| format!("{} is not as wanted", path.display()))
    }

    /// Something of ours that nothing asks for.
    fn left_over(&self, desired: &Desired, well: bool) -> Option<String> {
        let known: BTreeSet<&str> = desired
            .present()
            .flat_map(|(_, present)| present.units.keys().map(String::as_str))
            .collect();
        for folder in [&self.layout.units, &self.layout.apps()] {
            let names = self.disk.names(folder);
            if let Some(name) = names.iter().find(|name| name.starts_with(TEMPORARY_PREFIX)) {
                return Some(format!("the temporary file {name}"));
            }
        }
        // An app whose units cannot be worked out is left alone.
        let settled = desired
            .apps
            .values()
            .all(|app| matches!(app, App::Present(_)));
        for name in self.disk.names(&self.layout.units) {
            let text = self.disk.read(&self.layout.unit(&name)).unwrap_or_default();
            let ours = mark_of(&text).is_some_and(|mark| {
                let stem = name
                    .rsplit_once('.')
                    .map_or(name.as_str(), |(stem, _)| stem);
                mark.app.may_own(stem)
            });
            if settled && ours && !known.contains(name.as_str()) {
                return Some(format!("the unit file {name}"));
            }
        }
        let memory = Memory::read(self.disk.read(&self.layout.pending()).as_deref());
        // What is masked keeps what it runs with until the operator gives it back.
        let waits = memory
            .restarts
            .keys()
            .any(|service| !self.is_masked(service));
        if well && (memory.reload || waits) {
            return Some(format!("something to remember: {memory:?}"));
        }
        let gone = |label: &Option<String>| {
            label
                .as_ref()
                .is_some_and(|label| !desired.apps.keys().any(|id| id.as_str() == label.as_str()))
        };
        let podman = &self.podman;
        let objects = [
            &podman.containers,
            &podman.networks,
            &podman.volumes,
            &podman.secrets,
        ];
        let object = objects
            .into_iter()
            .flatten()
            .find(|(_, object)| settled && gone(&object.label));
        object.map(|(name, _)| format!("{name} in Podman"))
    }

    fn is_masked(&self, service: &str) -> bool {
        self.systemd
            .units
            .get(service)
            .is_some_and(|unit| unit.load == Load::Masked)
    }

    /// Whether systemd tries again and again to start something that should run.
    pub(crate) fn something_restarts(&self) -> bool {
        let wanted = self.containers_to_run();
        let mut units = self.systemd.units.iter();
        units.any(|(name, unit)| unit.seen().is_restarting() && wanted.contains(name))
    }

    /// The services of containers that should run.
    fn containers_to_run(&self) -> BTreeSet<String> {
        let desired = self.desired();
        desired
            .present()
            .filter(|(_, present)| present.running)
            .flat_map(|(_, present)| present.containers())
            .map(|(unit, _)| unit.service.clone())
            .collect()
    }

    /// Those, and the services of apps that cannot be worked out or wait to be removed: these are left as they are.
    pub(crate) fn containers_that_may_run(&self) -> BTreeSet<String> {
        let mut services = self.containers_to_run();
        for (id, app) in &self.desired().apps {
            if !matches!(app, App::Present(_)) {
                let names = crate::apps::CONTAINERS
                    .iter()
                    .filter(|name| id.may_own(name));
                services.extend(names.map(|name| format!("{name}.service")));
            }
        }
        services
    }

    /// The services of containers that run and are not masked.
    pub(crate) fn containers_that_run(&self) -> BTreeSet<String> {
        let units = self.systemd.units.iter();
        units
            .filter(|(name, unit)| {
                self.runs(name)
                    && unit.load != Load::Masked
                    && unit
                        .run
                        .as_ref()
                        .is_some_and(|run| matches!(run.definition.kind, Kind::Container(_)))
            })
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The other manager makes a pass, if it is not the one at work.
    pub(crate) fn other_manager(&mut self) {
        let Some(mut other) = self.other.take() else {
            return;
        };
        let (faults, wanted) = (std::mem::take(&mut self.faults), self.wanted.take());
        // Without faults nothing kills it.
        let _ = other.pass(self);
        if self.mutation == Some(crate::mutation::Mutation::NoLock) {
            // Both are at work at once, so systemd gets to what the other has queued.
            self.elapse(std::time::Duration::from_millis(10));
        }
        self.faults = faults;
        self.wanted = wanted;
        self.other = Some(other);
    }
}
