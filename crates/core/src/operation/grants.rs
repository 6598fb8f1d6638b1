//! The grants of an app: its rights on this host beyond those of every app.
//!
//! Every app has its own network, volumes and secrets. A manifest can ask for more: the host's
//! network, its devices, its files, or fewer limits for a container. A person sees each such grant
//! and agrees to it by its word. Whether an app needs a grant is not judged here.

mod build_right;
mod host_path;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use crate::desired::HostFacts;
use crate::layout::Layout;
use crate::manifest::{
    AppNetwork, Files, ImageSource, Joint, Manifest, ManifestError, ManifestErrors, Mount,
    MountSource, Namespace, NetworkMode, Obeyed, Service, capability, obeyed,
};
use crate::name::AppId;

use host_path::Host;

pub use build_right::BuildRight;
pub use host_path::{Exposure, HostPath, IfMissing};

/// The word that agrees to every grant.
pub const ALL: &str = "all";

/// The capabilities that Podman gives to every container (`default_capabilities` in
/// containers.conf(5)).
const DEFAULT_CAPABILITIES: [&str; 11] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// A right on the host that a person must agree to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    PodmanSocket,
    /// All capabilities and devices (`privileged`).
    Privileged,
    HostNetwork,
    /// A network of Podman's that is no app's.
    Network(String),
    /// A volume of Podman's that is no app's.
    Volume(String),
    HostNamespace(Namespace),
    Path(HostPath),
    /// An option of `security_opt`.
    Security(String),
    /// The groups of the user (`group_add: keep-groups`).
    HostGroups,
    /// The key of the annotation.
    Annotation(String),
    /// Without `CAP_`, in capital letters.
    Capability(String),
    Build(BuildRight),
    /// A path, or the name that a driver gives to a device (CDI).
    Device(String),
    /// A secret that another app exports.
    OtherSecret {
        app: AppId,
        name: String,
    },
    /// A file that another app exports.
    OtherFile {
        app: AppId,
        name: String,
    },
    /// A script of a store, by its path in the app's folder.
    Script(String),
}

impl Grant {
    /// The word that agrees to it.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::PodmanSocket => "podman-socket".to_owned(),
            Self::Privileged => "privileged".to_owned(),
            Self::HostNetwork => "host-network".to_owned(),
            Self::Network(name) => format!("network:{name}"),
            Self::Volume(name) => format!("volume:{name}"),
            Self::HostNamespace(Namespace::Pid) => "host-pid".to_owned(),
            Self::HostNamespace(Namespace::Ipc) => "host-ipc".to_owned(),
            Self::HostNamespace(Namespace::Uts) => "host-uts".to_owned(),
            Self::HostNamespace(Namespace::Cgroup) => "host-cgroup".to_owned(),
            Self::Path(path) => {
                let end = if path.read_only { ":ro" } else { "" };
                format!("path:{}{end}", path.path.display())
            }
            Self::Security(option) => format!("security:{option}"),
            Self::HostGroups => "host-groups".to_owned(),
            Self::Annotation(key) => format!("annotation:{key}"),
            Self::Capability(name) => format!("capability:{name}"),
            Self::Build(BuildRight::HostNetwork) => "build-host-network".to_owned(),
            Self::Build(BuildRight::Insecure) => "build-insecure".to_owned(),
            Self::Build(BuildRight::Cache) => "build-cache".to_owned(),
            Self::Build(BuildRight::Fetch) => "build-fetch".to_owned(),
            Self::Build(BuildRight::Other(name)) => format!("build-option:{name}"),
            Self::Device(name) => format!("device:{name}"),
            Self::OtherSecret { app, name } => format!("secret:{app}/{name}"),
            Self::OtherFile { app, name } => format!("file:{app}/{name}"),
            Self::Script(path) => format!("script:{path}"),
        }
    }

    /// Whether one of the words allows it. The right to change a path includes reading it.
    fn is_allowed_by(&self, words: &BTreeSet<String>) -> bool {
        let writable = match self {
            Self::Path(path) => Some(Self::Path(HostPath {
                read_only: false,
                ..path.clone()
            })),
            _ => None,
        };
        let all = std::iter::once(self).chain(&writable);
        all.map(Self::word).any(|word| words.contains(&word))
    }

    /// The order in which grants are shown; the worst has the lowest rank.
    fn rank(&self) -> u8 {
        match self {
            Self::PodmanSocket => 0,
            Self::Path(path) => match (path.exposes, path.read_only) {
                (Exposure::Everything, false) => 1,
                (Exposure::Everything, true) => 3,
                (Exposure::Home, _) => 4,
                (Exposure::Sockets, _) => 5,
                (Exposure::System, _) => 8,
                (Exposure::Plain, false) => 15,
                (Exposure::Plain, true) => 16,
            },
            Self::Privileged => 2,
            Self::HostNetwork | Self::OtherSecret { .. } | Self::OtherFile { .. } => 6,
            Self::Network(_) | Self::Volume(_) => 8,
            Self::HostNamespace(Namespace::Pid | Namespace::Ipc) => 7,
            Self::Security(_) => 9,
            Self::Capability(_) => 10,
            Self::HostGroups => 11,
            Self::Annotation(_) => 12,
            Self::Build(BuildRight::Cache | BuildRight::Fetch) => 17,
            Self::Build(_) => 13,
            Self::Device(_) => 14,
            Self::HostNamespace(Namespace::Uts | Namespace::Cgroup) => 18,
            Self::Script(_) => 19,
        }
    }
}

