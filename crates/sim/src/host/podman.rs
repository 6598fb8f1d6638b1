//! Podman: its objects with their labels, and whether its socket answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use archipelago_core::observed::{self, PodmanNetwork, PodmanView};

/// An object of Podman: an image, container, network, volume or secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// The label of ownership: `archipelago.app`, or `archipelago.built-for` of an image.
    pub label: Option<String>,
    /// The folder of a volume; `None` if the volume is in Podman's own storage.
    pub folder: Option<PathBuf>,
    /// The label of a secret's revision.
    pub revision: String,
    /// The content of a secret.
    pub text: String,
    /// Whether a network is isolated from all others.
    pub isolated: bool,
    /// The networks that a container joined.
    pub networks: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Answers,
    /// The socket is gone from the disk; a restart of `podman.socket` makes it anew.
    SocketGone,
    /// Podman does not answer, and no action of Archipelago changes that.
    Dead,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable;

impl fmt::Display for Unreachable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("connect to Podman's socket: connection refused")
    }
}

impl std::error::Error for Unreachable {}

/// Why a network was not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalError {
    Unreachable,
    InUse(String),
}

impl fmt::Display for RemovalError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => formatter.write_str("remove a network: connection refused"),
            Self::InUse(network) => write!(formatter, "remove a network: {network} is in use"),
        }
    }
}

impl std::error::Error for RemovalError {}

/// All objects, by name.
#[derive(Clone, Debug, Default)]
pub struct Podman {
    pub images: BTreeMap<String, Object>,
    pub containers: BTreeMap<String, Object>,
    pub networks: BTreeMap<String, Object>,
    pub volumes: BTreeMap<String, Object>,
    pub secrets: BTreeMap<String, Object>,
    pub reach: Reach,
    /// Whether the process that resolves the containers' names was killed. The next start of a
    /// container starts it again.
    pub resolver_is_gone: bool,
    /// Counts changes of images, networks, volumes and secrets, which Podman's files on disk show.
    pub changes: u64,
}

impl Podman {
    /// The objects as Podman lists them over its socket.
    pub fn view(&self) -> Result<PodmanView, Unreachable> {
        if self.reach != Reach::Answers {
            return Err(Unreachable);
        }
        let owned = |objects: &BTreeMap<String, Object>| {
            let owner = |name: &str, object: &Object| observed::owner(name, object.label.as_ref()?);
            objects
                .iter()
                .map(|(name, object)| (name.clone(), owner(name, object)))
                .collect()
        };
        Ok(PodmanView {
            architectures: BTreeMap::new(),
            images: self
                .images
                .iter()
                .map(|(name, image)| {
                    let label = image.label.as_ref();
                    let built = label.and_then(|label| observed::built_for(name, label));
                    (name.clone(), built)
                })
                .collect(),
            containers: owned(&self.containers),
            networks: self
                .networks
                .iter()
                .map(|(name, network)| (name.clone(), self.network_view(name, network)))
                .collect(),
            volumes: owned(&self.volumes),
            secrets: self
                .secrets
                .iter()
                .map(|(name, secret)| {
                    let owner = secret
                        .label
                        .as_ref()
                        .and_then(|label| observed::owner(name, label))
                        .map(|app| (app, secret.revision.clone()));
                    (name.clone(), owner)
                })
                .collect(),
        })
    }

    fn network_view(&self, name: &str, network: &Object) -> PodmanNetwork {
        let label = network.label.as_ref();
        PodmanNetwork {
            owner: label.and_then(|label| observed::owner(name, label)),
            isolated: network.isolated,
            containers: self.joined(name).cloned().collect(),
        }
    }

    /// The containers that joined a network.
    pub fn joined<'a>(&'a self, network: &'a str) -> impl Iterator<Item = &'a String> {
        let containers = self.containers.iter();
        let joined = containers.filter(move |(_, container)| container.networks.contains(network));
        joined.map(|(name, _)| name)
    }

    /// The objects of a kind: "image", "container", "network", "volume" or "secret".
    pub fn objects(&self, kind: &str) -> &BTreeMap<String, Object> {
        match kind {
            "image" => &self.images,
            "container" => &self.containers,
            "network" => &self.networks,
            "volume" => &self.volumes,
            _ => &self.secrets,
        }
    }

    pub fn objects_mut(&mut self, kind: &str) -> &mut BTreeMap<String, Object> {
        match kind {
            "image" => &mut self.images,
            "container" => &mut self.containers,
            "network" => &mut self.networks,
            "volume" => &mut self.volumes,
            _ => &mut self.secrets,
        }
    }

    /// `podman image prune -a`: removes the images that no container uses.
    pub fn prune_images(&mut self, used: &BTreeSet<String>) {
        self.images.retain(|name, _| used.contains(name));
        self.changes += 1;
    }
}
