//! One container of an app.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::build::ImageSource;
use super::healthcheck::Health;
use super::hook::Hook;
use super::job::{Awaited, Job};
use super::networks::Join;
use super::secret::SecretMount;
use super::{Mount, Port, Protocol};
use crate::image::Platform;
use crate::owner::Owner;

/// One container of an app.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    pub image: ImageSource,
    /// The platform for which the image is pulled, if not this machine's.
    pub platform: Option<Platform>,
    /// Replaces the image's command when not empty.
    pub command: Vec<String>,
    pub entrypoint: Option<Vec<String>>,
    pub environment: BTreeMap<String, String>,
    /// Variables whose value is a secret: variable to secret.
    pub environment_secrets: BTreeMap<String, String>,
    pub ports: Vec<Port>,
    pub mounts: Vec<Mount>,
    /// Secrets mounted as files.
    pub secrets: Vec<SecretMount>,
    /// The services of the same app that start first, each with the state to wait for.
    pub depends_on: BTreeMap<String, Awaited>,
    /// Whether it is a job.
    pub job: Option<Job>,
    /// The script of a store that it runs, by its path in the app's folder.
    pub script: Option<String>,
    /// The container's own health check.
    pub health: Option<Health>,
    /// Commands that are run in it once it has started, one after the other.
    pub post_start: Vec<Hook>,
    /// Commands that are run in it before it is stopped.
    pub pre_stop: Vec<Hook>,
    pub labels: BTreeMap<String, String>,
    /// OCI annotations.
    pub annotations: BTreeMap<String, String>,
    /// User, optionally `:group`.
    pub user: Option<String>,
    /// The owner of the folders that are made for it, where `user` does not tell.
    pub data_owner: Option<Owner>,
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
    /// Whether it has all capabilities and devices that the operator has.
    pub privileged: bool,
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
    /// The app's networks that it joins, by their names in the file.
    pub networks: BTreeMap<String, Join>,
    /// Its names on all of the app's own networks, in addition to the service's name.
    pub aliases: BTreeSet<String>,
    /// Whether processes may gain privileges (`no-new-privileges` turns it off).
    pub no_new_privileges: bool,
    /// Whether SELinux separation is off.
    pub label_disable: bool,
    /// A seccomp profile: `unconfined` or an absolute path.
    pub seccomp: Option<String>,
    /// Most processes it may have.
    pub pids_limit: Option<i64>,
    pub limits: Limits,
    /// A user namespace mode, such as `keep-id`.
    pub userns: Option<String>,
    /// The namespaces that it shares with the node, beside that of the network.
    pub host_namespaces: BTreeSet<Namespace>,
    /// The permissions that its files do not get, in octal digits.
    pub umask: Option<String>,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether its standard input stays open.
    pub stdin_open: bool,
}

/// Limits of memory and processor time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub memory_bytes: Option<u64>,
    /// The memory to which it is pressed back when memory is short.
    pub reserved_memory_bytes: Option<u64>,
    /// Memory and swap together; -1 is any amount of swap.
    pub memory_and_swap_bytes: Option<i64>,
    /// Processors, as a decimal number.
    pub cpus: Option<String>,
    pub cpu_shares: Option<i64>,
    /// Microseconds of a period.
    pub cpu_period_us: Option<i64>,
    /// Microseconds of processor time in a period.
    pub cpu_quota_us: Option<i64>,
    /// The processors that it may use, such as `0-3,7`.
    pub cpuset: Option<String>,
    pub blocks: Blocks,
    pub oom_score_adjustment: Option<i64>,
}

/// Limits of reading and writing on block devices; each of a device as `PATH:NUMBER`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocks {
    /// Its share, from 10 to 1000.
    pub weight: Option<u16>,
    pub device_weights: Vec<String>,
    /// Bytes a second.
    pub read_bytes: Vec<String>,
    /// Operations a second.
    pub read_operations: Vec<String>,
    pub write_bytes: Vec<String>,
    pub write_operations: Vec<String>,
}

/// A namespace of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespace {
    /// The tree of control groups.
    Cgroup,
    /// Shared memory and semaphores.
    Ipc,
    /// Processes.
    Pid,
    /// Host name.
    Uts,
}

/// The network of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NetworkMode {
    /// Networks of the app.
    #[default]
    App,
    /// The network namespace of another service.
    Service(String),
    /// The network namespace of the node.
    Host,
    /// No network.
    None,
}

impl Service {
    /// A container of this image and nothing else.
    pub(super) fn of(image: ImageSource) -> Self {
        Self {
            image,
            platform: None,
            command: Vec::new(),
            entrypoint: None,
            environment: BTreeMap::new(),
            environment_secrets: BTreeMap::new(),
            ports: Vec::new(),
            mounts: Vec::new(),
            secrets: Vec::new(),
            depends_on: BTreeMap::new(),
            job: None,
            script: None,
            health: None,
            post_start: Vec::new(),
            pre_stop: Vec::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            user: None,
            data_owner: None,
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
            privileged: false,
            devices: Vec::new(),
            extra_hosts: Vec::new(),
            dns: Vec::new(),
            dns_search: Vec::new(),
            dns_options: Vec::new(),
            ulimits: Vec::new(),
            sysctls: Vec::new(),
            shm_bytes: None,
            network: NetworkMode::App,
            networks: BTreeMap::new(),
            aliases: BTreeSet::new(),
            no_new_privileges: false,
            label_disable: false,
            seccomp: None,
            pids_limit: None,
            limits: Limits::default(),
            userns: None,
            host_namespaces: BTreeSet::new(),
            umask: None,
            tty: false,
            stdin_open: false,
        }
    }

    /// Whether it counts as started only once its health check succeeds. A check says so by its
    /// `start_interval`: it is quick to come true, and often asked for until then.
    #[must_use]
    pub fn starts_healthy(&self) -> bool {
        let health = self.health.as_ref().filter(|_| self.job.is_none());
        health.is_some_and(|health| health.start_interval.is_some() && !health.is_disabled())
    }

    /// The owner of the folders that are made for it: the user that it runs as, if that is told by
    /// numbers and is not root. In a user namespace of the container's own, the numbers mean
    /// others.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        if !matches!(self.userns.as_deref(), None | Some("host")) {
            return None;
        }
        let text = self.user.as_deref().unwrap_or_default();
        let (user, group) = text.split_once(':').unwrap_or((text, "0"));
        let user = user.parse().ok().filter(|user| *user != 0);
        let named = user.map(|user| Owner {
            user,
            // The image may know the group's name; its owner is enough for the service to write.
            group: group.parse().unwrap_or_default(),
        });
        named.or(self.data_owner)
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
}
