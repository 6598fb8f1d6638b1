//! The keys of everything that runs a container.

use std::collections::BTreeMap;

use super::keys::model;
use super::values::{Count, Environment, Hosts, Mode, OptOut, Pairs, Size, Ulimit};
use crate::syntax::Duration;

model! {
    /// The container of a service, of a job, or of what runs before a service.
    Container {
        annotations: Pairs,
        blkio_config: Option<BlkioConfig>,
        cap_add: Vec<String>,
        cap_drop: Vec<String>,
        cgroup_parent: Option<String>,
        cgroup: Option<String>,
        cpu_count: i64,
        cpu_percent: f32,
        cpu_period: i64,
        cpu_quota: i64,
        cpu_rt_period: i64,
        cpu_rt_runtime: i64,
        cpus: f32,
        cpuset: Option<String>,
        cpu_shares: i64,
        configs: Vec<FileReference>,
        credential_spec: Option<CredentialSpec>,
        device_cgroup_rules: Vec<String>,
        devices: Vec<Device>,
        dns: Vec<String>,
        dns_opt: Vec<String>,
        dns_search: Vec<String>,
        domainname: Option<String>,
        /// The service's own variables, over those of its files.
        environment: Environment,
        env_file: Vec<EnvFile>,
        extra_hosts: Hosts,
        group_add: Vec<String>,
        gpus: Vec<DeviceRequest>,
        hostname: Option<String>,
        image: Option<String>,
        init: Option<bool>,
        ipc: Option<String>,
        isolation: Option<String>,
        labels: Pairs,
        label_file: Vec<String>,
        logging: Option<Logging>,
        mem_limit: Size,
        mem_reservation: Size,
        memswap_limit: Size,
        mem_swappiness: Size,
        mac_address: Option<String>,
        models: BTreeMap<String, Option<ServiceModel>>,
        network_mode: Option<String>,
        networks: BTreeMap<String, Option<ServiceNetwork>>,
        oom_kill_disable: bool,
        oom_score_adj: i64,
        pid: Option<String>,
        pids_limit: i64,
        platform: Option<String>,
        privileged: bool,
        pull_policy: Option<String>,
        pull_refresh_after: Option<String>,
        read_only: bool,
        runtime: Option<String>,
        secrets: Vec<FileReference>,
        security_opt: Vec<String>,
        shm_size: Size,
        stop_grace_period: Option<Duration>,
        stop_signal: Option<String>,
        storage_opt: Pairs,
        sysctls: Pairs,
        tmpfs: Vec<String>,
        ulimits: BTreeMap<String, Ulimit>,
        umask: Option<u32>,
        use_api_socket: bool,
        user: Option<String>,
        userns_mode: Option<String>,
        uts: Option<String>,
        volumes: Vec<Mount>,
        volumes_from: Vec<String>,
        working_dir: Option<String>,
    }
    always {
        /// Nothing is the image's own; an empty list is none at all.
        command: Option<Vec<String>>,
        /// Nothing is the image's own; an empty list is none at all.
        entrypoint: Option<Vec<String>>,
    }
}

model! {
    BlkioConfig {
        weight: u16,
        weight_device: Vec<WeightDevice>,
        device_read_bps: Vec<ThrottleDevice>,
        device_read_iops: Vec<ThrottleDevice>,
        device_write_bps: Vec<ThrottleDevice>,
        device_write_iops: Vec<ThrottleDevice>,
    }
}

model! {
    WeightDevice {}
    always {
        #[serde(rename(serialize = "Path"))]
        path: String,
        #[serde(rename(serialize = "Weight"))]
        weight: u16,
    }
}

model! {
    ThrottleDevice {}
    always {
        #[serde(rename(serialize = "Path"))]
        path: String,
        #[serde(rename(serialize = "Rate"))]
        rate: Size,
    }
}

model! {
    CredentialSpec { config: Option<String>, file: Option<String>, registry: Option<String> }
}

model! {
    Device { source: Option<String>, target: Option<String>, permissions: Option<String> }
}

model! {
    /// Devices asked for by what they can do.
    DeviceRequest {
        capabilities: Vec<String>,
        driver: Option<String>,
        count: Count,
        device_ids: Vec<String>,
        options: Pairs,
    }
}

model! {
    EnvFile {
        /// Absolute.
        path: String,
        required: OptOut,
        /// Nothing is the language of `.env`.
        format: Option<String>,
    }
}

model! {
    /// A config or secret in a container.
    FileReference {
        source: Option<String>,
        target: Option<String>,
        uid: Option<String>,
        gid: Option<String>,
        mode: Option<Mode>,
    }
}

model! {
    Logging { driver: Option<String>, options: Pairs }
}

model! {
    ServiceModel { endpoint_var: Option<String>, model_var: Option<String> }
}

model! {
    ServiceNetwork {
        aliases: Vec<String>,
        driver_opts: Pairs,
        gw_priority: i64,
        interface_name: Option<String>,
        ipv4_address: Option<String>,
        ipv6_address: Option<String>,
        link_local_ips: Vec<String>,
        mac_address: Option<String>,
        priority: i64,
        use_service_name_alias: Option<bool>,
    }
}

model! {
    Mount {
        /// bind, volume, tmpfs, cluster, npipe or image.
        #[serde(rename = "type")]
        kind: String,
        /// A volume's name, an absolute path or an image; nothing is an anonymous volume.
        source: Option<String>,
        target: String,
        read_only: bool,
        consistency: Option<String>,
        bind: Option<BindOptions>,
        volume: Option<MountVolume>,
        tmpfs: Option<MountTmpfs>,
        image: Option<MountImage>,
    }
}

model! {
    BindOptions {
        selinux: Option<String>,
        propagation: Option<String>,
        create_host_path: OptOut,
        recursive: Option<String>,
    }
}

model! {
    MountVolume { labels: Pairs, nocopy: bool, subpath: Option<String> }
}

model! {
    MountTmpfs { size: Size, mode: u32 }
}

model! {
    MountImage { subpath: Option<String> }
}
