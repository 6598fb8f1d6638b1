//! Facts of this host and user, for [`archipelago_core::check`] to judge. Nothing is changed.
//!
//! [`at_rest`] starts no process and wakes no socket, so every command may use it. [`all`] asks
//! Podman and both systemds too.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use archipelago_core::cause::UnitsBlocked;
use archipelago_core::check::{
    Api, BuiltImages, Controllers, DamagedImages, DataFolder, Disk, Facts, Folder, FolderState,
    Network, NoAnswer, Port, Service, ServiceFile, Socket, UserManager, as_of, controllers_asked,
    subordinate_ids,
};
use archipelago_core::data_folder::Claim;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::observed::Helper;
use archipelago_core::printable::one_line;
use archipelago_core::quadlet::{VERSION, mark_of};

use super::accounts::account;
use super::cache::ReadSet;
use super::podman::{Info, Podman};
use super::systemd::{self, ActiveState, Systemd, UnitFileState};
use super::{
    controllers, data_folder, disk, folders, generator, image_inventory, inputs, inventory,
    network_helpers, sockets,
};
use archipelago_core::config::PORT;
use archipelago_core::error::chain;

/// The daemon's unit.
pub const SERVICE: &str = "archipelago.service";

/// The socket of Podman's API.
pub const SOCKET: &str = "podman.socket";

/// A program or daemon that takes longer than this does not answer.
const LIMIT: Duration = Duration::from_secs(20);

/// Rootless units of Podman 5.3 and later wait in this service.
const NETWORK_WAIT: &str = "/usr/lib/systemd/user/podman-user-wait-network-online.service";

/// The name of this user.
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
/// When the file cannot be looked at.
pub fn lingers(user: &str) -> Result<bool, disk::Error> {
    disk::exists(&Path::new("/var/lib/systemd/linger").join(user))
}

/// The facts that need no process and no answer from Podman.
pub fn at_rest(layout: &Layout) -> Facts {
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
    let data = data_folder(layout);
    let mut folders = vec![
        folder("config", &layout.apps()),
        folder("units", &layout.units),
        folder("runtime", &layout.runtime),
    ];
    // Of a disk that is not mounted, the folder is of no interest.
    if !matches!(data, DataFolder::Refused { .. }) {
        folders.insert(2, folder("data", &layout.data));
    }
    Facts {
        linger: lingers(&user).ok(),
        subordinate_ids: Some((ids("/etc/subuid"), ids("/etc/subgid"))),
        id_mappers_missing: Some(missing.map(str::to_owned).collect()),
        podman: (!on_path("podman")).then_some(Err(NoAnswer::NoProgram)),
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
        disks: disks(layout),
        orphans: orphans(layout).ok(),
        built: built(layout),
        controllers: limits(layout),
        units: units(layout).await,
        ..at_rest(layout)
    };
    let daemon = daemon(layout).await;
    let says = |key| daemon.as_ref().map(|daemon| &daemon[key]);
    let version = says("version").and_then(|version| version.as_str());
    facts.port = Some(port(says("has_port") == Some(&true.into())));
    let systemd = match Systemd::connect().await {
        Ok(systemd) => systemd,
        Err(error) => {
            facts.systemd = Some(Err(NoAnswer::Refused(chain(&error))));
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
            facts.images = images().await;
            let info = podman_info().await;
            facts.free_locks = info.as_ref().ok().and_then(|info| info.free_locks);
            facts.api = Some(info.map(|info| Api {
                rootless: info.rootless,
                version: info.version,
            }));
            facts.unisolated = unisolated(layout).await;
        }
    }
    facts
}

/// Runs `podman --version`, which opens no storage and no namespace.
/// # Errors
/// When there is no Podman or it does not work.
pub async fn podman_version() -> Result<String, NoAnswer> {
    output("podman", &["--version"]).await
}

