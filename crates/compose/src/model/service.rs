//! Services, jobs and what runs before a service.

use std::collections::BTreeMap;

use serde::Serialize;

use super::container::{Container, DeviceRequest, FileReference};
use super::decode::{DecodeError, Decoder};
use super::keys::model;
use super::values::{Environment, Hosts, MultiOptions, OptOut, Pairs, Size, SshKeys, Ulimit};
use crate::node::Node;
use crate::syntax::Duration;

/// A program that is kept running.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Service {
    #[serde(flatten)]
    pub container: Container,
    #[serde(flatten)]
    pub workload: Workload,
    #[serde(flatten)]
    pub own: ServiceKeys,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pre_start: Vec<PreStart>,
}

/// A program that is run by hand or at set times.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Job {
    #[serde(flatten)]
    pub container: Container,
    #[serde(flatten)]
    pub workload: Workload,
    #[serde(flatten)]
    own: JobKeys,
}

/// A container that runs to its end before a service starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PreStart {
    #[serde(flatten)]
    pub container: Container,
    #[serde(flatten)]
    own: PreStartKeys,
}

impl std::ops::Deref for Service {
    type Target = ServiceKeys;
    fn deref(&self) -> &ServiceKeys {
        &self.own
    }
}
impl std::ops::DerefMut for Service {
    fn deref_mut(&mut self) -> &mut ServiceKeys {
        &mut self.own
    }
}
impl std::ops::Deref for Job {
    type Target = JobKeys;
    fn deref(&self) -> &JobKeys {
        &self.own
    }
}
impl std::ops::Deref for PreStart {
    type Target = PreStartKeys;
    fn deref(&self) -> &PreStartKeys {
        &self.own
    }
}

