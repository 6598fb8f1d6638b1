//! Podman's commands: `podman run` with the objects that it needs, and removals with the containers
//! that they end.

use std::path::{Path, PathBuf};

use archipelago_core::quadlet::service_of;

use crate::host::podman::{Object, Reach, RemovalError};
use crate::host::quadlet::{Container, Kind};
use crate::invariants::Invariant;
use crate::world::state::World;

impl World {
    /// `podman run`, as Quadlet writes it. Returns whether the container runs.
    pub(crate) fn run_container(&mut self, container: &Container) -> bool {
        if !self.has_what_it_needs(container) {
            return false;
        }
        for unit in &container.volumes {
            let name = self.made_name(unit);
            // Podman makes a missing volume by itself, without our label and our folder.
            if !self.podman.volumes.contains_key(&name) {
                self.podman.changes += 1;
                self.podman.volumes.insert(name.clone(), Object::default());
            }
            if let Some(folder) = self.podman.volumes[&name].folder.clone() {
                if !self.disk.is_folder(&folder) {
                    return false;
                }
                self.open_data(&folder, container);
            }
        }
        let networks = container.networks.iter();
        let networks: Vec<String> = networks.map(|unit| self.made_name(unit)).collect();
        self.check_mounts(container);
        self.check_joins(container, &networks);
        self.check_rights(container);
        let object = Object {
            label: container.label.clone(),
            networks: networks.into_iter().collect(),
            ..Object::default()
        };
        let containers = &mut self.podman.containers;
        containers.insert(container.name.clone(), object);
        self.podman.resolver_is_gone = false;
        true
    }

    /// A container has a capability only after a person has agreed to it.
    fn check_rights(&mut self, container: &Container) {
        if !container.capabilities.is_empty() && !self.has_agreed {
            let Container {
                name, capabilities, ..
            } = container;
            let what = format!("{name} has {}", capabilities.join(", "));
            self.violation(Invariant::RightsAgreed, what);
        }
    }

    /// A container could replace the source of a nested mount by a link, so none may be nested in a
    /// folder that a container writes.
    fn check_mounts(&mut self, container: &Container) {
        let others = self
            .systemd
            .units
            .values()
            .filter_map(|unit| unit.container());
        let written: Vec<PathBuf> = others
            .chain([container])
            .flat_map(|other| other.written.clone())
            .collect();
        let nested = container.mounts.iter().find_map(|mount| {
            let mut above = mount.ancestors().skip(1);
            let folder = above.find(|folder| written.iter().any(|written| written == folder))?;
            Some(format!("{} lies in {}", mount.display(), folder.display()))
        });
        if let Some(nested) = nested {
            let what = format!("{}: {nested}, which a container writes", container.name);
            self.violation(Invariant::NothingNested, what);
        }
    }

    fn has_what_it_needs(&self, container: &Container) -> bool {
        let podman = &self.podman;
        let networks = container.networks.iter();
        let mut networks = networks.map(|unit| self.made_name(unit));
        let mut volumes = container.checked_volumes.iter();
        self.has_inputs(container)
            && volumes.all(|name| podman.volumes.contains_key(name))
            && networks.all(|name| podman.networks.contains_key(&name))
    }

    /// Whether the container's image, secrets and mounted files are there. Other services make its
    /// networks and volumes.
    pub(crate) fn has_inputs(&self, container: &Container) -> bool {
        let podman = &self.podman;
        let mut secrets = container.secrets.iter();
        podman.images.contains_key(&container.image)
            && secrets.all(|name| podman.secrets.contains_key(name))
            && container.mounts.iter().all(|path| self.disk.exists(path))
    }

    /// The name in Podman of the network or volume of this unit.
    fn made_name(&self, unit: &str) -> String {
        let service = service_of(unit);
        let definition = self.systemd.generated.get(&service);
        match definition.map(|definition| &definition.kind) {
            Some(Kind::Network(made) | Kind::Volume(made, _)) => made.name.clone(),
            _ => unit
                .rsplit_once('.')
                .map_or(unit, |(stem, _)| stem)
                .to_owned(),
        }
    }

    /// Opens the container's data with its secrets. At its first start a container makes its data.
    fn open_data(&mut self, folder: &Path, container: &Container) {
        let secrets: Vec<String> = container
            .secrets
            .iter()
            .map(|name| {
                let secret = self.podman.secrets.get(name);
                secret.map(|secret| secret.text.clone()).unwrap_or_default()
            })
            .collect();
        let key = secrets.join(" ");
        let path = folder.join("data");
        match self.disk.read(&path) {
            None => self.disk.put(&path, key.as_bytes(), 0o600),
            Some(first_key) if *first_key == *key.as_bytes() => {}
            Some(first_key) => self.violation(
                Invariant::SecretsKept,
                format!(
                    "{} was made with the secret {:?}, and {} opens it with {key:?}",
                    path.display(),
                    String::from_utf8_lossy(&first_key),
                    container.name
                ),
            ),
        }
    }

    /// `podman rm -f`: the process ends, and systemd notices.
    pub(crate) fn remove_container(&mut self, name: &str) {
        self.podman.containers.remove(name);
        let mut units = self.systemd.units.iter();
        let runs_it = units.find(|(_, unit)| {
            let container = unit.container();
            container.is_some_and(|container| container.name == name)
        });
        if let Some(service) = runs_it.map(|(service, _)| service.clone()) {
            self.service_died(&service, 137);
        }
    }

    /// Removes the running containers that match.
    pub(crate) fn remove_containers(&mut self, matches: impl Fn(&Container) -> bool) {
        let units = self.systemd.units.values();
        let found: Vec<String> = units
            .filter_map(|unit| unit.container())
            .filter(|container| matches(container))
            .map(|container| container.name.clone())
            .collect();
        for container in found {
            self.remove_container(&container);
        }
    }

    /// `podman network rm`
    pub(crate) fn try_remove_network(&mut self, name: &str) -> Result<(), RemovalError> {
        if self.podman.reach != Reach::Answers {
            return Err(RemovalError::Unreachable);
        }
        if self.podman.joined(name).next().is_some() {
            return Err(RemovalError::InUse(name.to_owned()));
        }
        self.podman.networks.remove(name);
        self.podman.changes += 1;
        Ok(())
    }

    /// `podman network rm -f`: the containers in it are removed as well.
    pub(crate) fn remove_network(&mut self, name: &str) {
        self.podman.networks.remove(name);
        let unit = format!("{name}.network");
        self.remove_containers(|container| container.networks.contains(&unit));
    }
}
