//! The version of Podman whose Quadlet was the first to know each key of our units, and the options
//! that stand in for keys that are newer than the oldest supported version.
//!
//! Source: the tables of keys in Quadlet's source (pkg/systemd/quadlet/quadlet.go), tag by tag.

/// Major and minor.
pub type Version = (u32, u32);

/// A section of a unit, with its keys.
pub type Section = (&'static str, &'static [(&'static str, Version)]);

/// The sections that Quadlet reads. The others are systemd's.
pub const SECTIONS: [Section; 3] = [
    ("Container", CONTAINER),
    ("Volume", VOLUME),
    ("Network", NETWORK),
];

const CONTAINER: &[(&str, Version)] = &[
    ("AddCapability", (4, 4)),
    ("AddDevice", (4, 4)),
    ("Annotation", (4, 4)),
    ("ContainerName", (4, 4)),
    ("DNS", (4, 7)),
    ("DNSOption", (4, 7)),
    ("DNSSearch", (4, 7)),
    ("DropCapability", (4, 4)),
    ("Environment", (4, 4)),
    ("Exec", (4, 4)),
    ("HealthCmd", (4, 5)),
    ("HealthInterval", (4, 5)),
    ("HealthRetries", (4, 5)),
    ("HealthStartPeriod", (4, 5)),
    ("HealthStartupCmd", (4, 5)),
    ("HealthStartupInterval", (4, 5)),
    ("HealthTimeout", (4, 5)),
    ("HostName", (4, 6)),
    ("Image", (4, 4)),
    ("Label", (4, 4)),
    ("LogDriver", (4, 5)),
    ("Network", (4, 4)),
    ("NoNewPrivileges", (4, 4)),
    ("PidsLimit", (4, 7)),
    ("PodmanArgs", (4, 4)),
    ("PublishPort", (4, 4)),
    ("Pull", (4, 6)),
    ("ReadOnly", (4, 4)),
    ("RunInit", (4, 4)),
    ("SeccompProfile", (4, 4)),
    ("Secret", (4, 5)),
    ("SecurityLabelDisable", (4, 5)),
    ("ShmSize", (4, 7)),
    ("Sysctl", (4, 6)),
    ("Tmpfs", (4, 5)),
    ("Ulimit", (4, 7)),
    ("User", (4, 4)),
    ("UserNS", (4, 5)),
    ("Volume", (4, 4)),
    ("WorkingDir", (4, 6)),
];

const VOLUME: &[(&str, Version)] = &[
    ("Device", (4, 4)),
    ("Label", (4, 4)),
    ("Options", (4, 4)),
    ("Type", (4, 4)),
    ("VolumeName", (4, 7)),
];

const NETWORK: &[(&str, Version)] = &[
    ("Gateway", (4, 4)),
    ("IPRange", (4, 4)),
    ("IPv6", (4, 4)),
    ("Internal", (4, 4)),
    ("Label", (4, 4)),
    ("NetworkName", (4, 7)),
    ("Options", (4, 4)),
    ("Subnet", (4, 4)),
];

/// Options of `podman run` that are older than Quadlet's own keys for them. Each is written as
/// `PodmanArgs=`, because a key that Quadlet does not know costs the whole unit.
pub const INSTEAD_OF_KEYS: [(&str, &str, Version); 7] = [
    ("--add-host", "AddHost", (5, 3)),
    ("--entrypoint", "Entrypoint", (5, 0)),
    ("--group-add", "GroupAdd", (5, 1)),
    ("--memory", "Memory", (5, 5)),
    ("--sdnotify", "Notify=healthy", (5, 0)),
    ("--stop-signal", "StopSignal", (5, 2)),
    ("--stop-timeout", "StopTimeout", (5, 0)),
];
