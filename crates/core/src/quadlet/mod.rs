//! Quadlet units as types: what we can say in them, and nothing else.
//!
//! The model knows the keys that Archipelago emits, all of them valid in the oldest Podman it
//! supports, 4.9, unless a comment says otherwise; for what came later it gives Podman's own
//! options. Values are plain text here; [`escape`] is applied once, by [`render`]. Nothing here
//! knows of apps or manifests.
//!
//! Source of the keys: podman-systemd.unit(5).

pub mod escape;
mod lines;
mod mark;
mod render;
mod texts;
pub mod versions;

use std::collections::BTreeMap;
use std::time::Duration;

pub use escape::EscapeError;
pub use lines::RenderError;
pub use mark::{Mark, VERSION, mark_of};
pub use render::{Stamp, UnitFile};

/// A Quadlet unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// The file name without its suffix.
    pub stem: String,
    /// `[Unit]`.
    pub unit: UnitSection,
    /// The section that gives the unit its kind.
    pub kind: Kind,
    /// `[Service]`.
    pub service: ServiceSection,
    /// Whether `[Install]` starts it at boot.
    pub starts_at_boot: bool,
}

/// The kind of a unit, with its own section.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `.container`
    Container(Box<Container>),
    /// `.volume`
    Volume(Volume),
    /// `.network`
    Network(Network),
}

/// `[Unit]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitSection {
    /// For people.
    pub description: String,
    /// Services that are started along with this one; it does not fail when they do.
    pub wants: Vec<String>,
    /// `Requires=`: services that are started with this one. It does not start when they fail, and
    /// stops when they are stopped.
    pub requires: Vec<String>,
    /// Services that are started first and stopped last.
    pub after: Vec<String>,
}

/// `[Service]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceSection {
    /// `Restart=always` after this time, without end; of a one-shot, which may not be started again
    /// after it succeeded, `Restart=on-failure`.
    pub restart_delay: Option<Duration>,
    /// `Type=oneshot` and `RemainAfterExit=yes`: it counts as started once its process has ended
    /// without error, and from then on until it is stopped.
    pub one_shot: bool,
    /// `TimeoutStartSec=`
    pub start_limit: Option<Duration>,
    /// `TimeoutStopSec=`
    pub stop_limit: Option<Duration>,
    /// `ExecStartPost=`: commands after the start, as words. Their failure changes nothing.
    pub after_start: Vec<Command>,
    /// `ExecStop=`: the same before the stop.
    pub before_stop: Vec<Command>,
    /// Podman's volumes without which it must not start: `podman run` makes the ones it misses,
    /// empty and in its own storage.
    pub volumes: Vec<String>,
}

/// A command of the host that a service runs, and is killed after a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    pub words: Vec<String>,
    pub limit: Duration,
}

/// `[Container]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// `Image=`
    pub image: String,
    /// `ContainerName=`
    pub name: String,
    /// `Pull=never`: the image must be on the node, so that a start never waits for a registry.
    pub never_pulls: bool,
    /// `Exec=`, as words.
    pub exec: Vec<String>,
    /// `--entrypoint`, as words.
    pub entrypoint: Option<Vec<String>>,
    /// `Environment=`
    pub environment: BTreeMap<String, String>,
    /// `Secret=`
    pub secrets: Vec<Secret>,
    /// `PublishPort=`
    pub ports: Vec<PublishedPort>,
    /// `Volume=`
    pub volumes: Vec<VolumeMount>,
    /// `Network=`
    pub networks: Vec<NetworkJoin>,
    /// `Label=`
    pub labels: BTreeMap<String, String>,
    /// `Annotation=`
    pub annotations: BTreeMap<String, String>,
    /// `User=`
    pub user: Option<String>,
    /// `--group-add`
    pub groups: Vec<String>,
    /// `UserNS=`
    pub user_namespace: Option<String>,
    /// `WorkingDir=`
    pub working_dir: Option<String>,
    /// `HostName=`
    pub hostname: Option<String>,
    /// `--stop-signal`
    pub stop_signal: Option<String>,
    /// `--stop-timeout`
    pub stop_timeout: Option<Duration>,
    /// `RunInit=`
    pub init: bool,
    /// `ReadOnly=`
    pub read_only: bool,
    /// `Tmpfs=`
    pub tmpfs: Vec<String>,
    /// `AddCapability=`
    pub capabilities: Vec<String>,
    /// `DropCapability=`
    pub dropped_capabilities: Vec<String>,
    /// `AddDevice=`
    pub devices: Vec<String>,
    /// `--add-host`
    pub hosts: Vec<String>,
    /// `DNS=`
    pub dns: Vec<String>,
    /// `DNSSearch=`
    pub dns_search: Vec<String>,
    /// `DNSOption=`
    pub dns_options: Vec<String>,
    /// `Ulimit=`
    pub ulimits: Vec<String>,
    /// `Sysctl=`
    pub sysctls: Vec<String>,
    /// `ShmSize=`, in bytes
    pub shm_bytes: Option<u64>,
    /// `PidsLimit=`
    pub pids_limit: Option<i64>,
    /// `NoNewPrivileges=`
    pub no_new_privileges: bool,
    /// `SecurityLabelDisable=`
    pub label_disable: bool,
    /// `SeccompProfile=`
    pub seccomp: Option<String>,
    /// `HealthCmd=` and its relatives.
    pub health: Option<Health>,
    /// Each with its values.
    pub options: BTreeMap<PodmanOption, Vec<String>>,
    pub log: Option<Log>,
}

