//! From a manifest to units and files: the one place that knows what a Compose service becomes in
//! Quadlet.

mod files;
mod image;
mod image_volumes;
mod mounts;
mod network;
mod options;
mod reach;
mod secrets;

pub(super) use files::capture_paths;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::app::{DesiredContainer, DesiredImage, DesiredUnit, Present, Role};
use super::apps::Apps;
use super::error::Error;
use super::inputs::Inputs;
use crate::config::Config;
use crate::manifest::{Files, Manifest, Port, Protocol, Service};
use crate::name::AppId;
use crate::needs::Needs;
use crate::quadlet::{self, Kind, PodmanOption, ServiceSection, Stamp, Unit, UnitSection};

/// The label on everything of ours in Podman: the app.
pub const APP_LABEL: &str = "archipelago.app";

/// systemd tries again after this time, for ever.
const RESTART_DELAY: Duration = Duration::from_secs(10);
/// The image is on the node before a unit starts, so this bounds only Podman itself on a slow disk.
const START_LIMIT: Duration = Duration::from_secs(300);
/// systemd's stop timeout exceeds the container's own by this much, so that Podman can clean up.
const STOP_MARGIN: Duration = Duration::from_secs(30);

/// Works out an app.
pub(super) fn present(
    inputs: &Inputs,
    config: &Config,
    apps: &Apps,
    manifest: &Manifest,
    running: bool,
) -> Result<Present, Error> {
    let work = Work {
        inputs,
        config,
        apps,
        manifest,
        id: manifest.id(),
    };
    let mut present = Present {
        title: manifest.extension.title.clone(),
        version: manifest.extension.version.clone(),
        running,
        units: BTreeMap::new(),
        files: work.rendered_files()?,
        mounted: BTreeMap::new(),
        folders: BTreeSet::new(),
        secrets: work.podman_secrets(),
        probes: work.probes(),
        urls: work.urls(),
        ports: work.ports(),
        requires: work.required_services(),
    };
    for network in work.own_networks() {
        let unit = work.network_unit(&network);
        work.add(&mut present, &unit, Role::Network(network), &[])?;
    }
    for volume in &manifest.volumes {
        work.add_volume(&mut present, volume)?;
    }
    for (name, service) in &manifest.services {
        work.add_service(&mut present, name, service)?;
    }
    Ok(present)
}

struct Work<'a> {
    inputs: &'a Inputs,
    config: &'a Config,
    apps: &'a Apps,
    manifest: &'a Manifest,
    id: &'a AppId,
}

