//! The treatment of each Compose key: one table for the translation and for docs/compose.md.

use compose::Trail;

use crate::manifest::report::Report;

/// The treatment of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It is translated. The note says what else to know.
    Translated(&'static str),
    /// It is ignored, which makes no difference.
    Unneeded(&'static str),
    /// It is ignored, and a warning says so.
    Warned(&'static str),
    /// A file with it is refused.
    Refused(&'static str),
}

use Treatment::{Refused, Translated, Unneeded, Warned};

/// Keys, each with its treatment.
pub type Table = &'static [(&'static str, Treatment)];

const WINDOWS: Treatment = Refused("it is a setting of Windows; remove it");
const SWARM: Treatment = Warned("left out: it is for a cluster of many nodes");
const BUILDER: Treatment = Warned("left out: images are built by Podman, once");
const CACHE: Treatment = Unneeded("Podman keeps the layers of its builds");

/// Keys of a service.
pub const SERVICE: Table = &[
    (
        "annotations",
        Translated(
            "those that the OCI runtime or Podman obey by consent (`--allow annotation:KEY`); of `run.oci.*` and `org.systemd.*` only known ones",
        ),
    ),
    ("attach", Unneeded("logs go to the journal")),
    (
        "blkio_config",
        Translated("needs the control group controller `io` (`archipelago doctor`)"),
    ),
    ("build", Translated("see the keys of `build`")),
    ("cap_add", Translated("")),
    ("cap_drop", Translated("")),
    ("cgroup", Translated("`host` and `private`")),
    (
        "cgroup_parent",
        Refused("systemd gives each container its control group; remove it"),
    ),
    ("command", Translated("")),
    (
        "configs",
        Translated(
            "with `mode`; the file belongs to root in the container, so another `uid` or `gid` gives a warning",
        ),
    ),
    (
        "container_name",
        Translated("one more name on the app's network; the container has its unit's name"),
    ),
    ("cpu_count", WINDOWS),
    ("cpu_percent", WINDOWS),
    ("cpu_period", Translated("")),
    ("cpu_quota", Translated("")),
    (
        "cpu_rt_period",
        Refused("a user's services have no processor time of real-time kind; remove it"),
    ),
    (
        "cpu_rt_runtime",
        Refused("a user's services have no processor time of real-time kind; remove it"),
    ),
    ("cpu_shares", Translated("")),
    ("cpus", Translated("")),
    (
        "cpuset",
        Translated("needs the control group controller `cpuset` (`archipelago doctor`)"),
    ),
    ("credential_spec", WINDOWS),
    (
        "depends_on",
        Translated(
            "`service_started`, `service_healthy` and `service_completed_successfully`, which makes the other service a job (see below)",
        ),
    ),
    ("deploy", Translated("see the keys of `deploy`")),
    ("develop", Unneeded("for work on the image")),
    (
        "device_cgroup_rules",
        Refused("containers of a user have no rules for devices; name the devices under `devices`"),
    ),
    ("devices", Translated("")),
    ("dns", Translated("")),
    ("dns_opt", Translated("")),
    ("dns_search", Translated("")),
    (
        "domainname",
        Warned("left out: the host name of a container has no domain"),
    ),
    ("entrypoint", Translated("")),
    ("env_file", Translated("files in the app's folder")),
    ("environment", Translated("")),
    (
        "expose",
        Unneeded("services of one app reach each other on every port"),
    ),
    ("extends", Translated("")),
    (
        "external_links",
        Refused(
            "a container of another program cannot be reached; require its app with `x-archipelago.requires`",
        ),
    ),
    ("extra_hosts", Translated("")),
    (
        "gpus",
        Translated("those of NVIDIA, by the names that its driver gives them"),
    ),
    ("group_add", Translated("")),
    ("healthcheck", Translated("")),
    ("hostname", Translated("")),
    ("image", Translated("")),
    ("init", Translated("")),
    ("ipc", Translated("`host`, `private` and `shareable`")),
    ("isolation", WINDOWS),
    ("label_file", Translated("files in the app's folder")),
    ("labels", Translated("")),
    (
        "links",
        Translated("the other service has the name on the app's network, for all its services"),
    ),
    ("logging", Warned("left out: logs go to the journal")),
    ("mac_address", Translated("")),
    ("mem_limit", Translated("")),
    ("mem_reservation", Translated("")),
    (
        "mem_swappiness",
        Warned("left out: current kernels have no such limit"),
    ),
    ("memswap_limit", Translated("")),
    ("models", Refused("language models are not run; remove it")),
    (
        "network_mode",
        Translated("`host`, `none`, `service:NAME` and `bridge`, which is the app's own network"),
    ),
    ("networks", Translated("with aliases and static addresses")),
    (
        "oom_kill_disable",
        Warned("left out: current kernels have no such setting"),
    ),
    ("oom_score_adj", Translated("")),
    ("pid", Translated("`host`")),
    ("pids_limit", Translated("")),
    (
        "platform",
        Translated(
            "of an image that is pulled; one that is here is used as it is, and images are built for this machine",
        ),
    ),
    (
        "ports",
        Translated(
            "TCP and UDP; of a range, or without a port of the node, one is chosen at the installation and kept in the intent",
        ),
    ),
    (
        "post_start",
        Translated(
            "in the container once it runs, and healthy if that is awaited; its output goes to the journal; if it fails, or takes more than 4 minutes, the service goes on",
        ),
    ),
    (
        "pre_start",
        Refused(
            "no container is run before another one; make it a service that this one awaits with service_completed_successfully",
        ),
    ),
    (
        "pre_stop",
        Translated(
            "in the container before it is stopped; its output goes to the journal; if it fails, or takes more than a minute, the service stops",
        ),
    ),
    (
        "privileged",
        Translated("all that the operator may do, not more"),
    ),
    (
        "profiles",
        Translated("a service with profiles is left out, with a warning"),
    ),
    (
        "provider",
        Refused("a service without a container is not supported; remove it"),
    ),
    (
        "pull_policy",
        Warned("left out: an image is looked for on the node, then built, then pulled"),
    ),
    (
        "pull_refresh_after",
        Warned("left out: an image is looked for on the node, then built, then pulled"),
    ),
    ("read_only", Translated("")),
    (
        "restart",
        Translated(
            "`always` and `unless-stopped`: systemd always starts the service again; `no` makes a service without ports and health check a job (see below); `on-failure` gives a warning, except for a job",
        ),
    ),
    (
        "runtime",
        Refused("all containers have the node's runtime; remove it"),
    ),
    (
        "scale",
        Translated("only 1: each service has exactly one container"),
    ),
    (
        "secrets",
        Translated(
            "with `target`, `mode`, `uid` and `gid`; one that is a file of the app belongs to root",
        ),
    ),
    (
        "security_opt",
        Translated(
            "`no-new-privileges`, `label=disable` and `seccomp=…`; `apparmor=unconfined` changes nothing, because Podman uses AppArmor only as root",
        ),
    ),
    ("shm_size", Translated("")),
    ("stdin_open", Translated("")),
    ("stop_grace_period", Translated("")),
    ("stop_signal", Translated("")),
    (
        "storage_opt",
        Refused("a container's own files have no limit; remove it"),
    ),
    ("sysctls", Translated("")),
    ("tmpfs", Translated("")),
    ("tty", Translated("")),
    ("ulimits", Translated("")),
    ("umask", Translated("")),
    (
        "use_api_socket",
        Translated(
            "Podman's socket at `/var/run/docker.sock`, by consent: `--allow podman-socket`; without the credentials of registries",
        ),
    ),
    ("user", Translated("")),
    (
        "userns_mode",
        Translated("`auto`, `host`, `keep-id`, `nomap` and `private`"),
    ),
    ("uts", Translated("`host`")),
    (
        "volumes",
        Translated(
            "`volume` (with `nocopy`, without `subpath`), `bind` and `tmpfs`; a path in the app's folder is a folder of its data unless it is there, and one that looks like a file must be there; Docker's socket is that of this user's Podman, by consent: `--allow podman-socket`",
        ),
    ),
    ("volumes_from", Translated("of services of the app")),
    ("working_dir", Translated("")),
];

/// Keys of a service's `build`.
pub const BUILD: Table = &[
    (
        "additional_contexts",
        Refused("an image is built from one folder; copy the others into it"),
    ),
    ("args", Translated("")),
    ("cache_from", CACHE),
    ("cache_to", CACHE),
    (
        "context",
        Translated("the app's folder, one in it or one beside it"),
    ),
    ("dockerfile", Translated("")),
    ("dockerfile_inline", Translated("")),
    (
        "entitlements",
        Refused("a build has no more rights than Podman gives it; remove it"),
    ),
    (
        "extra_hosts",
        Refused("a build has the node's names only; remove it"),
    ),
    ("isolation", WINDOWS),
    (
        "labels",
        Warned("left out: an image of a local build is for this node alone"),
    ),
    (
        "network",
        Refused("a build has Podman's network; remove it"),
    ),
    ("no_cache", CACHE),
    ("no_cache_filter", CACHE),
    ("platforms", BUILDER),
    (
        "privileged",
        Refused("a build has no more rights than Podman gives it; remove it"),
    ),
    ("provenance", BUILDER),
    ("pull", BUILDER),
    ("sbom", BUILDER),
    (
        "secrets",
        Refused("a build has no secrets; give them to the running service"),
    ),
    ("shm_size", BUILDER),
    (
        "ssh",
        Refused("a build has no keys; copy what it needs into its folder"),
    ),
    (
        "tags",
        Warned("left out: an image of a local build is for this node alone"),
    ),
    ("target", Translated("")),
    ("ulimits", BUILDER),
];

/// Keys of a service's `deploy`.
pub const DEPLOY: Table = &[
    ("endpoint_mode", SWARM),
    (
        "labels",
        Unneeded("they are the cluster's, not the container's"),
    ),
    (
        "mode",
        Translated(
            "`replicated` and `global`: one container; `replicated-job` and `global-job`: a job (see below)",
        ),
    ),
    ("placement", SWARM),
    (
        "replicas",
        Translated("only 1: each service has exactly one container"),
    ),
    (
        "resources",
        Translated(
            "`limits` of memory, processors and processes, the reservation of memory, and GPUs of NVIDIA",
        ),
    ),
    (
        "restart_policy",
        Translated(
            "its `condition`, without `restart`: `none` and `on-failure` are those of `restart`",
        ),
    ),
    ("rollback_config", SWARM),
    ("update_config", SWARM),
];

/// Keys of a network at the top of a file.
pub const NETWORK: Table = &[
    (
        "attachable",
        Unneeded("only an app's own services join its network"),
    ),
    ("driver", Translated("`bridge`")),
    (
        "driver_opts",
        Warned("left out: Podman sets the network up"),
    ),
    (
        "enable_ipv4",
        Warned("left out: Podman sets the network up"),
    ),
    ("enable_ipv6", Translated("")),
    (
        "external",
        Translated(
            "by consent: `--allow network:NAME` joins a network that Podman has; not one of an app, whose exports are reached with `x-archipelago.requires`",
        ),
    ),
    ("internal", Translated("")),
    (
        "ipam",
        Translated(
            "the subnets, where a service has a static address; else Podman chooses them, with a warning",
        ),
    ),
    ("labels", Unneeded("the network has Archipelago's labels")),
    (
        "name",
        Warned("left out: the network is named after its app"),
    ),
];

/// Keys of a volume at the top of a file.
pub const VOLUME: Table = &[
    ("driver", Translated("`local`")),
    (
        "driver_opts",
        Translated(
            "`type: none` with `o: bind`: the folder `device`, by consent as any path of this host; `type: tmpfs`; file systems of the network are refused, because only root mounts them",
        ),
    ),
    (
        "external",
        Translated(
            "by consent: `--allow volume:NAME` mounts a volume that Podman has; not one of an app",
        ),
    ),
    ("labels", Unneeded("the volume has Archipelago's labels")),
    (
        "name",
        Warned("left out: the volume is named after its app"),
    ),
];

/// Sections at the top of a file.
pub const TOP: Table = &[
    (
        "configs",
        Translated("from a `file` in the app's folder, a `content`, or a variable (`environment`)"),
    ),
    ("include", Translated("files in the app's folder")),
    (
        "jobs",
        Refused(
            "Compose starts it by hand, and there is no such command here; make it a service with `restart: \"no\"`",
        ),
    ),
    ("models", Unneeded("language models are not run")),
    (
        "name",
        Translated("the app's id, if `x-archipelago.id` is not there"),
    ),
    ("networks", Translated("see the keys of a network")),
    (
        "secrets",
        Translated(
            "those of `x-archipelago.secrets`, without a source; files in the app's folder; variables of `.env` (`environment`), which become Podman's secrets",
        ),
    ),
    ("services", Translated("see the keys of a service")),
    ("version", Warned("obsolete in Compose, and ignored")),
    ("volumes", Translated("see the keys of a volume")),
];

/// Reports a key that has no translation, if it is written. A key that is not in the table is
/// refused.
pub(super) fn left_out(
    report: &mut Report<'_>,
    table: Table,
    above: &Trail,
    key: &str,
    is_written: bool,
) {
    if !is_written {
        return;
    }
    let at = above.key(key);
    let found = table.iter().find(|(name, _)| *name == key);
    match found.map(|(_, treatment)| *treatment) {
        Some(Refused(reason)) => report.error(&at, reason),
        Some(Warned(reason)) => report.warn(&at, reason),
        Some(Translated(_) | Unneeded(_)) => {}
        None => report.error(&at, "this key is not supported; remove it"),
    }
}
