//! Facts of this host and user, for [`archipelago_core::check`] to judge. Nothing is changed.
//!
//! [`passive`] starts no process and wakes no socket, so every command may use it. [`all`] asks
//! Podman and both systemds too.

mod places;
mod podman_api;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use archipelago_core::cause::{Cause, UnitsBlocked};
use archipelago_core::check::{
    Api, BuiltImages, Controllers, DataFolder, Facts, Network, Port, ProgramError, Service,
    ServiceFile, Socket, UserManager, as_of, controllers_asked, subordinate_ids,
};
use archipelago_core::config::PORT;
use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_core::observed::Helper;
use archipelago_core::printable::one_line;
use archipelago_core::quadlet::VERSION;
use archipelago_core::store::NodeFacts;

use super::accounts::account;
use super::cache::ReadSet;
use super::podman::Podman;
use super::systemd::{self, ActiveState, Systemd, UnitFileState};
use super::{controllers, disk, generator, inputs, network_helpers, sockets};

/// The daemon's unit.
pub const SERVICE: &str = "archipelago.service";

/// The socket of Podman's API.
pub const SOCKET: &str = "podman.socket";

/// A program or daemon that takes longer than this does not answer.
const LIMIT: Duration = Duration::from_secs(20);

/// Rootless units of Podman 5.3 and later wait in this service.
const NETWORK_WAIT: &str = "/usr/lib/systemd/user/podman-user-wait-network-online.service";

pub fn user_name() -> String {
    let uid = rustix::process::getuid().as_raw();
    account(|account| account.uid == uid)
        .map(|account| account.name)
        .or_else(|| std::env::var("USER").ok())
        .unwrap_or_else(|| uid.to_string())
}

/// Whether logind keeps the user's services running without a login. It keeps that as files, and
/// reading them needs no one's leave.
///
/// # Errors
/// When the folder of these files cannot be read.
pub fn lingers(user: &str) -> Result<bool, disk::Error> {
    disk::exists(&Path::new("/var/lib/systemd/linger").join(user))
}

/// The facts that need no process and no answer from Podman.
pub fn passive(layout: &Layout) -> Facts {
    let user = user_name();
    let uid = rustix::process::getuid().as_raw();
    let ids = |file| {
        subordinate_ids(
            &std::fs::read_to_string(file).unwrap_or_default(),
            &user,
            uid,
        )
    };
    let missing = ["newuidmap", "newgidmap"]
        .into_iter()
        .filter(|program| !on_path(program));
    let data = places::data_folder(layout);
    let mut folders = vec![
        places::folder("config", &layout.apps()),
        places::folder("units", &layout.units),
        places::folder("runtime", &layout.runtime),
    ];
    // Of a disk that is not mounted, the folder is of no interest.
    if !matches!(data, DataFolder::Refused { .. }) {
        folders.insert(2, places::folder("data", &layout.data));
    }
    Facts {
        linger: lingers(&user).ok(),
        subordinate_ids: Some((ids("/etc/subuid"), ids("/etc/subgid"))),
        id_mappers_missing: Some(missing.map(str::to_owned).collect()),
        podman: (!on_path("podman")).then_some(Err(ProgramError::NoProgram)),
        generator: Some(generator::find().is_some()),
        socket: Some(Socket {
            listening: listens(Podman::for_this_user().socket()),
            enabled: None,
            masked: false,
        }),
        cgroup_v2: disk::exists(Path::new("/sys/fs/cgroup/cgroup.controllers")).ok(),
        data: Some(data),
        folders,
        user,
        version: VERSION.to_owned(),
        ..Facts::default()
    }
}

/// Everything: for `doctor` and `setup`, which may take a second.
pub async fn all(layout: &Layout) -> Facts {
    let mut facts = Facts {
        podman: Some(podman_version().await),
        network: Some(network().await),
        helpers_gone: Some(helpers_gone()),
        manager: manager().await,
        disks: places::disks(layout),
        orphans: places::orphans(layout).ok(),
        built: built(layout),
        controllers: limits(layout),
        units: units(layout).await,
        ..passive(layout)
    };
    let daemon = daemon(layout).await;
    let says = |key| daemon.as_ref().map(|daemon| &daemon[key]);
    let version = says("version").and_then(|version| version.as_str());
    facts.port = Some(port(says("has_port") == Some(&true.into())));
    let systemd = match Systemd::connect().await {
        Ok(systemd) => systemd,
        Err(error) => {
            facts.systemd = Some(Err(Cause::Systemd(chain(&error))));
            return facts;
        }
    };
    facts.systemd = Some(Ok(()));
    facts.service = Some(service(&systemd, version.map(str::to_owned)).await);
    if let Some(socket) = &mut facts.socket {
        let state = systemd.unit_file_state(SOCKET).await.ok().flatten();
        socket.enabled = Some(starts_at_boot(state.as_ref()));
        socket.masked = is_masked(state.as_ref());
        if socket.listening {
            facts.images = podman_api::images().await;
            let info = podman_api::info().await;
            facts.free_locks = info.as_ref().ok().and_then(|info| info.free_locks);
            facts.api = Some(info.map(|info| Api {
                rootless: info.rootless,
                version: info.version,
            }));
            facts.unisolated = podman_api::unisolated(layout).await;
        }
    }
    facts
}

/// Runs `podman --version`, which opens no storage and no namespace.
///
/// # Errors
/// When there is no Podman or it does not work.
pub async fn podman_version() -> Result<String, ProgramError> {
    output("podman", &["--version"]).await
}