/// Completes "it may …".
impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PodmanSocket => formatter.write_str(
                "control all containers of this user through Podman's socket, so it may do all that this user may",
            ),
            Self::Privileged => formatter.write_str(
                "use all capabilities and devices of this user, without the usual protection",
            ),
            Self::HostNamespace(Namespace::Pid) => formatter.write_str(
                "see all programs of this host, end those of this user, and read the variables and files of other apps",
            ),
            Self::HostNamespace(Namespace::Ipc) => formatter.write_str(
                "read and change the memory that programs of this user share with each other",
            ),
            Self::HostNamespace(Namespace::Uts) => {
                formatter.write_str("use this host's name as its own")
            }
            Self::HostNamespace(Namespace::Cgroup) => {
                formatter.write_str("see which services of this host use how much")
            }
            Self::HostNetwork => formatter.write_str(
                "use this host's network as its own: it can reach every program that listens on 127.0.0.1, and use any free port",
            ),
            Self::Network(name) => write!(
                formatter,
                "join Podman's network {name}: it and every container there can reach each other"
            ),
            Self::Volume(name) => write!(
                formatter,
                "read and change what is in Podman's volume {name}, which is no app's"
            ),
            Self::Path(path) => path.fmt(formatter),
            Self::Security(option) => {
                write!(formatter, "run with less protection: {option}")
            }
            Self::HostGroups => formatter
                .write_str("use this user's groups, and the devices and files that these can open"),
            Self::Annotation(key) => {
                write!(formatter, "change how its containers are set up: annotation {key}")
            }
            Self::Capability(name) if name == "ALL" => formatter.write_str("use all capabilities"),
            Self::Capability(name) => {
                write!(formatter, "use the capability {name}, which containers do not have by default")
            }
            Self::Build(BuildRight::HostNetwork) => formatter.write_str(
                "use this host's network while its image is built: it can reach every program that listens on 127.0.0.1",
            ),
            Self::Build(BuildRight::Insecure) => {
                formatter.write_str("use all capabilities while its image is built")
            }
            Self::Build(BuildRight::Cache) => formatter.write_str(
                "use a cache that the builds of all apps share, and change the files of other apps in it",
            ),
            Self::Build(BuildRight::Fetch) => formatter.write_str(
                "fetch files over this host's network while its image is built, also from 127.0.0.1 (ADD of a URL)",
            ),
            Self::Build(BuildRight::Other(name)) => {
                write!(formatter, "build its image with RUN --{name}")
            }
            Self::Device(name) => write!(formatter, "use the device {name}"),
            Self::OtherSecret { app, name } => write!(
                formatter,
                "use the secret {name} of {app}, and there all rights that go with it"
            ),
            Self::OtherFile { app, name } => write!(
                formatter,
                "read the file {name} of {app}, and use there all rights that go with it"
            ),
            Self::Script(path) => write!(
                formatter,
                "run its script {path} at each start, in a container without network that sees only the app's own files"
            ),
        }
    }
}

