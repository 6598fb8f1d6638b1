//! What an app may do on this machine beyond what every app may do, and which word agrees to it.
//!
//! Every app has its own network, volumes and secrets. A Compose file can ask for more: the machine's network, its devices, its
//! files, or fewer walls around a container. A person is shown that, and agrees to each of it by name. It is not judged here
//! whether an app needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use crate::layout::Layout;
use crate::manifest::{Manifest, Mount, MountSource, NetworkMode, Service};

/// What Podman lets every container do inside its own user namespace (`default_capabilities` in containers.conf(5)).
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

/// Something that an app may do and that has to be agreed to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    HostNetwork,
    /// Without `CAP_`, in capital letters.
    Capability(String),
    /// A path below /dev, or the name of a device that a driver brings (CDI).
    Device(String),
    Mount {
        /// As the app names it.
        path: PathBuf,
        read_only: bool,
        shows: Shown,
    },
    /// An option that takes a wall away: its key in compose.yaml, and which it is.
    Option(String),
}

/// Why a mount of a path of this machine has to be agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// The user's own files, or those of Archipelago: keys, settings, data and secrets of other apps.
    Own,
    /// Sockets, by which programs of the user or the system are told what to do.
    Sockets,
    /// The kernel's own files and the devices.
    System,
}

impl Grant {
    /// The word that agrees to it: what `--allow` takes.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::HostNetwork => "network=host".to_owned(),
            Self::Capability(name) => format!("capability={name}"),
            Self::Device(name) => format!("device={name}"),
            Self::Mount {
                path,
                read_only,
                shows: _,
            } => {
                let end = if *read_only { ":ro" } else { "" };
                format!("mount={}{end}", path.display())
            }
            Self::Option(option) => option.clone(),
        }
    }
}

/// Completes "it may …".
impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostNetwork => formatter.write_str(
                "use this machine's network as its own: it reaches what listens on 127.0.0.1, and other apps' published ports",
            ),
            Self::Capability(name) => {
                write!(formatter, "use the capability {name}, which containers do not have")
            }
            Self::Device(name) => write!(formatter, "use the device {name}"),
            Self::Mount {
                path,
                read_only,
                shows,
            } => {
                let verb = if *read_only { "read" } else { "read and change" };
                write!(formatter, "{verb} {}, {shows}", path.display())
            }
            Self::Option(option) => {
                write!(formatter, "run with {option}, which takes protection away")
            }
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Own => "where this user's own files, or data and secrets of other apps, are",
            Self::Sockets => {
                "through which programs of this user or of the system can be controlled"
            }
            Self::System => "where the kernel and the devices are",
        })
    }
}

/// What an app may do. `trails` says where paths lead that go over links, as [`Found::trails`](crate::desired::Found).
#[must_use]
pub fn of(
    layout: &Layout,
    trails: &BTreeMap<PathBuf, Vec<PathBuf>>,
    manifest: &Manifest,
) -> BTreeSet<Grant> {
    let services = manifest.services.values();
    services
        .flat_map(|service| {
            let mounts = service.mounts.iter();
            let mounts = mounts.filter_map(|mount| of_mount(layout, trails, mount));
            of_service(service).into_iter().chain(mounts)
        })
        .collect()
}

/// Those that none of the words agrees to.
#[must_use]
pub fn not_agreed<'a>(grants: &'a BTreeSet<Grant>, words: &BTreeSet<String>) -> Vec<&'a Grant> {
    let left = grants.iter();
    left.filter(|grant| !words.contains(&grant.word()))
        .collect()
}

fn of_service(service: &Service) -> Vec<Grant> {
    let mut grants = Vec::new();
    if service.network == NetworkMode::Host {
        grants.push(Grant::HostNetwork);
    }
    let more = service.cap_add.iter().map(|name| capability(name));
    let more = more.filter(|name| !EVERY_CONTAINERS.contains(&name.as_str()));
    grants.extend(more.map(Grant::Capability));
    grants.extend(service.devices.iter().map(|device| {
        let path = device.starts_with('/').then(|| device.split(':').next());
        Grant::Device(path.flatten().unwrap_or(device).to_owned())
    }));
    grants.extend(options(service).into_iter().map(Grant::Option));
    grants
}

fn capability(name: &str) -> String {
    let name = name.to_uppercase();
    name.strip_prefix("CAP_").map(str::to_owned).unwrap_or(name)
}

fn options(service: &Service) -> Vec<String> {
    let mut options = Vec::new();
    if service.label_disable {
        options.push("security_opt=label=disable".to_owned());
    }
    if let Some(profile) = &service.seccomp {
        options.push(format!("security_opt=seccomp={profile}"));
    }
    // The groups of this user, such as those that may open disks or Docker's socket.
    let kept = service
        .group_add
        .iter()
        .filter(|group| *group == "keep-groups");
    options.extend(kept.map(|group| format!("group_add={group}")));
    // By these the OCI runtime is told to do such things as well (crun(1)).
    let told = service.annotations.keys();
    let told = told.filter(|name| name.starts_with("run.oci."));
    options.extend(told.map(|name| format!("annotations={name}")));
    // The namespace of another container.
    let joined = service.userns.iter();
    let joined = joined.filter(|mode| mode.starts_with("container:") || mode.starts_with("ns:"));
    options.extend(joined.map(|mode| format!("userns_mode={mode}")));
    options
}

fn of_mount(
    layout: &Layout,
    trails: &BTreeMap<PathBuf, Vec<PathBuf>>,
    mount: &Mount,
) -> Option<Grant> {
    let MountSource::Host(source) = &mount.source else {
        return None;
    };
    // Without double slashes and single dots.
    let path: PathBuf = Path::new(source).components().collect();
    let own = [path.clone()];
    let mut points = trails.get(&path).into_iter().flatten().chain(&own);
    let shows = points.find_map(|point| shown(layout, point))?;
    Some(Grant::Mount {
        path,
        read_only: mount.read_only,
        shows,
    })
}

/// What a path of this machine shows to a container that mounts it.
fn shown(layout: &Layout, path: &Path) -> Option<Shown> {
    let Layout {
        config,
        data,
        units,
        systemd,
        runtime,
    } = layout;
    let is_in = |folders: &[&Path]| folders.iter().any(|folder| path.starts_with(folder));
    let is_socket = path
        .extension()
        .is_some_and(|extension| extension == "sock" || extension == "socket");
    if is_socket || is_in(&[runtime, Path::new("/run"), Path::new("/var/run")]) {
        return Some(Shown::Sockets);
    }
    if is_in(&["/dev", "/proc", "/sys"].map(Path::new)) {
        return Some(Shown::System);
    }
    let own = [config, data, units, systemd].map(PathBuf::as_path);
    let home = home(units);
    let holds = own
        .iter()
        .copied()
        .chain(home)
        .any(|folder| folder.starts_with(path));
    let is_hidden = home
        .and_then(|home| path.strip_prefix(home).ok())
        .is_some_and(|inside| inside.components().any(is_dotted));
    (holds || is_hidden || is_in(&own)).then_some(Shown::Own)
}

/// The user's home: what is above the first hidden folder of where Quadlet looks (`~/.config/containers/systemd`).
fn home(units: &Path) -> Option<&Path> {
    let hidden = units.ancestors().filter(|folder| {
        let last = folder.components().next_back();
        last.is_some_and(is_dotted)
    });
    hidden.last()?.parent()
}

fn is_dotted(component: Component<'_>) -> bool {
    matches!(component, Component::Normal(name) if name.as_encoded_bytes().starts_with(b"."))
}
