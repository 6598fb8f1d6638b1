//! A Compose service, read key by key.

use std::collections::BTreeMap;
use std::time::Duration;

use super::duration::{parse_bytes, parse_duration};
use super::field::Field;
use super::mount::relative;
use super::{Files, ManifestError, Mount, Port, Protocol, Warning};

/// One container of an app.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Where the image comes from.
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
    /// Services of the same app that start before.
    pub depends_on: Vec<String>,
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
    /// How long it may take to stop.
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
    /// How it is connected.
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

/// Where a service's image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// A reference to pull.
    Reference(String),
    /// A folder to build.
    Build(Build),
}

/// A local build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The folder, relative to the app's folder.
    pub context: String,
    /// The Containerfile in it; `None` looks for `Containerfile`, then `Dockerfile`.
    pub containerfile: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The stage to build.
    pub target: Option<String>,
}

/// How a service is connected.
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

/// A secret mounted as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMount {
    /// The secret's name in `x-archipelago.secrets`.
    pub secret: String,
    /// The file name under `/run/secrets`, or an absolute path.
    pub target: Option<String>,
    /// Owner in the container.
    pub uid: Option<u32>,
    /// Group in the container.
    pub gid: Option<u32>,
    /// Mode, as octal digits.
    pub mode: Option<String>,
}

/// A container's health check, in Podman's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// `["CMD", …]`, `["CMD-SHELL", text]` or `["NONE"]`.
    pub test: Vec<String>,
    /// Time between two checks.
    pub interval: Option<Duration>,
    /// Time one check may take.
    pub timeout: Option<Duration>,
    /// Failures in a row until it is unhealthy.
    pub retries: Option<u64>,
    /// Time after the start in which failures do not count.
    pub start_period: Option<Duration>,
    /// Time between two checks in that time.
    pub start_interval: Option<Duration>,
}

impl Service {
    /// The node's side of a published TCP port.
    #[must_use]
    pub fn published(&self, container_port: u16) -> Option<&Port> {
        self.ports
            .iter()
            .find(|port| port.container == container_port && port.protocol == Protocol::Tcp)
    }

    pub(super) fn read(
        field: &Field<'_>,
        files: &Files,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, ManifestError> {
        field.check_name("the service")?;
        let mut service = Self {
            image: read_image(field)?,
            command: Vec::new(),
            entrypoint: None,
            environment: BTreeMap::new(),
            environment_secrets: BTreeMap::new(),
            ports: Vec::new(),
            mounts: Vec::new(),
            secrets: Vec::new(),
            depends_on: Vec::new(),
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
            "depends_on" => self.depends_on = read_depends_on(entry, warnings)?,
            "healthcheck" => self.health = Health::read(entry)?,
            "labels" => self.labels = entry.pairs()?,
            "annotations" => self.annotations = entry.pairs()?,
            "user" => self.user = Some(entry.text()?),
            "group_add" => self.group_add = entry.texts()?,
            "working_dir" => self.working_dir = Some(entry.text()?),
            "hostname" => self.hostname = Some(entry.text()?),
            "stop_grace_period" => self.stop_grace_period = Some(duration(entry)?),
            "stop_signal" => self.stop_signal = Some(entry.text()?),
            "init" => self.init = entry.boolean()?,
            "read_only" => self.read_only = entry.boolean()?,
            "tmpfs" => self.tmpfs = entry.text_or_texts()?,
            "cap_add" => self.cap_add = entry.texts()?,
            "cap_drop" => self.cap_drop = entry.texts()?,
            "devices" => self.devices = entry.texts()?,
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
                self.shm_bytes =
                    Some(parse_bytes(&entry.text()?).map_err(|problem| entry.error(problem))?);
            }
            "network_mode" => self.network = NetworkMode::read(entry)?,
            "networks" => only_default_network(entry)?,
            "security_opt" => self.read_security(entry)?,
            "pids_limit" => self.pids_limit = Some(entry.integer()?),
            "userns_mode" => self.userns = Some(entry.text()?),
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
                    return Err(item.error(format!(
                        "{text:?} is not supported; there are no-new-privileges, label=disable and seccomp=unconfined or =/path"
                    )));
                }
            }
        }
        Ok(())
    }
}

fn read_image(field: &Field<'_>) -> Result<ImageSource, ManifestError> {
    match (field.get("build"), field.get("image")) {
        (Some(build), None) => Ok(ImageSource::Build(Build::read(&build)?)),
        (None, Some(image)) => Ok(ImageSource::Reference(image.text()?)),
        (Some(_), Some(image)) => Err(image.error(
            "a service has either `image` or `build`; a built image is named by Archipelago after its content",
        )),
        (None, None) => Err(field.error("needs `image` or `build`")),
    }
}

