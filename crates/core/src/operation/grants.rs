//! What an app may do on this host beyond what every app may, and the words that agree to it.
//!
//! Every app has its own network, volumes and secrets. A manifest can ask for more: the host's
//! network, its devices, its files, or fewer limits of a container. A person is shown that and
//! agrees to each part by name. Whether an app needs it is not judged here.

mod containerfile;
mod host_path;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use crate::layout::Layout;
use crate::manifest::{
    Files, ImageSource, Manifest, ManifestError, Mount, MountSource, NetworkMode, Service,
    capability,
};

use host_path::Host;

pub use containerfile::BuildOption;
pub use host_path::{HostPath, Shows};

/// Agrees to all that an app asks for.
pub const ALL: &str = "all";

/// What Podman lets every container do inside its user namespace (`default_capabilities` in
/// containers.conf(5)).
const EVERY_CONTAINERS: [&str; 11] = [
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

/// Annotations that the OCI runtime or Podman obey (crun(1)); others are only for people to read.
const OBEYED_ANNOTATIONS: [&str; 5] = [
    "io.kubernetes.",
    "io.podman.",
    "org.criu.",
    "org.systemd.",
    "run.oci.",
];

/// Something that an app may do and that has to be agreed to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    PodmanSocket,
    HostNetwork,
    Path(HostPath),
    /// An option of `security_opt`.
    Security(String),
    /// The groups of the user (`group_add: keep-groups`).
    HostGroups,
    /// Its key.
    Annotation(String),
    /// Without `CAP_`, in capital letters.
    Capability(String),
    Build(BuildOption),
    /// A path, or the name of a device that a driver brings (CDI).
    Device(String),
}

impl Grant {
    /// The word that agrees to it.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::PodmanSocket => "podman-socket".to_owned(),
            Self::HostNetwork => "host-network".to_owned(),
            Self::Path(path) => {
                let end = if path.read_only { ":ro" } else { "" };
                format!("path:{}{end}", path.path.display())
            }
            Self::Security(option) => format!("security:{option}"),
            Self::HostGroups => "host-groups".to_owned(),
            Self::Annotation(key) => format!("annotation:{key}"),
            Self::Capability(name) => format!("capability:{name}"),
            Self::Build(BuildOption::HostNetwork) => "build-host-network".to_owned(),
            Self::Build(BuildOption::Insecure) => "build-insecure".to_owned(),
            Self::Build(BuildOption::Cache) => "build-cache".to_owned(),
            Self::Build(BuildOption::Fetch) => "build-fetch".to_owned(),
            Self::Build(BuildOption::Other(name)) => format!("build-option:{name}"),
            Self::Device(name) => format!("device:{name}"),
        }
    }

    /// Whether one of the words agrees to it. Who may change a path may read it.
    fn is_agreed(&self, words: &BTreeSet<String>) -> bool {
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

    /// The worst has the lowest.
    fn rank(&self) -> u8 {
        match self {
            Self::PodmanSocket => 0,
            Self::Path(path) => match (path.shows, path.read_only) {
                (Shows::Everything, false) => 1,
                (Shows::Podman | Shows::Everything, _) => 2,
                (Shows::Home, _) => 3,
                (Shows::Sockets, _) => 4,
                (Shows::System, _) => 6,
                (Shows::Plain, false) => 13,
                (Shows::Plain, true) => 14,
            },
            Self::HostNetwork => 5,
            Self::Security(_) => 7,
            Self::Capability(_) => 8,
            Self::HostGroups => 9,
            Self::Annotation(_) => 10,
            Self::Build(BuildOption::Cache | BuildOption::Fetch) => 15,
            Self::Build(_) => 11,
            Self::Device(_) => 12,
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
            Self::HostNetwork => formatter.write_str(
                "use this host's network as its own: it reaches what listens on 127.0.0.1, and takes any port that is free",
            ),
            Self::Path(path) => path.fmt(formatter),
            Self::Security(option) => {
                write!(formatter, "run with less protection: {option}")
            }
            Self::HostGroups => formatter
                .write_str("keep this user's groups, and open the devices and files that those may open"),
            Self::Annotation(key) => {
                write!(formatter, "change how its containers are set up: annotation {key}")
            }
            Self::Capability(name) if name == "ALL" => formatter.write_str("use all capabilities"),
            Self::Capability(name) => {
                write!(formatter, "use the capability {name}, which containers do not have")
            }
            Self::Build(BuildOption::HostNetwork) => formatter.write_str(
                "use this host's network while its image is built: it reaches what listens on 127.0.0.1",
            ),
            Self::Build(BuildOption::Insecure) => {
                formatter.write_str("use all capabilities while its image is built")
            }
            Self::Build(BuildOption::Cache) => formatter.write_str(
                "keep files in a cache that the builds of all apps share, and change what others keep there",
            ),
            Self::Build(BuildOption::Fetch) => formatter.write_str(
                "fetch files by way of this host's network when its image is built, also from 127.0.0.1 (ADD of a URL)",
            ),
            Self::Build(BuildOption::Other(name)) => {
                write!(formatter, "build its image with RUN --{name}")
            }
            Self::Device(name) => write!(formatter, "use the device {name}"),
        }
    }
}