async fn output(program: &str, arguments: &[&str]) -> Result<String, NoAnswer> {
    let name = || program.to_owned();
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(LIMIT, output).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => {
            return Err(NoAnswer::NotRun {
                program: name(),
                cause: error.to_string(),
            });
        }
        Err(_) => {
            return Err(NoAnswer::NotEnded {
                program: name(),
                limit: LIMIT,
            });
        }
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(NoAnswer::Failed {
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

fn folder(purpose: &'static str, path: &Path) -> Folder {
    let nearest = disk::nearest(path).ok().flatten();
    let state = match nearest.map(write_access) {
        Some(Ok(())) if nearest == Some(path) => FolderState::Writable,
        Some(Ok(())) => FolderState::Missing,
        Some(Err(rustix::io::Errno::ROFS)) => FolderState::ReadOnly,
        Some(Err(_)) | None => FolderState::Refused,
    };
    Folder {
        purpose,
        path: path.to_owned(),
        state,
    }
}

fn data_folder(layout: &Layout) -> DataFolder {
    let path = layout.data.clone();
    match data_folder::claim(layout) {
        Claim::Held => DataFolder::Ours(path),
        Claim::Take(_) => DataFolder::Unmarked(path),
        Claim::Refused(refusal) => DataFolder::Refused {
            finding: refusal.finding(layout),
            cure: refusal.cure(layout),
        },
    }
}

/// Whether this user may make files in a folder.
fn write_access(folder: &Path) -> Result<(), rustix::io::Errno> {
    use rustix::fs::Access;
    if !disk::kind(folder).is_ok_and(|kind| kind.is_some_and(|kind| kind.is_dir())) {
        return Err(rustix::io::Errno::NOTDIR);
    }
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)
}

fn disks(layout: &Layout) -> Vec<Disk> {
    let mut disks: Vec<Disk> = disk_of("data", &layout.data).into_iter().collect();
    disks
        .extend(folders::podman_storage().and_then(|path| disk_of("images and containers", &path)));
    disks
}

/// Of the folder, or where it will be made.
fn disk_of(purpose: &'static str, path: &Path) -> Option<Disk> {
    let there = disk::nearest(path).ok()??;
    let stat = rustix::fs::statvfs(there).ok()?;
    Some(Disk {
        purpose,
        path: path.to_owned(),
        free_mib: stat.f_bavail.saturating_mul(stat.f_frsize) >> 20,
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
        awaited: disk::is_there(Path::new(NETWORK_WAIT)),
        reached: ActiveState::from(value("ActiveState")) == ActiveState::Active,
        wanted: !value("WantedBy").is_empty() || !value("RequiredBy").is_empty(),
    }
}

/// Only what some container of ours misses: Podman's files may be left over from earlier ones.
fn helpers_gone() -> BTreeSet<Helper> {
    let (gone, members) = network_helpers::look();
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

/// Whether Podman can list its images; `None` when it does not answer, which is a fact of its own.
async fn images() -> Option<Result<(), DamagedImages>> {
    let podman = Podman::for_this_user();
    let listed = tokio::time::timeout(LIMIT, podman.images()).await.ok()?;
    match listed {
        Ok(_) => Some(Ok(())),
        Err(error) if error.is_failure() => {
            let damaged = tokio::time::timeout(LIMIT, image_inventory::damaged(&podman)).await;
            let found = damaged.unwrap_or_default();
            Some(Err(DamagedImages {
                cause: error.message(),
                found: found
                    .into_iter()
                    .map(|(image, _)| (image.id, image.names))
                    .collect(),
            }))
        }
        Err(_) => None,
    }
}

async fn podman_info() -> Result<Info, NoAnswer> {
    match tokio::time::timeout(LIMIT, Podman::for_this_user().info()).await {
        Ok(info) => info.map_err(|error| NoAnswer::Refused(chain(&error))),
        Err(_) => Err(NoAnswer::Silent(LIMIT)),
    }
}

/// `None` when Podman does not tell, or the intents cannot be looked at.
async fn unisolated(layout: &Layout) -> Option<BTreeSet<AppId>> {
    let podman = Podman::for_this_user();
    let networks = tokio::time::timeout(LIMIT, inventory::networks(&podman));
    let networks = networks.await.ok()?.ok()?;
    let open = networks.into_values().filter(|network| !network.isolated);
    let mut apps = BTreeSet::new();
    for app in open.filter_map(|network| network.owner) {
        if disk::exists(&layout.intent(&app)).ok()? {
            apps.insert(app);
        }
    }
    Some(apps)
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

/// Unit files with our mark whose app has no intent, neither to be there nor to be removed.
///
/// # Errors
/// When the units or the intents cannot be looked at: a person may delete an orphan.
fn orphans(layout: &Layout) -> Result<Vec<String>, disk::Error> {
    let mut orphans = Vec::new();
    for name in disk::names(&layout.units)? {
        let content = disk::read_file(&layout.unit(&name)).unwrap_or_default();
        if let Some(mark) = mark_of(&content)
            && !disk::exists(&layout.intent(&mark.app))?
        {
            orphans.push(name);
        }
    }
    Ok(orphans)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_unit_is_an_orphan_only_when_its_app_surely_has_no_intent() {
        let folder = format!("archipelago-orphans-{}", std::process::id());
        let root = std::env::temp_dir().join(folder);
        let layout = Layout::under(&root);
        disk::make_folder(&layout.units, 0o755).unwrap();
        disk::make_folder(&layout.apps(), 0o700).unwrap();
        let section = "[X-Archipelago]\nApp=web\nCompanion=false\nRevision=1\nVersion=0.1.0\n";
        std::fs::write(layout.unit("archy-web.container"), section).unwrap();
        assert_eq!(orphans(&layout).unwrap(), ["archy-web.container"]);
        let app = AppId::parse("web").unwrap();
        // Nobody, not even root, gets behind this link.
        symlink("web.toml", layout.intent(&app)).unwrap();
        let error = orphans(&layout).unwrap_err().to_string();
        assert!(error.starts_with("look at "), "{error}");
        disk::remove(&layout.intent(&app)).unwrap();
        std::fs::write(layout.intent(&app), "").unwrap();
        assert!(orphans(&layout).unwrap().is_empty());
        disk::remove_folder(&root).unwrap();
    }
}