/// All grants of an app, the worst first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

impl Grants {
    /// The grants that this manifest asks for. `files` is the app's definition.
    #[must_use]
    pub fn of(layout: &Layout, found: &HostFacts, manifest: &Manifest, files: &Files) -> Self {
        let host = Host { layout, found };
        let services = manifest.services.values();
        let all: BTreeSet<Grant> = services
            .flat_map(|service| of_service(&host, service, files))
            .chain(of_networks(manifest))
            .chain(of_others(manifest))
            .collect();
        let mut grants: Vec<Grant> = all
            .iter()
            .filter(|grant| !all.iter().any(|other| is_part(grant, other)))
            .cloned()
            .collect();
        grants.sort_by_key(Grant::rank);
        // A manifest may name one path in several ways.
        grants.dedup_by_key(|grant| grant.word());
        Self(grants)
    }

    /// The paths of this host that are not there, without those that these words agree to.
    pub(super) fn missing_paths<'a>(
        &'a self,
        words: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = (&'a Path, IfMissing)> {
        self.beyond(words).filter_map(|grant| match grant {
            Grant::Path(path) => Some((path.written(), path.if_missing?)),
            _ => None,
        })
    }

    /// The words that agree to all of them.
    #[must_use]
    pub fn words(&self) -> BTreeSet<String> {
        self.0.iter().map(Grant::word).collect()
    }

    /// The grants that none of these words agrees to.
    pub fn beyond<'a>(&'a self, words: &'a BTreeSet<String>) -> impl Iterator<Item = &'a Grant> {
        self.0.iter().filter(|grant| !grant.is_allowed_by(words))
    }
}

/// Whether another grant includes this one: changing a path includes reading it.
fn is_part(grant: &Grant, other: &Grant) -> bool {
    match (grant, other) {
        (Grant::Path(path), Grant::Path(all)) => {
            path.path == all.path && path.read_only && !all.read_only
        }
        _ => false,
    }
}

/// Refuses a mount that no app may have, whatever a person agrees to.
///
/// # Errors
/// At the first such mount.
pub(super) fn refuse_never(
    layout: &Layout,
    found: &HostFacts,
    manifest: &Manifest,
) -> Result<(), ManifestErrors> {
    let host = Host { layout, found };
    let mounts = manifest
        .services
        .values()
        .flat_map(|service| &service.mounts);
    for mount in mounts {
        if let MountSource::Host(source) = &mount.source
            && let Some(problem) = host.refuses(manifest.id(), &host.on_host(source))
        {
            let Mount {
                file, place, key, ..
            } = mount;
            return Err(ManifestError::new(file, *place, key, problem).into());
        }
    }
    Ok(())
}