/// All that an app may do beyond what every app may, the worst first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

impl Grants {
    /// What an app with this manifest and these files may do. `trails` says where paths lead that
    /// go over links, as in [`Found::trails`](crate::desired::Found).
    #[must_use]
    pub fn of(
        layout: &Layout,
        trails: &BTreeMap<PathBuf, Vec<PathBuf>>,
        manifest: &Manifest,
        files: &Files,
    ) -> Self {
        let host = Host { layout, trails };
        let services = manifest.services.values();
        let all: BTreeSet<Grant> = services
            .flat_map(|service| of_service(&host, service, files))
            .collect();
        let mut grants: Vec<Grant> = all
            .iter()
            .filter(|grant| !all.iter().any(|other| is_part(grant, other)))
            .cloned()
            .collect();
        grants.sort_by_key(Grant::rank);
        // One path may be named in several ways.
        grants.dedup_by_key(|grant| grant.word());
        Self(grants)
    }

    /// The words that agree to each.
    #[must_use]
    pub fn words(&self) -> BTreeSet<String> {
        self.0.iter().map(Grant::word).collect()
    }

    /// Those that none of these words agrees to.
    pub fn beyond<'a>(&'a self, words: &'a BTreeSet<String>) -> impl Iterator<Item = &'a Grant> {
        self.0.iter().filter(|grant| !grant.is_agreed(words))
    }
}

/// Whether a grant is part of another one: reading a path of changing it.
fn is_part(grant: &Grant, other: &Grant) -> bool {
    match (grant, other) {
        (Grant::Path(path), Grant::Path(all)) => {
            path.path == all.path && path.read_only && !all.read_only
        }
        _ => false,
    }
}

/// Refuses what no app may do, whatever a person agrees to. `file` is how the person knows the
/// Compose file.
///
/// # Errors
/// With the first of it.
pub(super) fn refuse_never(
    layout: &Layout,
    trails: &BTreeMap<PathBuf, Vec<PathBuf>>,
    file: &str,
    manifest: &Manifest,
) -> Result<(), ManifestError> {
    let host = Host { layout, trails };
    let mounts = manifest
        .services
        .values()
        .flat_map(|service| &service.mounts);
    for mount in mounts {
        if let MountSource::Host(source) = &mount.source
            && let Some(problem) = host.refuses(manifest.id(), source)
        {
            return Err(ManifestError::new(file, mount.place, &mount.key, problem));
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
        devices,
        network,
        label_disable,
        seccomp,
        // These stay inside the container and the app's own network and folders. Rootless, all
        // user namespaces that a manifest can name give the same rights on the host.
        command: _,
        entrypoint: _,
        environment: _,
        environment_secrets: _,
        ports: _,
        secrets: _,
        depends_on: _,
        health: _,
        labels: _,
        user: _,
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
    } = service;
    let mut grants = Vec::new();
    if *network == NetworkMode::Host {
        grants.push(Grant::HostNetwork);
    }
    grants.extend(mounts.iter().filter_map(|mount| of_mount(host, mount)));
    if *label_disable {
        grants.push(Grant::Security("label=disable".to_owned()));
    }
    let profile = seccomp.iter();
    grants.extend(profile.map(|profile| Grant::Security(format!("seccomp={profile}"))));
    if group_add.iter().any(|group| group == "keep-groups") {
        grants.push(Grant::HostGroups);
    }
    let obeyed = annotations.keys().filter(|key| {
        let mut prefixes = OBEYED_ANNOTATIONS.iter();
        prefixes.any(|prefix| key.starts_with(prefix))
    });
    grants.extend(obeyed.cloned().map(Grant::Annotation));
    let capabilities = cap_add.iter().map(|name| capability(name));
    let more = capabilities.filter(|name| !EVERY_CONTAINERS.contains(&name.as_str()));
    grants.extend(more.map(Grant::Capability));
    grants.extend(devices.iter().map(|device| device_of(device)));
    if let ImageSource::Build(build) = image
        && let Some((_, file)) = build.containerfile(files)
    {
        let text = String::from_utf8_lossy(&file.content);
        let options = containerfile::options(&text).into_iter();
        grants.extend(options.map(Grant::Build));
    }
    grants
}

fn of_mount(host: &Host<'_>, mount: &Mount) -> Option<Grant> {
    let MountSource::Host(source) = &mount.source else {
        return None;
    };
    let path = host.path(source, mount.read_only);
    Some(match path.shows {
        Shows::Podman => Grant::PodmanSocket,
        _ => Grant::Path(path),
    })
}

/// A device as the host knows it: without its path and permissions in the container.
fn device_of(device: &str) -> Grant {
    let path = device.split(':').next().unwrap_or(device);
    Grant::Device(if device.starts_with('/') {
        path.to_owned()
    } else {
        device.to_owned()
    })
}