async fn output(program: &str, arguments: &[&str]) -> Result<String, ProgramError> {
    let name = || program.to_owned();
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(LIMIT, output).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => {
            return Err(ProgramError::NotRun {
                program: name(),
                cause: error.to_string(),
            });
        }
        Err(_) => {
            return Err(ProgramError::NotEnded {
                program: name(),
                limit: LIMIT,
            });
        }
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(ProgramError::Failed {
        program: name(),
        status: output.status.to_string(),
        words: one_line(words.trim()).into_owned(),
    })
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| is_program(&folder.join(program)))
    })
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Whether someone listens on a socket, without connecting to it: that would start what it is for.
/// The file of a socket outlives its listener, so it says nothing. `proc_net_unix(5)`: the fourth
/// field has the flag `__SO_ACCEPTCON`, the last is the path.
fn listens(socket: &Path) -> bool {
    let table = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    table.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(3) == Some(&"00010000") && fields.get(7).map(Path::new) == Some(socket)
    })
}

/// Whether the system's network is waited for and reached. Asked of the system's manager, whose bus
/// is not the user's: its own tool knows the way.
pub async fn network() -> Network {
    let properties = [
        "--property=ActiveState",
        "--property=WantedBy",
        "--property=RequiredBy",
    ];
    let shown = output(
        "systemctl",
        &[&["show", "network-online.target"], &properties[..]].concat(),
    )
    .await
    .unwrap_or_default();
    let value = |name: &str| {
        shown
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
    };
    Network {
        awaited: disk::may_exist(Path::new(NETWORK_WAIT)),
        reached: ActiveState::from(value("ActiveState")) == ActiveState::Active,
        wanted: !value("WantedBy").is_empty() || !value("RequiredBy").is_empty(),
    }
}

/// Only what some container of ours misses: Podman's files may be left over from earlier ones.
fn helpers_gone() -> BTreeSet<Helper> {
    let (gone, members) = network_helpers::observe();
    if members.is_empty() {
        BTreeSet::new()
    } else {
        gone
    }
}

/// `None` when the system's manager does not say.
async fn manager() -> Option<UserManager> {
    let uid = rustix::process::getuid().as_raw();
    let systemd::UserManager {
        returns,
        stop_limit,
    } = systemd::user_manager(uid).await.ok()?;
    Some(UserManager {
        returns,
        stop_limit,
    })
}

async fn service(systemd: &Systemd, running_version: Option<String>) -> Service {
    let state = systemd.unit_file_state(SERVICE).await.ok().flatten();
    let file = match state {
        None => ServiceFile::Missing,
        ref state if is_masked(state.as_ref()) => ServiceFile::Masked,
        ref state if starts_at_boot(state.as_ref()) => ServiceFile::Enabled,
        Some(_) => ServiceFile::Disabled,
    };
    let services = systemd.services(&[SERVICE]).await.unwrap_or_default();
    let active = services
        .get(SERVICE)
        .is_some_and(|service| service.active == ActiveState::Active);
    Service {
        file,
        active,
        running_version: running_version.filter(|_| active),
    }
}

fn starts_at_boot(state: Option<&UnitFileState>) -> bool {
    matches!(
        state,
        Some(UnitFileState::Enabled | UnitFileState::Static | UnitFileState::Generated)
    )
}

fn is_masked(state: Option<&UnitFileState>) -> bool {
    matches!(
        state,
        Some(UnitFileState::Masked | UnitFileState::MaskedRuntime)
    )
}

/// The answer of this user's daemon, if it runs.
async fn daemon(layout: &Layout) -> Option<serde_json::Value> {
    sockets::ask(&layout.api_socket(), "/v1/status", LIMIT).await
}

fn port(is_ours: bool) -> Port {
    if is_ours {
        return Port::Answers;
    }
    match TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)) {
        Ok(_) => Port::Free,
        Err(_) => Port::Taken,
    }
}

/// Whether Quadlet can read the folder of units; `None` when it cannot be asked, which is a fact of
/// its own.
async fn units(layout: &Layout) -> Option<Result<(), UnitsBlocked>> {
    match generator::check_folder(&layout.units).await {
        Ok(()) => Some(Ok(())),
        Err(generator::Error::Blocked(blocked)) => Some(Err(blocked)),
        Err(_) => None,
    }
}

/// `None` when the desired state cannot be read.
fn built(layout: &Layout) -> Option<BuiltImages> {
    let desired = inputs::desired(layout, &mut ReadSet::begin()).ok()?;
    Some(BuiltImages {
        now_unix_s: now_unix_s(),
        as_of: as_of(&desired),
    })
}

/// `None` when the kernel does not tell, or the desired state cannot be read.
fn limits(layout: &Layout) -> Option<Controllers> {
    let desired = inputs::desired(layout, &mut ReadSet::begin()).ok()?;
    Some(Controllers {
        delegated: controllers::delegated()?,
        asked: controllers_asked(&desired),
    })
}

/// The wall clock, in seconds since 1970.
pub fn now_unix_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

/// The facts of this node for the translation of store apps.
#[must_use]
pub fn for_stores(layout: &Layout) -> NodeFacts {
    let host_name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host_name = host_name.trim().split('.').next().unwrap_or_default();
    let link = std::fs::read_link("/etc/localtime").unwrap_or_default();
    let time_zone = link.to_str().and_then(|path| path.split_once("zoneinfo/"));
    NodeFacts {
        host_name: host_name.to_owned(),
        time_zone: time_zone.map_or("Etc/UTC", |(_, zone)| zone).to_owned(),
        architecture: match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        }
        .to_owned(),
        shared_folder: layout.home.join("shared").display().to_string(),
    }
}