fn of_service(host: &Host<'_>, service: &Service, files: &Files) -> Vec<Grant> {
    let Service {
        image,
        mounts,
        annotations,
        group_add,
        cap_add,
        privileged,
        devices,
        network,
        host_namespaces,
        label_disable,
        seccomp,
        post_start,
        pre_stop,
        script,
        platform: _,
        // These stay inside the container and the app's own network and folders. Rootless, all
        // user namespaces that a manifest can name give the same rights on the host.
        command: _,
        entrypoint: _,
        environment: _,
        environment_secrets: _,
        ports: _,
        secrets: _,
        depends_on: _,
        job: _,
        health: _,
        labels: _,
        user: _,
        data_owner: _,
        working_dir: _,
        hostname: _,
        stop_grace_period: _,
        stop_signal: _,
        init: _,
        read_only: _,
        tmpfs: _,
        cap_drop: _,
        extra_hosts: _,
        dns: _,
        dns_search: _,
        dns_options: _,
        ulimits: _,
        sysctls: _,
        shm_bytes: _,
        no_new_privileges: _,
        pids_limit: _,
        userns: _,
        // Those that are not the app's own are in its manifest.
        networks: _,
        aliases: _,
        limits: _,
        umask: _,
        tty: _,
        stdin_open: _,
    } = service;
    let mut grants = Vec::new();
    let mut hooks = post_start.iter().chain(pre_stop);
    if *privileged || hooks.any(|hook| hook.privileged) {
        grants.push(Grant::Privileged);
    }
    grants.extend(host_namespaces.iter().copied().map(Grant::HostNamespace));
    if *network == NetworkMode::Host {
        grants.push(Grant::HostNetwork);
    }
    grants.extend(script.iter().cloned().map(Grant::Script));
    grants.extend(mounts.iter().filter_map(|mount| of_mount(host, mount)));
    if *label_disable {
        grants.push(Grant::Security("label=disable".to_owned()));
    }
    let profile = seccomp.iter();
    grants.extend(profile.map(|profile| Grant::Security(format!("seccomp={profile}"))));
    if group_add.iter().any(|group| group == "keep-groups") {
        grants.push(Grant::HostGroups);
    }
    let annotations = annotations.keys();
    let by_consent = annotations.filter(|key| obeyed(key) == Some(Obeyed::ByConsent));
    grants.extend(by_consent.cloned().map(Grant::Annotation));
    let capabilities = cap_add.iter().map(|name| capability(name));
    let more = capabilities.filter(|name| !DEFAULT_CAPABILITIES.contains(&name.as_str()));
    grants.extend(more.map(Grant::Capability));
    grants.extend(devices.iter().map(|device| device_of(device)));
    if let ImageSource::Build(build) = image
        && let Some((_, file)) = build.containerfile(files)
    {
        let text = String::from_utf8_lossy(&file.content);
        let rights = build_right::of_containerfile(&text).into_iter();
        grants.extend(rights.map(Grant::Build));
    }
    grants
}

fn of_networks(manifest: &Manifest) -> impl Iterator<Item = Grant> {
    let networks = manifest.networks.values();
    networks.filter_map(|network| match network {
        AppNetwork::External(name) => Some(Grant::Network(name.clone())),
        AppNetwork::Own(_) => None,
    })
}

fn of_others(manifest: &Manifest) -> impl Iterator<Item = Grant> {
    let secrets = manifest.extension.secrets.values();
    let joints = secrets.flat_map(|secret| secret.joints());
    joints.filter_map(|joint| match joint.clone() {
        Joint::OtherSecret { app, name } => Some(Grant::OtherSecret { app, name }),
        Joint::OtherFile { app, name } => Some(Grant::OtherFile { app, name }),
        Joint::Text(_) | Joint::Setting(_) | Joint::Secret(_) => None,
    })
}

fn of_mount(host: &Host<'_>, mount: &Mount) -> Option<Grant> {
    match &mount.source {
        MountSource::Host(source) => {
            let path = host.path(&host.on_host(source), mount.read_only);
            Some(path.map_or(Grant::PodmanSocket, Grant::Path))
        }
        MountSource::PodmanSocket => Some(Grant::PodmanSocket),
        MountSource::External(name) => Some(Grant::Volume(name.clone())),
        // The app's own.
        MountSource::Volume(_)
        | MountSource::Definition(_)
        | MountSource::Config { .. }
        | MountSource::Data(_) => None,
    }
}

/// The device on the host, without its path and permissions in the container.
fn device_of(device: &str) -> Grant {
    let path = device.split(':').next().unwrap_or(device);
    Grant::Device(if device.starts_with('/') {
        path.to_owned()
    } else {
        device.to_owned()
    })
}
