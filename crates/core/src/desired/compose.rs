//! From a manifest to units and files: the one place that knows what a Compose service becomes in
//! Quadlet.

mod files;
mod hooks;
mod image;
mod image_volumes;
mod mounts;
mod network;
mod options;
mod order;
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
use crate::manifest::{Files, Job, Manifest, MountSource, Port, Protocol, Service};
use crate::name::AppId;
use crate::needs::Needs;
use crate::quadlet::{self, Kind, ServiceSection, Stamp, Unit, UnitSection};

/// The label on everything of ours in Podman: the app.
pub const APP_LABEL: &str = "archipelago.app";

/// systemd tries again after this time, for ever.
const RESTART_DELAY: Duration = Duration::from_secs(10);
/// The image is on the node before a unit starts, so this bounds only Podman itself on a slow disk.
const START_LIMIT: Duration = Duration::from_secs(300);
/// The unit of systemd that makes the socket of this user's Podman.
const PODMAN_SOCKET: &str = "podman.socket";
/// systemd's stop timeout exceeds the container's own by this much, so that Podman can clean up.
const STOP_MARGIN: Duration = Duration::from_secs(30);

/// Works out an app.
pub(super) fn present(
    inputs: &Inputs,
    config: &Config,
    apps: &Apps,
    manifest: &Manifest,
    joined_secrets: &BTreeMap<String, Vec<u8>>,
    running: bool,
) -> Result<Present, Error> {
    let work = Work {
        inputs,
        config,
        apps,
        manifest,
        joined_secrets,
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
        owners: BTreeMap::new(),
        secrets: work.podman_secrets(),
        probes: work.probes(),
        urls: work.urls(),
        ports: work.ports(),
        subnets: BTreeSet::new(),
        requires: work.required_services(),
    };
    for (network, own) in work.own_networks() {
        present
            .subnets
            .extend(own.subnets.iter().map(|subnet| subnet.net));
        let unit = work.network_unit(&network, &own);
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
    /// The contents of the app's joined secrets.
    joined_secrets: &'a BTreeMap<String, Vec<u8>>,
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
        let mut ordering = self.ordering(name, service);
        let started_along = ordering.wants.iter().chain(&ordering.requires);
        let wants = started_along.cloned().collect();
        let mut mounts = service.mounts.iter();
        if mounts.any(|mount| mount.source == MountSource::PodmanSocket) {
            // The socket must be there before it is mounted.
            ordering.wants.push(PODMAN_SOCKET.to_owned());
            ordering.after.push(PODMAN_SOCKET.to_owned());
        }
        let unit = Unit {
            stem: stem.clone(),
            unit: ordering,
            kind: Kind::Container(Box::new(container)),
            service: ServiceSection {
                restart_delay: (service.job != Some(Job::Once)).then_some(RESTART_DELAY),
                one_shot: service.job.is_some(),
                // A job counts as started once it has ended, which may take any time.
                start_limit: (service.job.is_none())
                    .then(|| START_LIMIT + service.time_to_be_healthy()),
                stop_limit: stop_limit(service),
                after_start: hooks::commands(&stem, &service.post_start, hooks::START_LIMIT),
                before_stop: hooks::commands(&stem, &service.pre_stop, hooks::STOP_LIMIT),
                volumes,
            },
            starts_at_boot: present.running
                && (self.manifest.is_companion(name)
                    || !self.apps.has_stopped_requirement(self.id)),
        };
        let role = Role::Container(Box::new(DesiredContainer {
            name: stem,
            companion: self.manifest.is_companion(name),
            image,
            image_facts: image_facts.cloned(),
            starts_healthy: service.starts_healthy(),
            is_job: service.job.is_some(),
            is_script: service.script.is_some(),
            awaits: self.awaited_jobs(service),
            networks: self.joined(name, service),
            wants,
            follows: self.followed(name, service),
            // Nothing listens on the ports of a job that has ended.
            ports: match service.job {
                Some(_) => BTreeSet::new(),
                None => self.ports_of(service),
            },
            needs: Needs {
                networks: self.foreign_networks(service),
                volumes: Self::foreign_volumes(service),
                controllers: options::controllers(service),
                ..Needs::of(&service.devices, &service.ulimits)
            },
        }));
        let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        self.add(present, &unit, role, &inputs)
    }

    #[expect(clippy::too_many_lines, reason = "a table with a line for each key")]
    fn container(
        &self,
        name: &str,
        service: &Service,
        image: &DesiredImage,
    ) -> Result<quadlet::Container, Error> {
        let Service {
            image: _,
            platform: _,
            command,
            entrypoint,
            environment,
            environment_secrets: _,
            ports,
            mounts: _,
            secrets: _,
            depends_on: _,
            job,
            script: _,
            health,
            // Of the section `[Service]`.
            post_start: _,
            pre_stop: _,
            labels,
            annotations,
            user,
            data_owner: _,
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
            devices,
            extra_hosts,
            dns,
            dns_search,
            dns_options,
            ulimits,
            sysctls,
            shm_bytes,
            network: _,
            networks: _,
            aliases: _,
            no_new_privileges,
            label_disable,
            seccomp,
            pids_limit,
            userns,
            // `options` reads these.
            privileged: _,
            limits: _,
            host_namespaces: _,
            umask: _,
            tty: _,
            stdin_open: _,
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
                startup_interval: health.start_interval.filter(|_| job.is_none()),
            }),
            options: options::of(service),
            log: Some(match job {
                Some(_) => quadlet::Log::Foreground,
                None => quadlet::Log::Journal,
            }),
        })
    }

    fn publish(&self, port: &Port) -> quadlet::PublishedPort {
        let Port {
            address,
            host,
            until: _,
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

/// systemd's own limit is longer than a hook may take.
fn stop_limit(service: &Service) -> Option<Duration> {
    let limit = service.stop_grace_period? + STOP_MARGIN;
    Some(match service.pre_stop.is_empty() {
        true => limit,
        false => limit.max(hooks::STOP_LIMIT + STOP_MARGIN),
    })
}
