//! The facts of a host and its user that [`super::judge`] judges. A fact that was not gathered is
//! absent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::cause::{Cause, UnitsBlocked};
use crate::name::AppId;
use crate::needs::Controller;
use crate::observed::{Helper, Unreachable};

/// The reason why a program gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    #[error("there is no program of that name")]
    NoProgram,
    /// The system could not run it, and says why.
    #[error("run {program}: {cause}")]
    NotRun { program: String, cause: String },
    #[error("{program} did not end within {} s", limit.as_secs())]
    NotEnded { program: String, limit: Duration },
    /// Its last words, on one line.
    #[error("{program} ended with {status}: {words}")]
    Failed {
        program: String,
        status: String,
        words: String,
    },
}

/// The facts of a host and its user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The user's name.
    pub user: String,
    /// This program's version.
    pub version: String,
    /// Whether the user's systemd answers, or why not.
    pub systemd: Option<Result<(), Cause>>,
    /// Whether the user's services run without a login.
    pub linger: Option<bool>,
    /// The system's settings for the user's systemd.
    pub manager: Option<UserManager>,
    /// The number of the user's subordinate user ids and group ids.
    pub subordinate_ids: Option<(u64, u64)>,
    /// The programs that map those ids, and that are missing.
    pub id_mappers_missing: Option<Vec<String>>,
    /// The answer to `podman --version`; `Err` when there is no Podman.
    pub podman: Option<Result<String, ProgramError>>,
    /// Whether Podman's generator is there.
    pub generator: Option<bool>,
    /// The socket of Podman's API.
    pub socket: Option<Socket>,
    /// The answer of Podman's API.
    pub api: Option<Result<Api, Unreachable>>,
    /// The images that are damaged, if Podman cannot list its images because of them.
    pub images: Option<Result<(), DamagedImages>>,
    /// The age of the images that were built on this node.
    pub built: Option<BuiltImages>,
    /// The number of containers, volumes and pods for which Podman has locks left; absent when it
    /// does not say.
    pub free_locks: Option<u32>,
    /// Whether the control groups are of version 2.
    pub cgroup_v2: Option<bool>,
    /// The controllers of control groups, and what needs them.
    pub controllers: Option<Controllers>,
    /// The unit for which every rootless start waits.
    pub network: Option<Network>,
    /// The owner of the data folder.
    pub data: Option<DataFolder>,
    /// The helpers of the containers' networks that have ended.
    pub helpers_gone: Option<BTreeSet<Helper>>,
    /// The folders that Archipelago uses.
    pub folders: Vec<Folder>,
    /// The file systems that fill up.
    pub disks: Vec<Disk>,
    /// `archipelago.service`.
    pub service: Option<Service>,
    /// The port of the daemon.
    pub port: Option<Port>,
    /// Unit files of ours whose app is not installed.
    pub orphans: Option<Vec<String>>,
    /// Whether Quadlet can read the unit files, or what keeps it from that.
    pub units: Option<Result<(), UnitsBlocked>>,
    /// The installed apps with a network that Podman has without isolation.
    pub unisolated: Option<BTreeSet<AppId>>,
}

/// `podman.socket`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Something listens on it.
    pub listening: bool,
    /// It is started at boot; absent when systemd was not asked.
    pub enabled: Option<bool>,
    /// The operator forbade it.
    pub masked: bool,
}

/// Podman's API, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Its containers run as the user.
    pub rootless: bool,
    pub version: String,
}

/// `network-online.target` of the system, for which rootless Quadlet units wait up to 90 s
/// (`podman-systemd.unit(5)`, "Implicit network dependencies").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// This Podman waits for it.
    pub awaited: bool,
    pub reached: bool,
    /// Something wants it at boot, so that it will be reached.
    pub wanted: bool,
}

/// The controllers of control groups that services of the user have, and those that apps need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controllers {
    pub delegated: BTreeSet<Controller>,
    /// From [`super::controllers_asked`].
    pub asked: BTreeMap<AppId, Vec<Controller>>,
}

/// Images that keep Podman from listing any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedImages {
    /// Why Podman cannot list its images, in its own words.
    pub cause: String,
    /// The damaged ones that were found: id and names.
    pub found: Vec<(String, Vec<String>)>,
}

/// The age of the images that were built on this node, by the wall clock, in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuiltImages {
    pub now_unix_s: u64,
    /// From [`super::as_of`].
    pub as_of: BTreeMap<AppId, u64>,
}

/// The owner of the data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataFolder {
    /// This node's, by its marker.
    Ours(PathBuf),
    /// Nobody's: it is new, or of version 0.1.0.
    Unmarked(PathBuf),
    /// Not this node's, as far as can be told.
    Refused { finding: String, cure: String },
}

/// A folder that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// `config`, `units`, `data` or `runtime`.
    pub purpose: &'static str,
    pub path: PathBuf,
    pub state: FolderState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderState {
    /// There, and the user may write to it.
    Writable,
    /// Not there yet; the user can make it.
    Missing,
    /// Its file system can only be read.
    ReadOnly,
    /// Not there and not to be made, or not to be written to.
    Refused,
}

/// A file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The kind of files on it.
    pub purpose: &'static str,
    pub path: PathBuf,
    pub free_mib: u64,
}

/// The daemon's service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub file: ServiceFile,
    /// It runs.
    pub active: bool,
    /// The version that the running daemon says it is.
    pub running_version: Option<String>,
}

/// The file of the daemon's service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceFile {
    /// There is none.
    Missing,
    /// It is not started at boot.
    Disabled,
    Enabled,
    /// The operator forbade it.
    Masked,
}

/// The port of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Nobody has it.
    Free,
    /// This user's daemon has it.
    Answers,
    /// Another program has it, or another user's daemon.
    Taken,
}

/// The system's settings for the user's systemd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserManager {
    /// Whether it is started again when it was killed.
    pub returns: bool,
    /// The time to stop it with all of the user's services; `None` for as long as they need.
    pub stop_limit: Option<Duration>,
}
