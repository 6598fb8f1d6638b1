//! The needs of a container beyond its image and its data (devices, limits, an architecture that
//! runs its programs), and a host's offer of these.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The needs of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Devices of the host by their paths.
    pub devices: BTreeSet<PathBuf>,
    /// The limits that it asks for, by `setrlimit(2)`'s names as Podman writes them: `nofile`,
    /// `memlock`.
    pub limits: BTreeMap<String, Limit>,
    /// External networks (networks of Podman that belong to no app), by name.
    pub networks: BTreeSet<String>,
    /// Volumes of Podman's that are no app's, by name.
    pub volumes: BTreeSet<String>,
    /// The controllers of control groups that its limits need.
    pub controllers: BTreeSet<Controller>,
}

/// A controller of control groups (cgroups(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    Cpu,
    Cpuset,
    Io,
    Memory,
    Pids,
}

impl Controller {
    pub const ALL: [Self; 5] = [Self::Cpu, Self::Cpuset, Self::Io, Self::Memory, Self::Pids];

    /// The kernel's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuset => "cpuset",
            Self::Io => "io",
            Self::Memory => "memory",
            Self::Pids => "pids",
        }
    }
}

impl Needs {
    /// From Compose's `devices` and from `ulimits` as Podman writes them. What is no path is a
    /// device that a driver brings (CDI), of which the disk tells nothing.
    #[must_use]
    pub fn of(devices: &[String], ulimits: &[String]) -> Self {
        let host = |device: &String| device.split(':').next().map(PathBuf::from);
        let limit = |text: &String| {
            let (name, limit) = text.split_once('=')?;
            let (soft, hard) = limit.split_once(':').unwrap_or((limit, limit));
            // Anything below zero stands for as much as is allowed.
            let number = |text: &str| Some(u64::try_from(text.parse::<i64>().ok()?).ok());
            let (soft, hard) = (number(soft)?, number(hard)?);
            Some((name.to_owned(), Limit { soft, hard }))
        };
        let devices = devices.iter().filter_map(host);
        Self {
            devices: devices.filter(|path| path.is_absolute()).collect(),
            limits: ulimits.iter().filter_map(limit).collect(),
            ..Self::default()
        }
    }
}

/// A limit as Compose has it. `None` is as much as is allowed (`-1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub soft: Option<u64>,
    pub hard: Option<u64>,
}

/// The offers of a host. A need without an offer is not judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    pub devices: BTreeMap<PathBuf, Device>,
    /// The most that a service of this user may have of each limit; `None` when there is no bound.
    pub limits: BTreeMap<String, Option<u64>>,
    /// The images that are here and whose programs this machine cannot run, with the architecture
    /// that they are for (`arm64`).
    pub foreign_images: BTreeMap<String, String>,
    /// The images that are not here, with the architectures that their registries have them
    /// for. An image that a registry has for one kind only is not among them: the registry does not
    /// tell that kind before it sends the image.
    pub registry_images: BTreeMap<String, BTreeSet<String>>,
    /// The controllers that services of this user have.
    pub controllers: Option<BTreeSet<Controller>>,
    /// The external networks that Podman does not have.
    pub missing_networks: BTreeSet<String>,
    /// The same of volumes.
    pub missing_volumes: BTreeSet<String>,
    /// This machine's architecture, in the same words.
    pub architecture: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Usable,
    Missing,
    /// This user may not open it.
    Closed,
}