/// `LogDriver=`, so that the journal holds what the container says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// `journald`
    Journal,
    /// `none`: Podman runs the container of a one-shot in the foreground, so systemd already logs
    /// its output.
    Foreground,
}

/// Options of `podman run` that Quadlet has no key for in the oldest Podman that is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodmanOption {
    BlkioWeight,
    BlkioWeightDevice,
    Cgroupns,
    CpuPeriod,
    CpuQuota,
    CpuShares,
    Cpus,
    CpusetCpus,
    DeviceReadBps,
    DeviceReadIops,
    DeviceWriteBps,
    DeviceWriteIops,
    Interactive,
    Ipc,
    Memory,
    MemoryReservation,
    MemorySwap,
    OomScoreAdj,
    Pid,
    Privileged,
    Tty,
    Umask,
    Uts,
}

impl PodmanOption {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::BlkioWeight,
        Self::BlkioWeightDevice,
        Self::Cgroupns,
        Self::CpuPeriod,
        Self::CpuQuota,
        Self::CpuShares,
        Self::Cpus,
        Self::CpusetCpus,
        Self::DeviceReadBps,
        Self::DeviceReadIops,
        Self::DeviceWriteBps,
        Self::DeviceWriteIops,
        Self::Interactive,
        Self::Ipc,
        Self::Memory,
        Self::MemoryReservation,
        Self::MemorySwap,
        Self::OomScoreAdj,
        Self::Pid,
        Self::Privileged,
        Self::Tty,
        Self::Umask,
        Self::Uts,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::BlkioWeight => "--blkio-weight",
            Self::BlkioWeightDevice => "--blkio-weight-device",
            Self::Cgroupns => "--cgroupns",
            Self::CpuPeriod => "--cpu-period",
            Self::CpuQuota => "--cpu-quota",
            Self::CpuShares => "--cpu-shares",
            Self::Cpus => "--cpus",
            Self::CpusetCpus => "--cpuset-cpus",
            Self::DeviceReadBps => "--device-read-bps",
            Self::DeviceReadIops => "--device-read-iops",
            Self::DeviceWriteBps => "--device-write-bps",
            Self::DeviceWriteIops => "--device-write-iops",
            Self::Interactive => "--interactive",
            Self::Ipc => "--ipc",
            Self::Memory => "--memory",
            Self::MemoryReservation => "--memory-reservation",
            Self::MemorySwap => "--memory-swap",
            Self::OomScoreAdj => "--oom-score-adj",
            Self::Pid => "--pid",
            Self::Privileged => "--privileged",
            Self::Tty => "--tty",
            Self::Umask => "--umask",
            Self::Uts => "--uts",
        }
    }
}

/// `Secret=`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Podman's name of it.
    pub name: String,
    /// How it reaches the container.
    pub delivery: SecretDelivery,
}

/// How a secret reaches a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretDelivery {
    /// As an environment variable.
    Environment(String),
    File {
        /// The file name under `/run/secrets`, or an absolute path.
        target: Option<String>,
        /// Its owner.
        uid: Option<u32>,
        /// Its group.
        gid: Option<u32>,
        /// Its mode in octal digits.
        mode: Option<String>,
    },
}

/// `PublishPort=`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedPort {
    /// The address on the node.
    pub address: std::net::IpAddr,
    /// The port on the node.
    pub host: u16,
    /// The port in the container.
    pub container: u16,
    /// Whether it is UDP.
    pub udp: bool,
}

/// `Volume=`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// A path of the node or the name of a `.volume` unit.
    pub source: String,
    /// The path in the container.
    pub target: String,
    /// Whether the container may not write.
    pub read_only: bool,
    /// Whether an empty volume stays so, instead of getting the files of the image.
    pub no_copy: bool,
    /// Whether SELinux labels are adapted so that containers may use it (`z`); nothing happens
    /// without SELinux.
    pub relabel: bool,
}

/// `Network=`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkJoin {
    /// The node's own network.
    Host,
    None,
    /// A network with names and addresses in it.
    Named {
        /// The file name of a `.network` unit, or Podman's name of an external network.
        network: String,
        /// The names by which others of this network find the container.
        aliases: Vec<String>,
        /// Static addresses; without them Podman chooses.
        addresses: Vec<std::net::IpAddr>,
        hardware_address: Option<String>,
    },
    /// The network namespace of another container, by its name.
    Container(String),
}

