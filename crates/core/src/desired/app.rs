//! The desired state of each app: its units, files, images, secrets and probes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use super::error::Error;
use crate::data_folder::Claim;
use crate::held::Waits;
use crate::image::{Platform, Reference};
use crate::image_facts::{Bases, ImageFacts};
use crate::intent::Intent;
use crate::layout::Layout;
use crate::manifest::{Files, ProbeKind, Recipe};
use crate::name::AppId;
use crate::needs::Needs;
use crate::operation::id::OperationId;
use crate::quadlet::{Mark, UnitFile};
use crate::release::ReleaseId;
use crate::releases::Releases;
use crate::retries::Subject;

/// The desired state of the host.
#[derive(Clone, Debug)]
pub struct Desired {
    pub layout: Layout,
    /// The owner of the data folder.
    pub claim: Claim,
    /// The apps by id.
    pub apps: BTreeMap<AppId, App>,
    /// The releases that they need.
    pub releases: Releases,
    /// The operation that is under way for an app: why something is done for it.
    pub operations: BTreeMap<AppId, OperationId>,
    /// The edited intents that wait while the version before stays.
    pub held: BTreeMap<AppId, Waits>,
    /// The versions that a person has agreed to and that are not kept as such yet.
    pub newly_granted: BTreeMap<AppId, Intent>,
}

/// One app's part.
#[derive(Clone, Debug)]
pub enum App {
    /// It cannot be resolved. Its units and data stay as they are.
    Broken {
        /// Why, and what to do.
        cause: Error,
        fault: Fault,
    },
    /// Its secrets must be generated before anything else can be resolved.
    NeedsSecrets {
        /// The missing ones, and those that have another text than the one that is given now.
        missing: BTreeMap<String, Recipe>,
    },
    /// It waits for another app to have its secrets.
    NeedsApp {
        /// That app.
        other: AppId,
    },
    /// It waits for a file that another app writes.
    NeedsFile {
        /// That app.
        other: AppId,
        /// The name of the capture.
        file: String,
    },
    /// It should be there.
    Present(Box<Present>),
    /// It should go.
    Removed {
        /// Whether its data go as well.
        purge: bool,
        /// The apps that require it and must go first.
        required_by: BTreeSet<AppId>,
        /// Its containers, as far as its definition still tells.
        containers: BTreeSet<String>,
    },
}

/// The origin of the fault that keeps an app from being resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// That of its own definition, intent or requirements.
    Own,
    /// Another app has a name or port that it needs.
    Conflict,
    /// The data folder is not this node's, as when its disk is not mounted.
    Data,
}

/// An app that should be there.
#[derive(Clone, Debug)]
pub struct Present {
    /// Its name for people.
    pub title: String,
    /// Its version.
    pub version: String,
    /// Whether it should run.
    pub running: bool,
    /// Its units by file name.
    pub units: BTreeMap<String, DesiredUnit>,
    /// Its rendered files by path.
    pub files: BTreeMap<PathBuf, String>,
    /// The parts of its definition that containers mount.
    pub mounted: BTreeMap<ReleaseId, Files>,
    /// The folders that its mounts need.
    pub folders: BTreeSet<PathBuf>,
    /// The folders of these that belong to a user of the containers other than root.
    pub owners: BTreeMap<PathBuf, Owner>,
    /// The Podman secrets it uses, by Podman's name.
    pub secrets: BTreeMap<String, PodmanSecret>,
    /// The probes that must succeed before it is ready.
    pub probes: Vec<DesiredProbe>,
    /// The addresses at which people open it: title and URL.
    pub urls: Vec<(String, String)>,
    /// The ports of the node that it publishes.
    pub ports: BTreeSet<(SocketAddr, Transport)>,
    /// The addresses that its networks have by its definition.
    pub subnets: BTreeSet<IpNet>,
    /// The apps it requires, each with its main service if it has one.
    pub requires: BTreeMap<AppId, Option<String>>,
}

pub use crate::owner::Owner;

/// A transport protocol, for [`Present::ports`].
pub use crate::manifest::Protocol as Transport;

/// A unit that should be there.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredUnit {
    /// The file.
    pub file: UnitFile,
    /// The systemd service that Quadlet makes of it.
    pub service: String,
    pub role: Role,
}

/// The role of a unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// A network, by Podman's name.
    Network(String),
    /// A volume, by Podman's name.
    Volume(String),
    /// A container.
    Container(Box<DesiredContainer>),
}

/// A container that should be there.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredContainer {
    /// Its name.
    pub name: String,
    /// Whether it is a companion.
    pub companion: bool,
    /// Its image.
    pub image: DesiredImage,
    /// The image's facts. Without them, the volumes that its unit must name are not known.
    pub image_facts: Option<ImageFacts>,
    /// Whether it counts as started only once its health check succeeds.
    pub starts_healthy: bool,
    /// Whether it is a job: it runs to its end and is not started again, whether it succeeded or
    /// not.
    pub is_job: bool,
    /// Whether it runs a script of a store. The app goes on when that fails.
    pub is_script: bool,
    /// The services that must have ended, or be up if they run for good, before it starts, each
    /// with whether it must succeed.
    pub awaits: BTreeMap<String, bool>,
    /// The networks that it joins, by Podman's names.
    pub networks: BTreeSet<String>,
    /// The services that systemd starts along with it.
    pub wants: Vec<String>,
    /// The services of other apps that it knows by their containers' addresses: it is restarted
    /// once they have been.
    pub follows: Vec<String>,
    /// The ports of the node that it publishes.
    pub ports: BTreeSet<(SocketAddr, Transport)>,
    /// Its other needs of the node.
    pub needs: Needs,
}