impl Service {
    pub(super) fn decode(node: &Node) -> Result<Self, DecodeError> {
        let hooks = node
            .get("pre_start")
            .and_then(Node::as_list)
            .unwrap_or_default();
        Ok(Self {
            container: Decoder::value(node)?,
            workload: Decoder::value(node)?,
            own: Decoder::value(node)?,
            pre_start: hooks
                .iter()
                .map(PreStart::decode)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The wanted number of its containers.
    #[must_use]
    pub fn replicas(&self) -> i64 {
        let deployed = self.deploy.as_ref().and_then(|deploy| deploy.replicas);
        self.scale.or(deployed).unwrap_or(1)
    }
}

impl Job {
    pub(super) fn decode(node: &Node) -> Result<Self, DecodeError> {
        Ok(Self {
            container: Decoder::value(node)?,
            workload: Decoder::value(node)?,
            own: Decoder::value(node)?,
        })
    }
}

impl PreStart {
    fn decode(node: &Node) -> Result<Self, DecodeError> {
        Ok(Self {
            container: Decoder::value(node)?,
            own: Decoder::value(node)?,
        })
    }
}

model! {
    /// Keys that only a service has.
    ServiceKeys {
        profiles: Vec<String>,
        deploy: Option<Deploy>,
        develop: Option<Develop>,
        restart: Option<String>,
        scale: Option<i64>,
        attach: Option<bool>,
        container_name: Option<String>,
        provider: Option<Provider>,
        external_links: Vec<String>,
        links: Vec<String>,
        post_start: Vec<Hook>,
        pre_stop: Vec<Hook>,
    }
}

model! {
    /// Keys that only a job has.
    JobKeys { profiles: Vec<String>, triggers: Option<Triggers> }
}

model! {
    /// Keys that only a `pre_start` container has.
    PreStartKeys { per_replica: bool }
}

model! {
    Triggers { manual: Option<bool>, schedule: Vec<Schedule> }
}

model! {
    Schedule {
        cron: String,
        timezone: Option<String>,
        concurrency: Option<String>,
        missed_fires: Option<String>,
    }
}

model! {
    /// Keys of services and jobs.
    Workload {
        build: Option<Build>,
        depends_on: BTreeMap<String, Dependency>,
        expose: Vec<String>,
        healthcheck: Option<Healthcheck>,
        ports: Vec<Port>,
        stdin_open: bool,
        tty: bool,
    }
}

model! {
    Build {
        /// A folder or an address.
        context: Option<String>,
        dockerfile: Option<String>,
        dockerfile_inline: Option<String>,
        entitlements: Vec<String>,
        args: Environment,
        provenance: Option<String>,
        sbom: Option<String>,
        ssh: SshKeys,
        labels: Pairs,
        cache_from: Vec<String>,
        cache_to: Vec<String>,
        no_cache: bool,
        no_cache_filter: Vec<String>,
        additional_contexts: Pairs,
        pull: bool,
        extra_hosts: Hosts,
        isolation: Option<String>,
        network: Option<String>,
        target: Option<String>,
        secrets: Vec<FileReference>,
        shm_size: Size,
        tags: Vec<String>,
        ulimits: BTreeMap<String, Ulimit>,
        platforms: Vec<String>,
        privileged: bool,
    }
}

model! {
    Dependency {
        /// service_started, service_healthy or service_completed_successfully.
        condition: String,
        restart: bool,
    }
    always { required: OptOut }
}

model! {
    Healthcheck {
        /// Begins with CMD, CMD-SHELL or NONE.
        test: Vec<String>,
        timeout: Option<Duration>,
        interval: Option<Duration>,
        retries: Option<u64>,
        start_period: Option<Duration>,
        start_interval: Option<Duration>,
        disable: bool,
    }
}

model! {
    Port {
        name: Option<String>,
        mode: Option<String>,
        host_ip: Option<String>,
        target: u16,
        /// A port, or a range of which one is chosen.
        published: Option<String>,
        protocol: Option<String>,
        app_protocol: Option<String>,
    }
}

model! {
    Provider {
        #[serde(rename = "type")]
        kind: String,
        options: MultiOptions,
    }
}

model! {
    /// A command in a running container.
    Hook {
        user: Option<String>,
        privileged: bool,
        working_dir: Option<String>,
        environment: Environment,
    }
    always { command: Option<Vec<String>> }
}

model! {
    Develop { watch: Vec<WatchRule> }
}

model! {
    WatchRule {
        target: Option<String>,
        include: Vec<String>,
        ignore: Vec<String>,
        initial_sync: bool,
    }
    always { path: String, action: String, exec: Hook }
}

model! {
    Deploy {
        mode: Option<String>,
        replicas: Option<i64>,
        labels: Pairs,
        update_config: Option<UpdateConfig>,
        rollback_config: Option<UpdateConfig>,
        restart_policy: Option<RestartPolicy>,
        endpoint_mode: Option<String>,
    }
    always { resources: Resources, placement: Placement }
}

model! {
    UpdateConfig {
        parallelism: Option<u64>,
        failure_action: Option<String>,
        max_failure_ratio: f32,
        order: Option<String>,
        delay: Option<Duration>,
        monitor: Option<Duration>,
    }
}

model! {
    Resources { limits: Option<Resource>, reservations: Option<Resource> }
}

model! {
    Resource {
        cpus: f32,
        memory: Size,
        pids: i64,
        devices: Vec<DeviceRequest>,
        generic_resources: Vec<GenericResource>,
    }
}

model! {
    GenericResource { discrete_resource_spec: Option<DiscreteResource> }
}

model! {
    DiscreteResource {}
    always { kind: String, value: i64 }
}

model! {
    RestartPolicy {
        condition: Option<String>,
        delay: Option<Duration>,
        max_attempts: Option<u64>,
        window: Option<Duration>,
    }
}

model! {
    Placement {
        constraints: Vec<String>,
        preferences: Vec<PlacementPreference>,
        max_replicas_per_node: u64,
    }
}

model! {
    PlacementPreference { spread: Option<String> }
}
