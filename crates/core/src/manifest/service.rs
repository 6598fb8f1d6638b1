//! A Compose service, read key by key.

use std::collections::BTreeMap;
use std::time::Duration;

use super::build::{ImageSource, read_image};
use super::duration::parse_bytes;
use super::environment::{read_env_files, read_environment};
use super::field::Field;
use super::healthcheck::Health;
use super::privileges::{capabilities, devices, user_namespace};
use super::secret::SecretMount;
use super::{Files, ManifestError, Mount, Port, Protocol, Warning};

/// One container of an app.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    pub image: ImageSource,
    /// Replaces the image's command when not empty.
    pub command: Vec<String>,
    /// Replaces the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// Variables.
    pub environment: BTreeMap<String, String>,
    /// Variables whose value is a secret: variable to secret.
    pub environment_secrets: BTreeMap<String, String>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// Secrets mounted as files.
    pub secrets: Vec<SecretMount>,
    /// Services of the same app that start before, each with whether its health is waited for.
    pub depends_on: BTreeMap<String, bool>,
    /// The container's own health check.
    pub health: Option<Health>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// OCI annotations.
    pub annotations: BTreeMap<String, String>,
    /// User, optionally `:group`.
    pub user: Option<String>,
    /// More groups.
    pub group_add: Vec<String>,
    /// The folder it starts in.
    pub working_dir: Option<String>,
    /// Its host name inside.
    pub hostname: Option<String>,
    /// The time to stop before it is killed.
    pub stop_grace_period: Option<Duration>,
    /// The signal that asks it to stop.
    pub stop_signal: Option<String>,
    /// Whether a small init reaps its children.
    pub init: bool,
    /// Whether its root is read-only.
    pub read_only: bool,
    /// Memory file systems: `path[:options]`.
    pub tmpfs: Vec<String>,
    /// Capabilities more than Podman's default.
    pub cap_add: Vec<String>,
    /// Capabilities less.
    pub cap_drop: Vec<String>,
    /// Devices of the node.
    pub devices: Vec<String>,
    /// `name:address`.
    pub extra_hosts: Vec<String>,
    /// Name servers.
    pub dns: Vec<String>,
    /// Search domains.
    pub dns_search: Vec<String>,
    /// Resolver options.
    pub dns_options: Vec<String>,
    /// `name=soft[:hard]`.
    pub ulimits: Vec<String>,
    /// `name=value`.
    pub sysctls: Vec<String>,
    /// Size of /dev/shm in bytes.
    pub shm_bytes: Option<u64>,
    pub network: NetworkMode,
    /// Whether processes may gain privileges (`no-new-privileges` turns it off).
    pub no_new_privileges: bool,
    /// Whether SELinux separation is off.
    pub label_disable: bool,
    /// A seccomp profile: `unconfined` or an absolute path.
    pub seccomp: Option<String>,
    /// Most processes it may have.
    pub pids_limit: Option<i64>,
    /// A user namespace mode, such as `keep-id`.
    pub userns: Option<String>,
}

/// The network of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkMode {
    /// To the app's own network.
    #[default]
    App,
    /// To the node's network, unseparated.
    Host,
    /// Not at all.
    None,
}

impl Service {
    /// Whether it counts as started only once its health check succeeds. A check says so by its
    /// `start_interval`: it is quick to come true, and often asked for until then.
    #[must_use]
    pub fn starts_healthy(&self) -> bool {
        self.health
            .as_ref()
            .is_some_and(|health| health.start_interval.is_some() && !health.is_disabled())
    }

    /// The node's side of a published TCP port.
    #[must_use]
    pub fn published(&self, container_port: u16) -> Option<&Port> {
        self.ports
            .iter()
            .find(|port| port.container == container_port && port.protocol == Protocol::Tcp)
    }

    /// The longest time until its health check first succeeds: the check's `start_period`.
    #[must_use]
    pub fn time_to_be_healthy(&self) -> Duration {
        let health = self.health.as_ref().filter(|_| self.starts_healthy());
        health
            .and_then(|health| health.start_period)
            .unwrap_or_default()
    }