impl Work<'_> {
    fn add(
        &self,
        present: &mut Present,
        unit: &Unit,
        role: Role,
        inputs: &[&[u8]],
    ) -> Result<(), Error> {
        let stamp = Stamp {
            app: self.id,
            companion: matches!(&role, Role::Container(container) if container.companion),
            inputs,
        };
        let file = unit.render(stamp).map_err(Error::Unit)?;
        let desired = DesiredUnit {
            service: unit.service_name(),
            role,
            file,
        };
        let twin = present
            .units
            .values()
            .find(|other| other.service == desired.service);
        if let Some(other) = twin {
            return Err(Error::SameService {
                one: desired.file.name,
                other: other.file.name.clone(),
                service: desired.service,
            });
        }
        present.units.insert(unit.file_name(), desired);
        Ok(())
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(APP_LABEL.to_owned(), self.id.to_string())])
    }

    pub(super) fn described(&self, description: &str) -> UnitSection {
        UnitSection {
            description: description.to_owned(),
            ..UnitSection::default()
        }
    }

    fn add_service(
        &self,
        present: &mut Present,
        name: &str,
        service: &Service,
    ) -> Result<(), Error> {
        let mut inputs: Vec<Vec<u8>> = Vec::new();
        let image = self.image(name, service)?;
        self.check_hostname(name, service)?;
        let mut container = self.container(name, service, &image)?;
        self.add_mounts(present, &mut container, &mut inputs, name, service)?;
        self.add_secrets(&mut container, &mut inputs, name, service);
        let image_facts = self.inputs.found.images.get(&image.reference.to_string());
        let mut volumes = self.volumes_of(service);
        for volume in image_facts
            .iter()
            .flat_map(|facts| self.image_volumes(name, service, facts))
        {
            self.add_image_volume(present, &mut container, &volume)?;
            volumes.push(self.id.volume(&volume.name));
        }
        let stem = self.manifest.container(name);
        let ordering = self.ordering(name, service);
        let wants = ordering.wants.clone();
        let unit = Unit {
            stem: stem.clone(),
            unit: ordering,
            kind: Kind::Container(Box::new(container)),
            service: ServiceSection {
                restart_delay: Some(RESTART_DELAY),
                start_limit: Some(START_LIMIT + service.time_to_be_healthy()),
                stop_limit: service.stop_grace_period.map(|grace| grace + STOP_MARGIN),
                volumes,
            },
            starts_at_boot: present.running
                && (self.manifest.is_companion(name) || !self.apps.rests_for_another(self.id)),
        };
        let role = Role::Container(Box::new(DesiredContainer {
            name: stem,
            companion: self.manifest.is_companion(name),
            image,
            image_facts: image_facts.cloned(),
            starts_healthy: service.starts_healthy(),
            networks: self.joined(name, service),
            wants,
            follows: self.followed(name),
            ports: self.ports_of(service),
            needs: Needs::of(&service.devices, &service.ulimits),
        }));
        let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        self.add(present, &unit, role, &inputs)
    }

    /// Nothing here makes one service fail with another.
    ///
    /// Companions come after every other service, but not after one that takes its time: one that
    /// starts healthy, or whose app requires others. They show how it is doing meanwhile; what
    /// waits for another app they do not start either. Services of another app are waited for, but
    /// not wanted: the operator may have stopped them. Nor is it part of them (`PartOf=`), for then
    /// systemd would not start one that has ended before all that require it are stopped, and they
    /// may look for it for minutes before they stop.
    fn ordering(&self, name: &str, service: &Service) -> UnitSection {
        let mut wants: BTreeSet<String> = service
            .depends_on
            .keys()
            .map(|other| self.service_unit(other))
            .collect();
        let mut after = wants.clone();
        let is_main = self.manifest.main.as_deref() == Some(name);
        if self.manifest.is_companion(name) {
            let others = self
                .manifest
                .services
                .keys()
                .filter(|other| !self.manifest.is_companion(other));
            for other in others.filter(|_| !self.waits_for_apps()) {
                wants.insert(self.service_unit(other));
                if !self.manifest.services[other].starts_healthy() {
                    after.insert(self.service_unit(other));
                }
            }
        } else {
            after.extend(self.required_services().into_values().flatten());
        }
        let title = &self.manifest.extension.title;
        let description = if is_main {
            title.clone()
        } else {
            format!("{title} {name}")
        };
        UnitSection {
            description,
            wants: wants.into_iter().collect(),
            after: after.into_iter().collect(),
        }
    }

    fn waits_for_apps(&self) -> bool {
        !self.manifest.extension.requires.apps.is_empty()
    }

    /// The apps that this one requires, and the main service of each, as far as they are installed.
    fn required_services(&self) -> BTreeMap<AppId, Option<String>> {
        let required = &self.manifest.extension.requires.apps;
        required
            .iter()
            .map(|app| {
                let service = self.apps.manifest(app).and_then(|manifest| {
                    let main = manifest.main.as_deref()?;
                    Some(format!("{}.service", manifest.container(main)))
                });
                (app.clone(), service)
            })
            .collect()
    }

    /// The services of other apps that one of this app's knows by their addresses: its main service
    /// is what talks to them.
    fn followed(&self, name: &str) -> Vec<String> {
        if self.manifest.main.as_deref() == Some(name) {
            self.required_services().into_values().flatten().collect()
        } else {
            Vec::new()
        }
    }

    fn service_unit(&self, service: &str) -> String {
        format!("{}.service", self.manifest.container(service))
    }

    fn container(
        &self,
        name: &str,
        service: &Service,
        image: &DesiredImage,
    ) -> Result<quadlet::Container, Error> {
        let Service {
            image: _,
            command,
            entrypoint,
            environment,
            environment_secrets: _,
            ports,
            mounts: _,
            secrets: _,
            depends_on: _,
            health,
            labels,
            annotations,
            user,
            group_add,
            working_dir,
            hostname,
            stop_grace_period,
            stop_signal,
            init,
            read_only,
            tmpfs,
            cap_add,
            cap_drop,
            privileged,
            devices,
            extra_hosts,
            dns,
            dns_search,
            dns_options,
            ulimits,
            sysctls,
            shm_bytes,
            network: _,
            aliases: _,
            no_new_privileges,
            label_disable,
            seccomp,
            pids_limit,
            limits,
            userns,
            host_namespaces,
            tty,
            stdin_open,
        } = service;
        let mut all_labels = labels.clone();
        if let Some(reserved) = labels
            .keys()
            .find(|label| label.starts_with("archipelago."))
        {
            return Err(Error::OwnLabel {
                service: name.to_owned(),
                label: reserved.clone(),
            });
        }
        all_labels.extend(self.labels());
        Ok(quadlet::Container {
            image: image.reference.to_string(),
            name: self.manifest.container(name),
            never_pulls: true,
            exec: command.clone(),
            entrypoint: entrypoint.clone(),
            environment: environment.clone(),
            secrets: Vec::new(),
            ports: ports.iter().map(|port| self.publish(port)).collect(),
            volumes: Vec::new(),
            networks: self.joins(name, service),
            labels: all_labels,
            annotations: annotations.clone(),
            user: user.clone(),
            groups: group_add.clone(),
            user_namespace: userns.clone(),
            working_dir: working_dir.clone(),
            hostname: hostname.clone(),
            stop_signal: stop_signal.clone(),
            stop_timeout: *stop_grace_period,
            init: *init,
            read_only: *read_only,
            tmpfs: tmpfs.clone(),
            capabilities: cap_add.clone(),
            dropped_capabilities: cap_drop.clone(),
            devices: devices.clone(),
            hosts: extra_hosts.clone(),
            dns: dns.clone(),
            dns_search: dns_search.clone(),
            dns_options: dns_options.clone(),
            ulimits: ulimits.clone(),
            sysctls: sysctls.clone(),
            shm_bytes: *shm_bytes,
            pids_limit: *pids_limit,
            no_new_privileges: *no_new_privileges,
            label_disable: *label_disable,
            seccomp: seccomp.clone(),
            health: health.as_ref().map(|health| quadlet::Health {
                test: health.test.clone(),
                interval: health.interval,
                timeout: health.timeout,
                retries: health.retries,
                start_period: health.start_period,
                startup_interval: health.start_interval,
            }),
            options: options::of(limits, host_namespaces)
                .chain(options::flag(PodmanOption::Privileged, *privileged))
                .chain(options::flag(PodmanOption::Tty, *tty))
                .chain(options::flag(PodmanOption::Interactive, *stdin_open))
                .collect(),
            log_to_journal: true,
        })
    }

    fn publish(&self, port: &Port) -> quadlet::PublishedPort {
        let Port {
            address,
            host,
            container,
            protocol,
        } = port;
        quadlet::PublishedPort {
            address: address.unwrap_or(self.config.publish_address),
            host: *host,
            container: *container,
            udp: *protocol == Protocol::Udp,
        }
    }

    fn definition(&self) -> &Files {
        static NONE: Files = Files::new();
        self.inputs.definitions.get(self.id).unwrap_or(&NONE)
    }
}