/// An image that must be on the node before a container starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredImage {
    /// Its name.
    pub reference: Reference,
    pub origin: Origin,
}

impl DesiredImage {
    /// The names of the images that a registry must have for it, each with whether it is pulled
    /// without TLS: the image itself, or those that it is built of. None for a build that has a
    /// substitute, and none that a Containerfile wants for a platform of its own choice.
    #[must_use]
    pub fn sources(&self) -> BTreeMap<String, bool> {
        match &self.origin {
            Origin::Pull { without_tls, .. } => {
                BTreeMap::from([(self.reference.to_string(), *without_tls)])
            }
            Origin::Build(context) if context.fallback.is_none() => {
                let plain = context
                    .bases
                    .iter()
                    .filter(|(_, source)| source.platform.is_none());
                plain
                    .map(|(name, source)| (name.clone(), source.without_tls))
                    .collect()
            }
            Origin::Build(_) => BTreeMap::new(),
        }
    }
}

/// The way by which an image gets to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Pulled from its registry.
    Pull {
        /// Whether without TLS; only for a registry on the allowlist.
        without_tls: bool,
        /// The platform, if not this machine's.
        platform: Option<Platform>,
    },
    /// Built from a folder of the app.
    Build(Box<BuildContext>),
}

/// A local build, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildContext {
    /// The files.
    pub files: Files,
    /// The path of the Containerfile among them.
    pub containerfile: String,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The stage to build.
    pub target: Option<String>,
    /// The base images that may change, by name.
    pub bases: BTreeMap<String, BaseSource>,
    /// The base images that a rebuild found changed, with their new digests.
    pub changed_bases: Bases,
    /// The image to pull when the build fails, and whether to pull it without TLS.
    pub fallback: Option<(Reference, bool)>,
}

/// How to get a base image. Podman resolves its name as during the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseSource {
    /// The platform that the Containerfile asks for.
    pub platform: Option<Platform>,
    /// Only for a registry on the allowlist.
    pub without_tls: bool,
}

/// A Podman secret that a container uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodmanSecret {
    /// The app.
    pub app: AppId,
    /// The name in the manifest.
    pub secret: String,
    /// Changes when the text does (a hash of it). It tells nothing of one that is generated, and is
    /// shown to nobody but this user, who can read the text.
    pub revision: String,
    pub content: SecretContent,
}

/// The content of a Podman secret. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretContent(pub Vec<u8>);

impl fmt::Debug for SecretContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretContent")
    }
}

/// A question whose answer says that the app is ready.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DesiredProbe {
    /// The systemd service that answers.
    pub service: String,
    pub address: SocketAddr,
    pub kind: ProbeKind,
}

impl Desired {
    /// An app as if it were the only one, to observe the host for it alone.
    #[must_use]
    pub fn of_one(layout: &Layout, id: &AppId, present: &Present) -> Self {
        let present = App::Present(Box::new(present.clone()));
        Self {
            layout: layout.clone(),
            claim: Claim::Held,
            apps: BTreeMap::from([(id.clone(), present)]),
            releases: Releases::default(),
            operations: BTreeMap::new(),
            held: BTreeMap::new(),
            newly_granted: BTreeMap::new(),
        }
    }

    /// The apps that should be there.
    pub fn present(&self) -> impl Iterator<Item = (&AppId, &Present)> {
        self.apps.iter().filter_map(|(id, app)| match app {
            App::Present(present) => Some((id, present.as_ref())),
            _ => None,
        })
    }
}

impl App {
    pub(super) fn broken(cause: Error) -> Self {
        Self::Broken {
            cause,
            fault: Fault::Own,
        }
    }
}

impl Present {
    /// Its containers: unit, and what is in it.
    pub fn containers(&self) -> impl Iterator<Item = (&DesiredUnit, &DesiredContainer)> {
        self.units.values().filter_map(|unit| match &unit.role {
            Role::Container(container) => Some((unit, container.as_ref())),
            Role::Network(_) | Role::Volume(_) => None,
        })
    }
}

impl DesiredUnit {
    /// Whether this is what Quadlet has made its service of, by the marks in what it made.
    #[must_use]
    pub fn is_generated(&self, generated: &BTreeMap<String, Mark>) -> bool {
        let mark = generated.get(&self.service);
        mark.is_some_and(|mark| mark.revision == self.file.revision)
    }
}

impl DesiredImage {
    /// The architecture that the app asks for.
    #[must_use]
    pub fn architecture(&self) -> Option<&str> {
        match &self.origin {
            Origin::Pull { platform, .. } => Some(&platform.as_ref()?.architecture),
            Origin::Build(_) => None,
        }
    }

    /// The subject under which attempts to get it are remembered.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let without_tls = match &self.origin {
            Origin::Pull { without_tls, .. } => *without_tls,
            Origin::Build(context) => context
                .fallback
                .as_ref()
                .is_some_and(|(_, without_tls)| *without_tls),
        };
        Subject::Image {
            reference: self.reference.to_string(),
            without_tls,
        }
    }
}