    pub(super) fn read(
        field: &Field<'_>,
        files: &Files,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, ManifestError> {
        field.check_name("a service")?;
        let mut service = Self {
            image: read_image(field)?,
            command: Vec::new(),
            entrypoint: None,
            environment: BTreeMap::new(),
            environment_secrets: BTreeMap::new(),
            ports: Vec::new(),
            mounts: Vec::new(),
            secrets: Vec::new(),
            depends_on: BTreeMap::new(),
            health: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            user: None,
            group_add: Vec::new(),
            working_dir: None,
            hostname: None,
            stop_grace_period: None,
            stop_signal: None,
            init: false,
            read_only: false,
            tmpfs: Vec::new(),
            cap_add: Vec::new(),
            cap_drop: Vec::new(),
            devices: Vec::new(),
            extra_hosts: Vec::new(),
            dns: Vec::new(),
            dns_search: Vec::new(),
            dns_options: Vec::new(),
            ulimits: Vec::new(),
            sysctls: Vec::new(),
            shm_bytes: None,
            network: NetworkMode::App,
            no_new_privileges: false,
            label_disable: false,
            seccomp: None,
            pids_limit: None,
            userns: None,
        };
        for entry in field.entries()? {
            service.read_key(&entry, files, warnings)?;
        }
        if service.network != NetworkMode::App && !service.ports.is_empty() {
            return Err(field.at(&["ports"]).error(
                "ports are published only from the app's network; remove `ports` or `network_mode`",
            ));
        }
        Ok(service)
    }

    fn read_key(
        &mut self,
        entry: &Field<'_>,
        files: &Files,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), ManifestError> {
        match entry.name() {
            "image" | "build" => {}
            "command" => self.command = words(entry)?,
            "entrypoint" => self.entrypoint = Some(words(entry)?),
            "environment" => self.environment.extend(read_environment(entry)?),
            "env_file" => {
                for (name, value) in read_env_files(entry, files)? {
                    self.environment.entry(name).or_insert(value);
                }
            }
            "x-environment-secrets" => self.environment_secrets = entry.pairs()?,
            "ports" => {
                for item in entry.items()? {
                    self.ports.extend(Port::read(&item)?);
                }
            }
            "volumes" => {
                self.mounts = entry
                    .items()?
                    .iter()
                    .map(|item| Mount::read(item, files))
                    .collect::<Result<_, _>>()?;
            }
            "secrets" => {
                self.secrets = entry
                    .items()?
                    .iter()
                    .map(SecretMount::read)
                    .collect::<Result<_, _>>()?;
            }
            "depends_on" => self.depends_on = read_depends_on(entry)?,
            "healthcheck" => self.health = Health::read(entry)?,
            "labels" => self.labels = entry.pairs()?,
            "annotations" => self.annotations = entry.pairs()?,
            "user" => self.user = Some(entry.text()?),
            "group_add" => self.group_add = entry.texts()?,
            "working_dir" => self.working_dir = Some(entry.text()?),
            "hostname" => self.hostname = Some(entry.text()?),
            "stop_grace_period" => self.stop_grace_period = Some(entry.duration()?),
            "stop_signal" => self.stop_signal = Some(entry.text()?),
            "init" => self.init = entry.boolean()?,
            "read_only" => self.read_only = entry.boolean()?,
            "tmpfs" => self.tmpfs = entry.text_or_texts()?,
            "cap_add" => self.cap_add = capabilities(entry)?,
            "cap_drop" => self.cap_drop = entry.texts()?,
            "devices" => self.devices = devices(entry)?,
            "extra_hosts" => self.extra_hosts = read_extra_hosts(entry)?,
            "dns" => self.dns = entry.text_or_texts()?,
            "dns_search" => self.dns_search = entry.text_or_texts()?,
            "dns_opt" => self.dns_options = entry.texts()?,
            "ulimits" => self.ulimits = read_ulimits(entry)?,
            "sysctls" => {
                self.sysctls = entry
                    .pairs()?
                    .into_iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
            }
            "shm_size" => {
                self.shm_bytes = Some(
                    parse_bytes(&entry.text()?)
                        .map_err(|problem| entry.error(problem.to_string()))?,
                );
            }
            "network_mode" => self.network = NetworkMode::read(entry)?,
            "networks" => only_default_network(entry)?,
            "security_opt" => self.read_security(entry)?,
            "pids_limit" => self.pids_limit = Some(entry.integer()?),
            "userns_mode" => self.userns = Some(user_namespace(entry)?),
            "expose" => {
                entry.texts()?;
            }
            "tty" | "stdin_open" => {
                if entry.boolean()? {
                    return Err(entry.error("a unit has no terminal; set it to false or remove it"));
                }
            }
            "restart" => {
                if entry.text()?.starts_with(['n', 'o']) {
                    warnings.push(entry.error("left out: systemd restarts the service always"));
                }
            }
            "logging" => {
                warnings.push(entry.error("left out: logs go to the journal"));
            }
            "platform" | "pull_policy" => {
                warnings.push(entry.error(
                    "left out: an image is looked for on the node, then built, then pulled",
                ));
            }
            "container_name" => {
                warnings.push(entry.error("left out: the container is named like its unit"));
            }
            name if name.starts_with("x-") => {}
            _ => {
                return Err(entry.error(
                    "this key is not supported; remove it, or see docs/manifest.md for what is",
                ));
            }
        }
        Ok(())
    }

    fn read_security(&mut self, field: &Field<'_>) -> Result<(), ManifestError> {
        for item in field.items()? {
            let text = item.text()?;
            // Docker's older form has a colon where the newer one has an equals sign.
            let (name, value) = text.split_once(['=', ':']).unwrap_or((&text, "true"));
            match (name, value) {
                ("no-new-privileges", "true") => self.no_new_privileges = true,
                ("no-new-privileges", "false") => self.no_new_privileges = false,
                ("label", "disable") => self.label_disable = true,
                ("seccomp", profile) if profile == "unconfined" || profile.starts_with('/') => {
                    self.seccomp = Some(profile.to_owned());
                }
                _ => {
                    return Err(item.error(
                        "this option is not supported; there are no-new-privileges, label=disable and seccomp=unconfined or =/path",
                    ));
                }
            }
        }
        Ok(())
    }
}

impl NetworkMode {
    fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        match field.text()?.as_str() {
            "host" => Ok(Self::Host),
            "none" => Ok(Self::None),
            _ => Err(field.error(
                "this mode is not supported; there are host and none, and without this key the app's own network",
            )),
        }
    }
}