impl Build {
    fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let mut build = Self {
            context: String::new(),
            containerfile: None,
            args: BTreeMap::new(),
            target: None,
        };
        if !field.is_map() {
            build.context = context(field)?;
            return Ok(build);
        }
        build.context = context(&field.required("context")?)?;
        field.each(|key, value| {
            match key {
                "context" => {}
                "dockerfile" => build.containerfile = Some(relative(value, &value.text()?)?),
                "args" => build.args = value.pairs()?,
                "target" => build.target = Some(value.text()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(build)
    }
}

/// A folder of the app, or one beside it (`../shared-ui`), which the loader brings along under its own name.
fn context(field: &Field<'_>) -> Result<String, ManifestError> {
    let text = field.text()?;
    let inside = text.strip_prefix("../").unwrap_or(&text);
    relative(field, inside)
}

impl NetworkMode {
    fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        match field.text()?.as_str() {
            "host" => Ok(Self::Host),
            "none" => Ok(Self::None),
            other => Err(field.error(format!(
                "{other:?} is not supported; there are host and none, and without this key the app's own network"
            ))),
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
    match names.iter().find(|name| *name != "default") {
        Some(other) => Err(field.error(format!(
            "each app has one network of its own; remove {other:?}"
        ))),
        None => Ok(()),
    }
}

fn read_depends_on(
    field: &Field<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<String>, ManifestError> {
    if field.is_list() {
        return field.texts();
    }
    let mut names = Vec::new();
    for entry in field.entries()? {
        entry.each(|key, value| {
            match key {
                "condition" => match value.text()?.as_str() {
                    "service_started" => {}
                    "service_healthy" => {
                        warnings.push(value.error("taken as service_started: the service starts after it, without waiting for its health"));
                    }
                    other => return Err(value.error(format!("{other:?} is not supported: every service here runs for good"))),
                },
                "restart" | "required" => {
                    value.boolean()?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        names.push(entry.name().to_owned());
    }
    Ok(names)
}

impl SecretMount {
    fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let mut mount = Self {
            secret: String::new(),
            target: None,
            uid: None,
            gid: None,
            mode: None,
        };
        if !field.is_map() {
            mount.secret = field.text()?;
            return Ok(mount);
        }
        mount.secret = field.required("source")?.text()?;
        field.each(|key, value| {
            match key {
                "source" => {}
                "target" => mount.target = Some(secret_target(value)?),
                "uid" => mount.uid = Some(id(value)?),
                "gid" => mount.gid = Some(id(value)?),
                "mode" => mount.mode = Some(mode(value)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(mount)
    }
}

/// Compose takes a variable without a value from the shell it is started in; here there is none.
fn read_environment(field: &Field<'_>) -> Result<BTreeMap<String, String>, ManifestError> {
    if field.is_map()
        && let Some(bare) = field.entries()?.iter().find(|entry| entry.is_null())
    {
        return Err(bare.error(
            "a variable without a value takes it from the shell in Compose; here there is none: write \"\" for an empty one",
        ));
    }
    field.pairs()
}

fn id(field: &Field<'_>) -> Result<u32, ManifestError> {
    u32::try_from(field.count()?).map_err(|_| field.error("user and group ids end at 4294967295"))
}

/// Podman separates a secret's options by commas.
fn secret_target(field: &Field<'_>) -> Result<String, ManifestError> {
    let text = field.text()?;
    if text.is_empty() || text.contains(|c: char| c == ',' || c.is_control()) {
        return Err(field.error("a secret's target holds neither commas nor control characters"));
    }
    Ok(text)
}

fn mode(field: &Field<'_>) -> Result<String, ManifestError> {
    let text = field.text()?;
    let digits = text.strip_prefix("0o").unwrap_or(&text);
    if (3..=4).contains(&digits.len()) && digits.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        Ok(format!("{digits:0>4}"))
    } else {
        Err(field.error(format!(
            "expected a mode in octal digits such as 0440, not {text:?}"
        )))
    }
}

impl Health {
    fn read(field: &Field<'_>) -> Result<Option<Self>, ManifestError> {
        let mut health = Self::default();
        let mut disabled = false;
        field.each(|key, value| {
            match key {
                "test" if value.is_list() => health.test = value.texts()?,
                "test" => health.test = vec!["CMD-SHELL".to_owned(), value.text()?],
                "interval" => health.interval = Some(duration(value)?),
                "timeout" => health.timeout = Some(duration(value)?),
                "retries" => health.retries = Some(value.count()?),
                "start_period" => health.start_period = Some(duration(value)?),
                "start_interval" => health.start_interval = Some(duration(value)?),
                "disable" => disabled = value.boolean()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if disabled {
            health.test = vec!["NONE".to_owned()];
        }
        match health.test.first().map(String::as_str) {
            Some("CMD" | "CMD-SHELL") if health.test.len() > 1 => Ok(Some(health)),
            Some("NONE") => Ok(Some(health)),
            None => Ok(None),
            Some(_) => Err(field
                .at(&["test"])
                .error("expected [\"CMD\", …], [\"CMD-SHELL\", \"…\"] or [\"NONE\"]")),
        }
    }
}

fn duration(field: &Field<'_>) -> Result<Duration, ManifestError> {
    parse_duration(&field.text()?).map_err(|problem| field.error(problem))
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

fn read_env_files(
    field: &Field<'_>,
    files: &Files,
) -> Result<BTreeMap<String, String>, ManifestError> {
    let names = if field.is_list() {
        field.items()?
    } else {
        vec![field.clone()]
    };
    let mut variables = BTreeMap::new();
    for name in names {
        let path = relative(&name, &name.text()?)?;
        let content = files
            .get(&path)
            .ok_or_else(|| name.error(format!("there is no file {path:?} in the app's folder")))?;
        let text = std::str::from_utf8(content)
            .map_err(|_| name.error(format!("{path:?} is not UTF-8 text")))?;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line
                .split_once('=')
                .ok_or_else(|| name.error(format!("{path}:{}: expected NAME=value", index + 1)))?;
            let value = value.trim();
            let bare = ['"', '\'']
                .iter()
                .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
                .unwrap_or(value);
            variables.insert(key.trim().to_owned(), bare.to_owned());
        }
    }
    Ok(variables)
}
