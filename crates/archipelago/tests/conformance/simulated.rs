//! The simulated host: runs a script's lines on it and observes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archipelago_core::layout::Layout;
use archipelago_core::name::PREFIX;
use archipelago_core::observed::{Active, Load};
use archipelago_core::quadlet::is_unit_file;
use serde_json::json;
use sim::process::pass::Process;
use sim::script::lines::Line;
use sim::simulation::driver::Simulation;
use sim::world::state::World;

use crate::observation::{Observation, add_status, intent, services};

pub(crate) struct Simulated {
    simulation: Simulation,
    /// The invocations at the end of the previous step.
    known: BTreeMap<String, String>,
}

impl Simulated {
    pub(crate) fn new(layout: &Layout) -> Self {
        let mut world = World::with_layout(layout.clone());
        world.trace = Some(Vec::new());
        Self {
            simulation: Simulation::on(world),
            known: BTreeMap::new(),
        }
    }

    /// Writes the node's configuration.
    pub(crate) fn configure(&mut self, text: &str) {
        let world = &mut self.simulation.world;
        let path = world.layout.config_file();
        world.disk.put(&path, text.as_bytes(), 0o644);
    }

    /// Sets the secrets that will be generated.
    pub(crate) fn set_secrets(&mut self, secrets: BTreeMap<PathBuf, String>) {
        self.simulation.world.predrawn_secrets = secrets;
    }

    pub(crate) fn step(&mut self, lines: &[Line]) {
        for line in lines {
            self.simulation.line(line);
        }
        self.simulation.send_event();
        self.simulation.quiesce();
        assert!(
            !self.simulation.has_violation(),
            "violations on the simulated host: {:?}",
            self.simulation.world.violations
        );
    }

    /// The trace since the last call.
    pub(crate) fn trace(&mut self) -> Vec<String> {
        self.simulation
            .world
            .trace
            .replace(Vec::new())
            .unwrap_or_default()
    }

    /// Ends the step: services that run now do not count as started in the next one.
    pub(crate) fn remember(&mut self) {
        self.known = self.invocations();
        self.trace();
    }

    fn invocations(&self) -> BTreeMap<String, String> {
        let units = &self.simulation.world.systemd.units;
        let running = units.iter().filter_map(|(service, unit)| {
            Some((service.clone(), unit.run.as_ref()?.invocation.clone()))
        });
        running.collect()
    }

    pub(crate) fn observe(&self) -> Observation {
        let world = &self.simulation.world;
        let layout = &world.layout;
        let mut observed = Observation::new();
        self.observe_files(&mut observed);
        for (service, definition) in &world.systemd.generated {
            let mark = definition.mark.as_ref();
            let revision = mark.map(|mark| mark.revision.clone());
            observed.insert(format!("generated {service}"), revision.unwrap_or_default());
        }
        for service in services() {
            let masked = world.disk.link(&layout.systemd.join(&service)).is_some();
            let absent = if masked { "masked" } else { "not-found" };
            let states = world.systemd.units.get(&service).map(|unit| {
                let unit = unit.observed();
                let load = match unit.load {
                    Load::Loaded => "loaded",
                    Load::NotFound => "not-found",
                    Load::Masked => "masked",
                    Load::Bad => "bad-setting",
                };
                let active = match unit.active {
                    Active::Active => "active",
                    Active::Activating => "activating",
                    Active::Deactivating => "deactivating",
                    Active::Inactive => "inactive",
                    Active::Failed => "failed",
                };
                format!("{load} {active} {}", unit.sub.word())
            });
            let states = states.unwrap_or_else(|| format!("{absent} inactive dead"));
            observed.insert(format!("service {service}"), states);
        }
        for (service, invocation) in self.invocations() {
            if self.known.get(&service) != Some(&invocation) {
                observed.insert(format!("started {service}"), String::new());
            }
        }
        let podman = &world.podman;
        for (kind, objects) in [
            ("container", &podman.containers),
            ("image", &podman.images),
            ("network", &podman.networks),
            ("volume", &podman.volumes),
            ("secret", &podman.secrets),
        ] {
            for name in objects.keys() {
                observed.insert(format!("{kind} {name}"), String::new());
            }
        }
        let report = Process::status(world);
        add_status(&mut observed, &json!(report));
        observed
    }

    fn observe_files(&self, observed: &mut Observation) {
        let world = &self.simulation.world;
        let layout = &world.layout;
        let text = |path: &Path| {
            let content = world.disk.read(path).unwrap_or_default();
            String::from_utf8_lossy(&content).into_owned()
        };
        for name in world.disk.names(&layout.units) {
            if is_unit_file(&name) {
                observed.insert(format!("unit {name}"), text(&layout.unit(&name)));
            }
        }
        for name in world.disk.names(&layout.apps()) {
            if name.ends_with(".toml") {
                let said = intent(&text(&layout.apps().join(&name)));
                observed.insert(format!("intent {name}"), said);
            } else {
                observed.insert(format!("definition {name}"), String::new());
            }
        }
        for name in world.disk.names(&layout.systemd) {
            let link = world.disk.link(&layout.systemd.join(&name));
            let target = link.map(|target| target.display().to_string());
            observed.insert(format!("override {name}"), target.unwrap_or_default());
        }
        for name in world.disk.names(&layout.data) {
            let ours = name.starts_with(PREFIX);
            if ours || ["files", "secrets", "volumes"].contains(&name.as_str()) {
                for path in world.disk.beneath(&layout.data.join(&name)) {
                    if world.disk.read(path).is_some() {
                        let mode = world.disk.mode(path).filter(|_| name != "volumes");
                        let mode = mode.map(|mode| format!("{mode:o} ")).unwrap_or_default();
                        let content = format!("{mode}{}", text(path));
                        observed.insert(format!("file {}", path.display()), content);
                    }
                }
            }
        }
    }
}