/// `HealthCmd=` and its relatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// `["CMD", …]`, `["CMD-SHELL", text]` or `["NONE"]`; written as JSON, which Podman takes.
    pub test: Vec<String>,
    /// `HealthInterval=`
    pub interval: Option<Duration>,
    /// `HealthTimeout=`
    pub timeout: Option<Duration>,
    /// `HealthRetries=`
    pub retries: Option<u64>,
    /// `HealthStartPeriod=`
    pub start_period: Option<Duration>,
    /// `HealthStartupCmd=` with this `HealthStartupInterval=`: asked more often until it first
    /// succeeds, and only then the service counts as started (`--sdnotify healthy`).
    pub startup_interval: Option<Duration>,
}

/// `[Volume]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// `VolumeName=`
    pub name: String,
    /// `Device=` with `Type=none` and `Options=bind`: the folder that holds the data.
    pub folder: Option<String>,
    /// `Label=`
    pub labels: BTreeMap<String, String>,
}

/// `[Network]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// `NetworkName=`
    pub name: String,
    /// `Options=isolate=strict`: no traffic from or to any other bridge network
    /// (podman-network-create(1)).
    pub isolated: bool,
    /// `Internal=`: no way to the outside.
    pub internal: bool,
    /// `IPv6=`
    pub ipv6: bool,
    /// `Subnet=`, each with its `Gateway=` and `IPRange=`.
    pub subnets: Vec<Subnet>,
    /// `Label=`
    pub labels: BTreeMap<String, String>,
}

/// `Subnet=` with `Gateway=` and `IPRange=`, which belong together by their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    pub subnet: String,
    pub gateway: Option<String>,
    pub range: Option<String>,
}

impl Unit {
    #[must_use]
    pub fn file_name(&self) -> String {
        let suffix = match self.kind {
            Kind::Container(_) => "container",
            Kind::Volume(_) => "volume",
            Kind::Network(_) => "network",
        };
        format!("{}.{suffix}", self.stem)
    }

    /// The systemd service that Quadlet makes of it.
    #[must_use]
    pub fn service_name(&self) -> String {
        service_of(&self.file_name())
    }
}

/// The systemd service that Quadlet makes of a unit file (podman-systemd.unit(5), "Service unit
/// names").
#[must_use]
pub fn service_of(file_name: &str) -> String {
    match file_name.rsplit_once('.') {
        Some((stem, "container")) => format!("{stem}.service"),
        Some((stem, suffix)) => format!("{stem}-{suffix}.service"),
        None => format!("{file_name}.service"),
    }
}

/// Whether Quadlet reads a file of this name.
#[must_use]
pub fn is_unit_file(file_name: &str) -> bool {
    matches!(
        file_name.rsplit_once('.'),
        Some((
            _,
            "container" | "volume" | "network" | "build" | "image" | "pod" | "kube"
        ))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::AppId;

    #[test]
    fn a_service_is_called_as_quadlet_calls_it() {
        for (file, service) in [
            ("archy-web.container", "archy-web.service"),
            ("archy-web.network", "archy-web-network.service"),
            ("archy-web-data.volume", "archy-web-data-volume.service"),
            ("archy-web.v2.container", "archy-web.v2.service"),
            ("archy-web", "archy-web.service"),
        ] {
            assert_eq!(service_of(file), service);
        }
        for (file, is_read) in [
            ("a.container", true),
            ("a.pod", true),
            ("a.container.new", false),
            ("container", false),
            ("a.conf", false),
        ] {
            assert_eq!(is_unit_file(file), is_read, "{file}");
        }
    }

    #[test]
    fn a_unit_is_ours_by_a_section_of_its_own_and_not_by_words_alone() {
        let app = AppId::parse("web").unwrap();
        let mark = |content: &str| mark_of(content.as_bytes());
        let section = "[X-Archipelago]\nApp=web\nCompanion=true\nRevision=12\nVersion=0.1.0\n";
        let ours = mark(&format!("[Container]\nImage=x\n\n{section}")).unwrap();
        assert_eq!((&ours.app, ours.companion), (&app, true));
        assert_eq!(
            (ours.revision.as_str(), ours.version.as_str()),
            ("12", "0.1.0")
        );
        // The operator may speak of it above.
        let spoken =
            format!("# not [X-Archipelago]\n[Container]\nLabel=[X-Archipelago] x\n{section}");
        assert_eq!(mark(&spoken), Some(ours));
        for foreign in [
            "[Container]\nImage=x\n".to_owned(),
            format!("# {}", section.replace('\n', " ")),
            section.replace("[X-Archipelago]", "[X-Archipelago] x"),
            section.replace("App=web\n", ""),
            section.replace("App=web", "App=../web"),
            section.replace("Revision=12\n", ""),
            section.replace("Version=0.1.0\n", ""),
            section.replace("App=web", "[Install]\nApp=web"),
        ] {
            assert_eq!(mark(&foreign), None, "{foreign}");
        }
        assert_eq!(mark_of(b"[X-Archipelago]\nApp=web\xff"), None);
    }
}
