//! The actions on a host: each does one idempotent thing and carries its reason.
//!
//! An action may have happened already, wholly or in part; doing it again is right. Whether it
//! succeeded is what the next observation shows. Nothing else in Archipelago touches a host.

pub(crate) mod reason;
mod summary;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::data_folder::NodeId;
use crate::desired::{DesiredImage, Owner, SecretContent};
use crate::file::Files;
use crate::image_facts::KnownImages;
use crate::intent::Intent;
use crate::manifest::Recipe;
use crate::name::AppId;
use crate::observed::Memory;
use crate::operation::id::OperationId;
use crate::release::ReleaseId;

pub use reason::Reason;
pub use summary::Summary;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// For one app. When it fails, the rest of that app's actions are left out.
    App(AppAction),
    /// For the host as a whole. When it fails, the pass ends.
    Host(HostAction),
}

/// One thing to do for one app.
#[derive(Clone, Debug, PartialEq)]
pub struct AppAction {
    pub app: AppId,
    pub step: AppStep,
    pub reason: Reason,
    /// The operation on this app that was under way when the action was planned.
    pub operation: Option<OperationId>,
}

/// One thing to do for the host as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct HostAction {
    pub step: HostStep,
    pub reason: Reason,
}

/// A step for one app. Names of units, containers and the like are the full ones.
#[derive(Clone, Debug, PartialEq)]
pub enum AppStep {
    /// Write a secret of this name to a 0600 file. One that is generated does not replace another,
    /// because a new secret would lock out the data made with the old one.
    GenerateSecret {
        name: String,
        recipe: Recipe,
    },
    /// Make a folder and its parents.
    MakeFolder(PathBuf),
    /// Let an empty folder belong to a user of the containers.
    GiveFolder {
        path: PathBuf,
        owner: Owner,
    },
    /// Pull or build an image, in the background.
    EnsureImage(Box<DesiredImage>),
    /// Keep what is known of these images.
    RememberImages(KnownImages),
    /// Write a rendered file, 0600.
    WriteFile {
        path: PathBuf,
        content: String,
    },
    /// Create or replace a Podman secret.
    StoreSecret {
        podman_name: String,
        /// The name in the manifest.
        name: String,
        /// Kept as a label.
        revision: String,
        content: SecretContent,
    },
    WriteUnit {
        name: String,
        content: String,
    },
    RemoveUnit(String),
    /// Queue the start of a service.
    Start(String),
    /// Queue a restart of a service.
    Restart(String),
    /// Queue the stop of a service.
    Stop(String),
    /// Cancel the stop job of a service: it goes on stopping, but nothing waits for it any more.
    CancelJob(String),
    /// Remove the folder of a container's rendered files.
    RemoveRendered(String),
    /// Remove a container from Podman.
    RemoveContainer(String),
    /// Remove a network from Podman.
    RemoveNetwork(String),
    /// Remove a volume from Podman; its folder stays.
    RemoveVolume(String),
    /// Remove a secret from Podman.
    RemoveSecret(String),
    /// Remove an image that was built for the app.
    RemoveImage(String),
    /// Remove the app's volumes, files and secrets from the disk.
    RemoveData,
    /// Store a definition, or a part of one for containers to mount.
    StoreRelease {
        release: ReleaseId,
        files: Files,
    },
    /// Let an intent of version 0.1.0 name its release, which is stored, and the rights that the
    /// app uses.
    NameRelease {
        release: ReleaseId,
        allow: BTreeSet<String>,
    },
    /// Keep an intent as the version of the app that a person has agreed to.
    KeepGranted(Box<Intent>),
    /// Remove the folder in which version 0.1.0 kept the app's definition.
    RemoveFormer,
    /// Remove the app's earlier intents and the folder of its definition, then its intent: the last
    /// thing of a removal.
    Forget,
}

/// A step for the host as a whole.
#[derive(Clone, Debug, PartialEq)]
pub enum HostStep {
    /// Make the data folder this node's: with this id, or a new one.
    ClaimData(Option<NodeId>),
    /// Put the complete set of unit files through Podman's generator without installing it.
    CheckUnits {
        /// All units of ours as they will be.
        units: BTreeMap<String, String>,
        /// The units of which it must make services: those that this pass writes, and those of the
        /// same apps of which it has made services before. Complaints about other units are nothing
        /// new.
        required: BTreeSet<String>,
    },
    /// Keep what must survive a crash of this pass.
    Remember(Memory),
    /// Make systemd read its units anew.
    Reload,
    /// Make Podman's socket anew: its service holds on to one that is gone from the disk.
    RestartPodmanSocket,
    /// Let Podman set up the networks of these running containers again, which starts the processes
    /// that serve all networks where they are gone.
    ReloadNetworks(BTreeSet<String>),
    /// Remove a release that nothing needs.
    RemoveRelease(ReleaseId),
}

impl Action {
    /// The app that it is for; `None` for the host.
    #[must_use]
    pub fn app(&self) -> Option<&AppId> {
        match self {
            Self::App(action) => Some(&action.app),
            Self::Host(_) => None,
        }
    }

    #[must_use]
    pub fn app_step(&self) -> Option<&AppStep> {
        match self {
            Self::App(action) => Some(&action.step),
            Self::Host(_) => None,
        }
    }

    #[must_use]
    pub fn host_step(&self) -> Option<&HostStep> {
        match self {
            Self::App(_) => None,
            Self::Host(action) => Some(&action.step),
        }
    }

