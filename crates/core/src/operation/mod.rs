//! A person's requests: worked out and judged here, without touching anything; done by `node`.
//!
//! An operation [prepares](propose): it works out the app as it would be, and
//! [judges](Proposal::judge) it against observations of the host. Nothing is written and nobody is
//! asked. Then it is [carried out](Operation): a [`Record`] is written, one atomic step changes the
//! intent, and the reconciler does the rest; [`Follow`] says from pass to pass whether that has
//! come to its end. Then the record is forgotten.

mod before;
mod chosen_ports;
mod consent;
mod definition;
mod follow;
mod foresee;
mod grants;
mod history;
pub(crate) mod id;
mod installation;
mod intent_revision;
mod new_folders;
mod other_version;
mod proposal;
mod rebuild;
mod record;
mod refusal;
mod stability;
mod steps;
#[cfg(test)]
mod tests;
mod up_to_date;
mod update;
mod version;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;

use crate::image::Reference;
use crate::image_facts::Bases;
use crate::intent::Intent;
use crate::manifest::Protocol;
use crate::name::AppId;
use crate::needs::Offers;
use crate::observed::Observed;

pub use consent::{hold, judged_paths};
pub use definition::Definition;
pub use follow::{Follow, Overtaken, PassSeen, Verdict};
pub use grants::{ALL, BuildRight, Exposure, Grant, Grants, HostPath, IfMissing};
pub use history::{CHANGES_KEPT, Change, Changes, Kept, Outcome, choose, images_of};
pub use id::{OperationId, OperationIdError};
pub use installation::{Installation, judge_host};
pub use intent_revision::IntentRevision;
pub use proposal::{Effect, Proposal, propose};
pub use rebuild::{Rebuild, RebuildPreview};
pub use record::{DiskState, Record, RecordError, Standing};
pub use refusal::Refusal;
pub use stability::Stability;
pub use steps::{Ending, Operation, RESUMED_LIMIT, SWITCH, Step, SwitchPart};
pub use up_to_date::UpToDate;
pub use update::{
    DataFacts, DataPlan, FollowedTag, FoundIntent, FoundTag, NextIntent, NotCopied, Phase, Update,
    UpdateEnding, UpdateState, UpdateStep, followed_tags, images_with,
};
pub use version::Version;

/// A person's request.
#[derive(Clone, Debug)]
pub enum Request {
    /// Install an app, or give an installed one another definition. `settings` are pairs of key and
    /// value as given.
    Install {
        definition: Box<Definition>,
        settings: Vec<(String, String)>,
    },
    /// Change settings of an installed app.
    Set {
        app: AppId,
        settings: Vec<(String, String)>,
    },
    Start(AppId),
    Stop(AppId),
    Restart(AppId),
    /// Rebuild those images of an app whose base images have changed. `found` holds the present
    /// bases; `None` until they are fetched.
    Rebuild {
        app: AppId,
        found: Option<Bases>,
    },
    /// Give an installed app a kept earlier intent again, with the definition that it names.
    Rollback {
        definition: Box<Definition>,
        intent: Box<Intent>,
    },
    /// Give an installed app the present definition of its source, and the newest images of the
    /// tags that it follows. `images` are those by digest; `None` until they are fetched.
    Update {
        definition: Box<Definition>,
        images: Option<BTreeMap<Reference, Reference>>,
    },
    /// Remove an app, with `purge` also its data, secrets and built images.
    Uninstall {
        app: AppId,
        purge: bool,
    },
}

/// The operations by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Install,
    Set,
    Start,
    Stop,
    Restart,
    Rebuild,
    Rollback,
    Update,
    Uninstall,
    Purge,
}

/// The state that an operation aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    Ready,
    Stopped,
    Gone,
}

/// Observations of the host before an app is installed or changed.
#[derive(Clone, Debug, Default)]
pub struct Preflight {
    /// The owners of the names that the app needs, on the disk and, for a new app, in Podman.
    pub names: Observed,
    /// The new ports that cannot be used.
    pub ports: BTreeMap<(SocketAddr, Protocol), PortProblem>,
    /// The host's offers for the app's containers.
    pub offers: Offers,
    /// Free space on the data folder's file system.
    pub free_mib: Option<u64>,
    /// Memory that programs can get without swapping.
    pub memory_available_mib: Option<u64>,
}

/// Disk and memory that an app asks for, beside what the host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Resources {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_mib: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_free_mib: Option<u64>,
    /// The limit of all its containers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_available_mib: Option<u64>,
}

/// Why a port of the host cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortProblem {
    InUse,
    /// The system's own words.
    Refused(String),
}

impl Request {
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Install { .. } => Kind::Install,
            Self::Set { .. } => Kind::Set,
            Self::Start(_) => Kind::Start,
            Self::Stop(_) => Kind::Stop,
            Self::Restart(_) => Kind::Restart,
            Self::Rebuild { .. } => Kind::Rebuild,
            Self::Rollback { .. } => Kind::Rollback,
            Self::Update { .. } => Kind::Update,
            Self::Uninstall { purge: false, .. } => Kind::Uninstall,
            Self::Uninstall { purge: true, .. } => Kind::Purge,
        }
    }

    #[must_use]
    pub fn app(&self) -> &AppId {
        match self {
            Self::Install { definition, .. }
            | Self::Rollback { definition, .. }
            | Self::Update { definition, .. } => &definition.schema.extension.id,
            Self::Set { app, .. } | Self::Rebuild { app, .. } | Self::Uninstall { app, .. } => app,
            Self::Start(app) | Self::Stop(app) | Self::Restart(app) => app,
        }
    }
}

impl Kind {
    /// Its word on the command line, in the journal and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Set => "set",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Rebuild => "rebuild",
            Self::Rollback => "rollback",
            Self::Update => "update",
            Self::Uninstall => "uninstall",
            Self::Purge => "purge",
        }
    }
}