fn only_default_network(field: &Field<'_>) -> Result<(), ManifestError> {
    let names = if field.is_list() {
        field.texts()?
    } else {
        field
            .entries_or_null()?
            .iter()
            .map(|entry| entry.name().to_owned())
            .collect()
    };
    if names.iter().all(|name| name == "default") {
        Ok(())
    } else {
        Err(field.error("each app has one network of its own; remove all but `default`"))
    }
}

fn read_depends_on(field: &Field<'_>) -> Result<BTreeMap<String, bool>, ManifestError> {
    if field.is_list() {
        return Ok(field
            .texts()?
            .into_iter()
            .map(|name| (name, false))
            .collect());
    }
    let mut dependencies = BTreeMap::new();
    for entry in field.entries()? {
        let mut healthy = false;
        entry.each(|key, value| {
            match key {
                "condition" => match value.text()?.as_str() {
                    "service_started" => {}
                    "service_healthy" => healthy = true,
                    _ => {
                        return Err(value.error(
                            "one-shot services are not supported; there are service_started and service_healthy",
                        ));
                    }
                },
                "restart" | "required" => {
                    value.boolean()?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        dependencies.insert(entry.name().to_owned(), healthy);
    }
    Ok(dependencies)
}

/// A list of words, or one text that is split as a shell would.
fn words(field: &Field<'_>) -> Result<Vec<String>, ManifestError> {
    if field.is_list() {
        field.texts()
    } else {
        shlex::split(&field.text()?)
            .ok_or_else(|| field.error("a quote in this command is not closed"))
    }
}

fn read_extra_hosts(field: &Field<'_>) -> Result<Vec<String>, ManifestError> {
    if field.is_list() {
        Ok(field
            .texts()?
            .into_iter()
            .map(|host| host.replacen('=', ":", 1))
            .collect())
    } else {
        Ok(field
            .pairs()?
            .into_iter()
            .map(|(name, address)| format!("{name}:{address}"))
            .collect())
    }
}

fn read_ulimits(field: &Field<'_>) -> Result<Vec<String>, ManifestError> {
    let mut limits = Vec::new();
    for entry in field.entries()? {
        if entry.is_map() {
            let soft = entry.required("soft")?.integer()?;
            let hard = entry.required("hard")?.integer()?;
            entry.each(|key, _| Ok(matches!(key, "soft" | "hard")))?;
            limits.push(format!("{}={soft}:{hard}", entry.name()));
        } else {
            limits.push(format!("{}={}", entry.name(), entry.integer()?));
        }
    }
    Ok(limits)
}