    #[must_use]
    pub fn reason(&self) -> &Reason {
        match self {
            Self::App(action) => &action.reason,
            Self::Host(action) => &action.reason,
        }
    }

    #[must_use]
    pub fn operation(&self) -> Option<OperationId> {
        match self {
            Self::App(action) => action.operation,
            Self::Host(_) => None,
        }
    }

    /// Its kind, as a word that stays the same: in JSON and in the journal.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::App(action) => action.step.kind(),
            Self::Host(action) => action.step.kind(),
        }
    }

    /// Whether it only keeps Archipelago's own notes, which is no news for people.
    #[must_use]
    pub fn is_bookkeeping(&self) -> bool {
        matches!(
            self.host_step(),
            Some(HostStep::Remember(_) | HostStep::CheckUnits { .. })
        ) || matches!(self.app_step(), Some(AppStep::KeepGranted(_)))
    }

    /// The name of the file, service or object that it is about, where it is about a single one.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        match self {
            Self::App(action) => action.step.target(),
            Self::Host(_) => None,
        }
    }
}

impl AppStep {
    fn kind(&self) -> &'static str {
        match self {
            Self::GenerateSecret { .. } => "generate_secret",
            Self::MakeFolder(_) => "make_folder",
            Self::GiveFolder { .. } => "give_folder",
            Self::EnsureImage(_) => "ensure_image",
            Self::RememberImages(_) => "remember_images",
            Self::WriteFile { .. } => "write_file",
            Self::StoreSecret { .. } => "store_secret",
            Self::WriteUnit { .. } => "write_unit",
            Self::RemoveUnit(_) => "remove_unit",
            Self::Start(_) => "start",
            Self::Restart(_) => "restart",
            Self::Stop(_) => "stop",
            Self::CancelJob(_) => "cancel_job",
            Self::RemoveRendered(_) => "remove_rendered",
            Self::RemoveContainer(_) => "remove_container",
            Self::RemoveNetwork(_) => "remove_network",
            Self::RemoveVolume(_) => "remove_volume",
            Self::RemoveSecret(_) => "remove_secret",
            Self::RemoveImage(_) => "remove_image",
            Self::RemoveData => "remove_data",
            Self::StoreRelease { .. } => "store_release",
            Self::NameRelease { .. } => "name_release",
            Self::KeepGranted(_) => "keep_granted",
            Self::RemoveFormer => "remove_former",
            Self::Forget => "forget",
        }
    }

    fn target(&self) -> Option<String> {
        match self {
            Self::MakeFolder(path)
            | Self::GiveFolder { path, .. }
            | Self::WriteFile { path, .. } => Some(path.display().to_string()),
            Self::EnsureImage(image) => Some(image.reference.to_string()),
            Self::StoreSecret { podman_name, .. } => Some(podman_name.clone()),
            Self::GenerateSecret { name, .. }
            | Self::WriteUnit { name, .. }
            | Self::RemoveUnit(name)
            | Self::Start(name)
            | Self::Restart(name)
            | Self::Stop(name)
            | Self::CancelJob(name)
            | Self::RemoveRendered(name)
            | Self::RemoveContainer(name)
            | Self::RemoveNetwork(name)
            | Self::RemoveVolume(name)
            | Self::RemoveSecret(name)
            | Self::RemoveImage(name) => Some(name.clone()),
            Self::StoreRelease { release, .. } | Self::NameRelease { release, .. } => {
                Some(release.to_string())
            }
            Self::RememberImages(_)
            | Self::RemoveData
            | Self::KeepGranted(_)
            | Self::RemoveFormer
            | Self::Forget => None,
        }
    }

    /// Whether it makes or removes something in the data folder, or writes down what is in it.
    /// Between the observation and such a step, the disk of the data may have been unmounted.
    #[must_use]
    pub fn touches_data(&self) -> bool {
        match self {
            Self::GenerateSecret { .. }
            | Self::MakeFolder(_)
            | Self::GiveFolder { .. }
            | Self::WriteFile { .. }
            | Self::StoreSecret { .. }
            | Self::RememberImages(_)
            | Self::RemoveRendered(_)
            | Self::RemoveData => true,
            Self::EnsureImage(_)
            | Self::WriteUnit { .. }
            | Self::RemoveUnit(_)
            | Self::Start(_)
            | Self::Restart(_)
            | Self::Stop(_)
            | Self::CancelJob(_)
            | Self::RemoveContainer(_)
            | Self::RemoveNetwork(_)
            | Self::RemoveVolume(_)
            | Self::RemoveSecret(_)
            | Self::RemoveImage(_)
            | Self::StoreRelease { .. }
            | Self::NameRelease { .. }
            | Self::KeepGranted(_)
            | Self::RemoveFormer
            | Self::Forget => false,
        }
    }
}

impl HostStep {
    fn kind(&self) -> &'static str {
        match self {
            Self::ClaimData(_) => "claim_data",
            Self::CheckUnits { .. } => "check_units",
            Self::Remember(_) => "remember",
            Self::Reload => "reload",
            Self::RestartPodmanSocket => "restart_podman_socket",
            Self::ReloadNetworks(_) => "reload_networks",
            Self::RemoveRelease(_) => "remove_release",
        }
    }
}

impl From<AppAction> for Action {
    fn from(action: AppAction) -> Self {
        Self::App(action)
    }
}

impl From<HostAction> for Action {
    fn from(action: HostAction) -> Self {
        Self::Host(action)
    }
}
