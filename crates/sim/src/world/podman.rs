//! Podman: its objects and their labels, and the socket behind which it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use archipelago_core::observed::{self, PodmanView};

/// An object of Podman's with the label that says whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// `archipelago.app`, or `archipelago.built-for` of an image.
    pub label: Option<String>,
    /// For a volume: the folder that it is a name for; none when Podman keeps it in its own storage.
    pub folder: Option<PathBuf>,
    /// For a secret: the label of its revision.
    pub revision: String,
    /// For a secret: what it holds.
    pub text: String,
}

/// Whether Podman answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// It does.
    #[default]
    Answers,
    /// Its socket is gone from the disk; making it anew helps.
    SocketGone,
    /// It does not, and nothing that can be done here helps.
    Dead,
}

/// All that Podman has.
#[derive(Clone, Debug, Default)]
pub struct Podman {
    /// By name.
    pub images: BTreeMap<String, Object>,
    /// By name.
    pub containers: BTreeMap<String, Object>,
    /// By name.
    pub networks: BTreeMap<String, Object>,
    /// By name.
    pub volumes: BTreeMap<String, Object>,
    /// By name.
    pub secrets: BTreeMap<String, Object>,
    /// Whether it answers.
    pub reach: Reach,
    /// What its folders on the disk show: they change when an image, network, volume or secret does.
    pub changes: u64,
}

impl Podman {
    /// What it says when it is asked.
    pub fn view(&self) -> Result<PodmanView, String> {
        if self.reach != Reach::Answers {
            return Err("connect to Podman's socket: connection refused".to_owned());
        }
        let owned = |objects: &BTreeMap<String, Object>| {
            let owner = |name: &str, object: &Object| observed::owner(name, object.label.as_ref()?);
            objects
                .iter()
                .map(|(name, object)| (name.clone(), owner(name, object)))
                .collect()
        };
        Ok(PodmanView {
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
            networks: owned(&self.networks),
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

    /// `podman image prune -a`: the images that no container uses.
    pub fn prune_images(&mut self, used: &BTreeSet<String>) {
        self.images.retain(|name, _| used.contains(name));
        self.changes += 1;
    }
}
