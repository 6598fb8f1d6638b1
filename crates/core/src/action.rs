//! What can be done to a host: one idempotent thing each.
//!
//! An action may have happened already, wholly or in part; doing it again is right. Whether it succeeded is what the next observation
//! shows. Nothing else in Archipelago touches a host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::desired::DesiredImage;
use crate::file::Files;
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
    /// Store a part of a definition for containers to mount.
    StoreRelease {
        /// Its name.
        release: ReleaseId,
        /// What is in it.
        files: Files,
    },
    /// Make the folder in which 0.1.0 kept a definition its release, with a link in the former place. Containers that have the folder
    /// mounted keep it.
    MoveDefinition {
        /// The app.
        app: AppId,
        /// The release that the folder becomes.
        release: ReleaseId,
    },
    /// Let an intent name its release, which is stored.
    NameRelease {
        /// The app.
        app: AppId,
        /// The release.
        release: ReleaseId,
    },
    /// Remove the link in the former place of a definition.
    RemoveLink(AppId),
    /// Remove a release that nothing needs.
    RemoveRelease(ReleaseId),
    /// Remove an app's earlier intents and what 0.1.0 kept of its definition, then its intent: the last thing of a removal.
    Forget(AppId),
}
