//! What can be done to a host: one idempotent thing each.
//!
//! An action may have happened already, wholly or in part; doing it again is right. Whether it succeeded is what the next observation
//! shows. Nothing else in Archipelago touches a host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::data_folder::NodeId;
use crate::desired::DesiredImage;
use crate::name::AppId;
use crate::observed::Memory;
use crate::release::ReleaseId;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// The app it is for; when it fails, the rest of that app's actions are left out. `None`: it is for all, and ends the pass.
    pub app: Option<AppId>,
    /// What to do.
    pub step: Step,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Make the data folder this node's: with this id, or a new one.
    ClaimData(Option<NodeId>),
    /// Write a new random secret to a 0600 file, unless the file exists.
    GenerateSecret {
        /// The app.
        app: AppId,
        /// Its name.
        name: String,
    },
    /// Make a folder and its parents.
    MakeFolder(PathBuf),
    /// Pull or build an image, in the background.
    EnsureImage(Box<DesiredImage>),
    /// Put the complete set of unit files through Podman's generator without installing it.
    CheckUnits {
        /// All units of ours as they will be.
        units: BTreeMap<String, String>,
        /// Those that this pass writes; what the generator says of others is nothing new.
        written: BTreeSet<String>,
    },
    /// Keep what must survive a crash of this pass.
    Remember(Memory),
    /// Write a rendered file, 0600.
    WriteFile {
        /// Where.
        path: PathBuf,
        /// What.
        content: String,
    },
    /// Create or replace a Podman secret from the app's secret file.
    StoreSecret {
        /// Podman's name of it.
        podman_name: String,
        /// The name in the app's secrets folder.
        name: String,
        /// Its revision, kept as a label.
        revision: String,
    },
    /// Write a unit file.
    WriteUnit {
        /// The file name.
        name: String,
        /// The content.
        content: String,
    },
    /// Remove a unit file of ours.
    RemoveUnit(String),
    /// Make systemd read its units anew.
    Reload,
    /// Make Podman's socket anew: its service holds on to one that is gone from the disk.
    RestartPodmanSocket,
    /// Queue the start of a service.
    Start(String),
    /// Queue a restart of a service.
    Restart(String),
    /// Queue the stop of a service.
    Stop(String),
    /// Withdraw the job of a service that is stopping: it goes on stopping, but nothing waits for it any more.
    CancelJob(String),
    /// Remove the folder of a container's rendered files.
    RemoveRendered(String),
    /// Remove a container of ours from Podman.
    RemoveContainer(String),
    /// Remove a network of ours from Podman.
    RemoveNetwork(String),
    /// Remove a volume of ours from Podman; its folder stays.
    RemoveVolume(String),
    /// Remove a secret of ours from Podman.
    RemoveSecret(String),
    /// Remove an image that was built for an app.
    RemoveImage(String),
    /// Remove an app's volumes, files and secrets from the disk.
    RemoveData(AppId),
    /// Remove a release that nothing needs.
    RemoveRelease(ReleaseId),
    /// Remove what version 0.1.0 kept of an app whose intent names a release.
    RemoveDefinition(AppId),
    /// Remove what version 0.1.0 kept of an app's definition, then its intent: the last thing of a removal.
    Forget(AppId),
}

impl Step {
    /// Whether it makes or removes something in the data folder, or writes down what is in it. Between the look and such a
    /// step the disk of the data may have been unmounted.
    #[must_use]
    pub fn touches_data(&self) -> bool {
        match self {
            Self::GenerateSecret { .. }
            | Self::MakeFolder(_)
            | Self::WriteFile { .. }
            | Self::StoreSecret { .. }
            | Self::RemoveRendered(_)
            | Self::RemoveData(_) => true,
            Self::ClaimData(_)
            | Self::EnsureImage(_)
            | Self::CheckUnits { .. }
            | Self::Remember(_)
            | Self::WriteUnit { .. }
            | Self::RemoveUnit(_)
            | Self::Reload
            | Self::RestartPodmanSocket
            | Self::Start(_)
            | Self::Restart(_)
            | Self::Stop(_)
            | Self::CancelJob(_)
            | Self::RemoveContainer(_)
            | Self::RemoveNetwork(_)
            | Self::RemoveVolume(_)
            | Self::RemoveSecret(_)
            | Self::RemoveImage(_)
            | Self::RemoveRelease(_)
            | Self::RemoveDefinition(_)
            | Self::Forget(_) => false,
        }
    }
}
