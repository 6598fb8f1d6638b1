//! Judging a host: from what is known of it to what is right, what is not, and what to do about it.
//!
//! `archipelago doctor` shows the whole judgement, `setup` acts on it, and `install` refuses what has failed. A fact that nobody
//! looked for is absent and is not judged.

mod facts;
mod ids;
mod networks;

use std::time::Duration;

use serde::Serialize;

pub use facts::{
    Api, DamagedImages, DataFolder, Disk, Facts, Folder, FolderState, Network, Port, Service,
    ServiceFile, Socket, UserManager,
};
pub use ids::{free_subordinate_range, subordinate_ids};

/// The oldest Podman whose Quadlet knows every unit that we write.
pub const PODMAN_OLDEST: (u32, u32) = (4, 9);

/// Podman before 5.0 starts rootless networks in another way, with which nothing here is tested.
const PODMAN_TESTED: (u32, u32) = (5, 0);

/// The ids that an image's users and groups may have: 16 bits (`subuid(5)`; Podman's own advice).
pub const SUBORDINATE_IDS: u64 = 65_536;

/// How long a user's systemd should be given to stop with all its services. A Bitcoin node may write for 15 minutes, after those that call it
/// have stopped; the system itself gives up on a shutdown after 30 (`JobTimeoutSec=` of `reboot.target`).
pub const STOP_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Below this no image can be unpacked.
const FREE_MIB_LEAST: u64 = 256;

/// Below this the next image may not fit.
const FREE_MIB_GOOD: u64 = 2048;

/// Below this Podman may not have a lock for all of the next apps: one app can have 40 services, with as many volumes.
const FREE_LOCKS_GOOD: u32 = 200;

/// One judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at; stable, for programs.
    pub name: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub finding: String,
    /// What to do about it; absent when it is right.
    pub cure: Option<String>,
    /// Who can do that.
    #[serde(skip)]
    pub remedy: Option<Remedy>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Right.
    Ok,
    /// It works, but not as well as it could.
    Warning,
    /// Apps cannot be installed, or do not come back as promised.
    Failed,
}

/// Who can put something right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// `archipelago setup`, as the user.
    User(UserStep),
    /// `sudo archipelago setup --for USER`.
    Root,
    /// Only a person, who must decide something.
    Person,
}

/// What `archipelago setup` does as the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserStep {
    /// Make the missing folders.
    Folders,
    /// Ask logind to let the services run without a login.
    Linger,
    /// Enable and start `podman.socket`.
    Socket,
    /// Install, enable and start `archipelago.service`.
    Service,
}

/// Judges all that is known.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Check> {
    let Facts {
        user,
        version,
        systemd,
        linger,
        manager,
        subordinate_ids,
        id_mappers_missing,
        podman,
        generator,
        socket,
        api,
        images,
        free_locks,
        cgroup_v2,
        network,
        data,
        folders,
        disks,
        service,
        port,
        orphans,
        units,
        unisolated,
    } = facts;
    let mut checks: Vec<Check> = [
        systemd.as_ref().map(|answer| judge_systemd(user, answer)),
        linger.map(|linger| judge_linger(user, linger)),
        manager.map(|manager| judge_manager(user, manager)),
        subordinate_ids.map(|ids| judge_subordinate_ids(user, ids)),
        id_mappers_missing.as_deref().map(judge_id_mappers),
        podman.as_ref().map(judge_podman),
        generator.map(judge_generator),
        socket.map(judge_socket),
        api.as_ref().map(judge_api),
        images.as_ref().map(judge_images),
        free_locks.map(judge_locks),
        cgroup_v2.map(judge_cgroup),
        network.map(judge_network),
    ]
    .into_iter()
    .flatten()
    .collect();
    checks.extend(data.as_ref().map(judge_data));
    checks.extend(folders.iter().map(|folder| judge_folder(user, folder)));
    checks.extend(disks.iter().map(judge_disk));
    checks.extend(
        service
            .as_ref()
            .map(|service| judge_service(version, service)),
    );
    checks.extend(port.map(|port| judge_port(port, service.as_ref())));
    checks.extend(orphans.as_deref().map(judge_orphans));
    checks.extend(units.as_ref().map(judge_units));
    checks.extend(unisolated.as_ref().map(networks::judge_isolation));
    checks
}

/// What doctor says to root, for whom nothing else matters.
#[must_use]
pub fn judge_root() -> Check {
    failed(
        "user",
        "this is root, whose containers would run as root",
        "log in as the user that the apps belong to (sudo machinectl shell USER@)",
        Remedy::Person,
    )
}

fn judge_systemd(user: &str, answer: &Result<(), String>) -> Check {
    match answer {
        Ok(()) => ok("user-services", "the user's systemd answers"),
        Err(problem) => failed(
            "user-services",
            format!("the user's systemd does not answer: {problem}"),
            format!(
                "let {user}'s services run without a login: sudo loginctl enable-linger {user}; and log in as {user} (sudo machinectl shell {user}@), not by su or sudo"
            ),
            Remedy::Root,
        ),
    }
}

fn judge_linger(user: &str, linger: bool) -> Check {
    if linger {
        return ok(
            "linger",
            format!("the services of {user} run from boot on, without a login"),
        );
    }
    failed(
        "linger",
        format!("the services of {user} end when {user} logs out"),
        format!("sudo loginctl enable-linger {user}"),
        Remedy::User(UserStep::Linger),
    )
}

fn judge_manager(user: &str, manager: UserManager) -> Check {
    let UserManager {
        returns,
        stop_limit,
    } = manager;
    let short = stop_limit.filter(|limit| *limit < STOP_LIMIT);
    let problem = match (returns, short) {
        (false, _) => {
            "when the user's systemd is killed, all apps stay down until the next boot".to_owned()
        }
        (true, Some(limit)) => format!(
            "at a shutdown all apps together have {} s to write what they must, and are killed then; a Bitcoin node may need 15 minutes",
            limit.as_secs()
        ),
        (true, None) => {
            return ok(
                "user-manager",
                "the user's systemd is started again when it was killed, and waits for apps to stop",
            );
        }
    };
    Check {
        remedy: Some(Remedy::Root),
        ..warning(
            "user-manager",
            problem,
            format!("sudo archipelago setup --for {user}"),
        )
    }
}

fn judge_subordinate_ids(user: &str, (uids, gids): (u64, u64)) -> Check {
    if uids >= SUBORDINATE_IDS && gids >= SUBORDINATE_IDS {
        return ok(
            "subordinate-ids",
            format!("{uids} user ids and {gids} group ids for containers"),
        );
    }
    failed(
        "subordinate-ids",
        format!(
            "{user} has {uids} user ids and {gids} group ids for containers (/etc/subuid, /etc/subgid); images need {SUBORDINATE_IDS} of each"
        ),
        format!("sudo archipelago setup --for {user}, then: podman system migrate"),
        Remedy::Root,
    )
}

fn judge_id_mappers(missing: &[String]) -> Check {
    if missing.is_empty() {
        return ok("newuidmap", "newuidmap and newgidmap are installed");
    }
    failed(
        "newuidmap",
        format!("{} not installed", missing.join(" and ")),
        "sudo apt install uidmap",
        Remedy::Person,
    )
}

fn judge_podman(podman: &Result<String, String>) -> Check {
    const INSTALL: &str = "install Podman 4.9 or newer (Debian 13 has it: sudo apt install podman)";
    let text = match podman {
        Err(problem) => {
            return failed(
                "podman",
                format!("Podman does not run: {problem}"),
                INSTALL,
                Remedy::Person,
            );
        }
        Ok(text) => text,
    };
    match podman_version(text) {
        None => failed(
            "podman",
            format!("Podman does not say its version, but {text:?}"),
            INSTALL,
            Remedy::Person,
        ),
        Some(version) if version < PODMAN_OLDEST => failed(
            "podman",
            format!(
                "Podman {}.{} is too old: its Quadlet does not know all that is needed",
                version.0, version.1
            ),
            INSTALL,
            Remedy::Person,
        ),
        Some(version) if version < PODMAN_TESTED => warning(
            "podman",
            format!(
                "Podman {}.{} should do, but only 5.0 and newer are tested",
                version.0, version.1
            ),
            "upgrade Podman when the system has a newer one",
        ),
        Some(_) => ok("podman", text.trim()),
    }
}

/// Major and minor of a text such as `podman version 5.4.2` or `4.9.3-dev`.
#[must_use]
pub fn podman_version(text: &str) -> Option<(u32, u32)> {
    let version = text
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut parts = version.split(['.', '-', '+', '~']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn judge_generator(there: bool) -> Check {
    if there {
        return ok("quadlet", "Podman's Quadlet generator is installed");
    }
    failed(
        "quadlet",
        "Podman with its Quadlet generator is not installed (podman 4.9 or newer)",
        "sudo apt install podman",
        Remedy::Person,
    )
}

fn judge_socket(socket: Socket) -> Check {
    let Socket {
        listening,
        enabled,
        masked,
    } = socket;
    if masked {
        return failed(
            "podman-socket",
            "podman.socket is masked, so Podman's API cannot be asked",
            "systemctl --user unmask podman.socket, then: archipelago setup",
            Remedy::Person,
        );
    }
    let cure = "systemctl --user enable --now podman.socket (archipelago setup does it)";
    let remedy = Remedy::User(UserStep::Socket);
    if !listening {
        return failed(
            "podman-socket",
            "podman.socket is not running",
            cure,
            remedy,
        );
    }
    if enabled == Some(false) {
        return failed(
            "podman-socket",
            "podman.socket is running, but not after the next boot",
            cure,
            remedy,
        );
    }
    ok("podman-socket", "podman.socket is running")
}

fn judge_api(api: &Result<Api, String>) -> Check {
    match api {
        Ok(Api {
            rootless: true,
            version,
        }) => ok(
            "podman-api",
            format!("Podman {version} answers, without root"),
        ),
        Ok(Api {
            rootless: false, ..
        }) => failed(
            "podman-api",
            "the Podman that answers runs as root",
            "unset CONTAINER_HOST and see that podman.socket is the user's: systemctl --user status podman.socket",
            Remedy::Person,
        ),
        Err(problem) => failed(
            "podman-api",
            format!("Podman's API does not answer: {problem}"),
            "systemctl --user status podman.service, podman info",
            Remedy::Person,
        ),
    }
}

/// An image that is damaged is got again where an app needs it. What is missing of a layer only its removal puts right, and one that lost
/// its name to the new one stays in the way of the list.
fn judge_images(images: &Result<(), DamagedImages>) -> Check {
    let DamagedImages { cause, found } = match images {
        Ok(()) => return ok("images", "Podman can list its images"),
        Err(damaged) => damaged,
    };
    let (ids, named): (Vec<&str>, Vec<String>) = found
        .iter()
        .map(|(id, names)| {
            let names = names.join(", ");
            let named = if names.is_empty() {
                "without a name"
            } else {
                &names
            };
            let short: String = id.chars().take(12).collect();
            (id.as_str(), format!("{short} ({named})"))
        })
        .unzip();
    let damaged = if named.is_empty() {
        String::new()
    } else {
        format!("; damaged: {}", named.join(", "))
    };
    let remove = if ids.is_empty() {
        "podman rmi --force ID, for each ID that podman image inspect fails for".to_owned()
    } else {
        format!("podman rmi --force {}", ids.join(" "))
    };
    failed(
        "images",
        format!("Podman cannot list its images: {cause}{damaged}"),
        format!(
            "{remove} (it ends the containers that run with it; images of apps are got again by themselves)"
        ),
        Remedy::Person,
    )
}

/// The locks are made for one number at boot. With another one Podman then refuses every command, also `podman stop`, so containers
/// stop before; and without root also `podman system renumber`, which should put that right (Podman's issue 16119), hence the reboot.
fn judge_locks(free: u32) -> Check {
    const CURE: &str = "podman ps --all, podman pod ls and podman volume ls tell what has them. For more: \
        systemctl --user stop archipelago && systemctl --user stop 'archy-*', and podman stop --all; \
        then set num_locks (2048 when it is not set) under [engine] in ~/.config/containers/containers.conf, and reboot";
    let finding = format!("Podman has locks for {free} more containers, volumes and pods");
    match free {
        0 => failed("locks", finding, CURE, Remedy::Person),
        1..FREE_LOCKS_GOOD => warning("locks", finding, CURE),
        _ => ok("locks", finding),
    }
}

fn judge_cgroup(two: bool) -> Check {
    if two {
        return ok("cgroups", "control groups are of version 2");
    }
    failed(
        "cgroups",
        "control groups are not of version 2 (/sys/fs/cgroup)",
        "remove systemd.unified_cgroup_hierarchy=0 and cgroup_no_v1 from the kernel's command line, and reboot",
        Remedy::Person,
    )
}

fn judge_network(network: Network) -> Check {
    const CURE: &str = "sudo systemctl add-wants multi-user.target network-online.target && sudo systemctl start network-online.target";
    let Network {
        awaited,
        reached,
        wanted,
    } = network;
    match (awaited, reached, wanted) {
        (false, ..) => ok(
            "network-online",
            "this Podman does not wait for the network",
        ),
        (true, true, true) => ok("network-online", "network-online.target is reached at boot"),
        (true, true, false) => warning(
            "network-online",
            "nothing wants network-online.target: after the next boot the first app may wait 90 s for it",
            CURE,
        ),
        (true, false, _) => failed(
            "network-online",
            "network-online.target is not reached: the first start of an app waits 90 s for it (podman-user-wait-network-online.service)",
            CURE,
            Remedy::Root,
        ),
    }
}

fn judge_data(data: &DataFolder) -> Check {
    match data {
        DataFolder::Ours(path) => ok(
            "data",
            format!("{} is this node's data folder", path.display()),
        ),
        DataFolder::Unmarked(path) => ok(
            "data",
            format!(
                "{} becomes this node's data folder with the first app",
                path.display()
            ),
        ),
        DataFolder::Refused { finding, cure } => {
            failed("data", finding.as_str(), cure.as_str(), Remedy::Person)
        }
    }
}

fn judge_folder(user: &str, folder: &Folder) -> Check {
    let Folder {
        purpose,
        path,
        state,
    } = folder;
    let name = match *purpose {
        "config" => "folder-config",
        "units" => "folder-units",
        "data" => "folder-data",
        _ => "folder-runtime",
    };
    let path = path.display();
    match state {
        FolderState::Writable => ok(name, format!("{path} is writable")),
        FolderState::Missing => Check {
            remedy: Some(Remedy::User(UserStep::Folders)),
            ..warning(
                name,
                format!("{path} is not there yet"),
                "archipelago setup makes it",
            )
        },
        FolderState::ReadOnly => failed(
            name,
            format!("the file system of {path} is read-only"),
            format!(
                "sudo dmesg tells whether the disk is failing; after that, sudo mount -o remount,rw \"$(findmnt -no TARGET --target {path})\""
            ),
            Remedy::Person,
        ),
        FolderState::Refused => failed(
            name,
            format!("{path} is not writable for {user}"),
            format!("sudo chown {user}: {path} && sudo chmod u+rwx {path}"),
            Remedy::Person,
        ),
    }
}

fn judge_disk(disk: &Disk) -> Check {
    let Disk {
        purpose,
        path,
        free_mib,
    } = disk;
    let finding = format!(
        "{free_mib} MiB are free for {purpose} in {}",
        path.display()
    );
    let cure = "free some space (podman image prune removes images that nothing uses)";
    match *free_mib {
        free if free < FREE_MIB_LEAST => failed("disk", finding, cure, Remedy::Person),
        free if free < FREE_MIB_GOOD => warning("disk", finding, cure),
        _ => ok("disk", finding),
    }
}

fn judge_service(version: &str, service: &Service) -> Check {
    let Service {
        file,
        active,
        running_version,
    } = service;
    let cure = |problem: String| {
        failed(
            "service",
            problem,
            "archipelago setup",
            Remedy::User(UserStep::Service),
        )
    };
    match (file, active, running_version) {
        (ServiceFile::Masked, ..) => warning(
            "service",
            "archipelago.service is masked: apps run, but nothing repairs them",
            "systemctl --user unmask archipelago.service, then: archipelago setup",
        ),
        (ServiceFile::Missing, ..) => cure("archipelago.service is not installed".to_owned()),
        (ServiceFile::Disabled, ..) => cure(
            "archipelago.service is not enabled: after the next boot nothing repairs the apps"
                .to_owned(),
        ),
        (ServiceFile::Enabled, false, _) => {
            cure("archipelago.service is not running: nothing repairs the apps".to_owned())
        }
        (ServiceFile::Enabled, true, Some(running)) if running != version => cure(format!(
            "archipelago.service runs version {running}, this is {version}"
        )),
        (ServiceFile::Enabled, true, _) => ok(
            "service",
            format!("archipelago.service is enabled and runs {version}"),
        ),
    }
}

fn judge_port(port: Port, service: Option<&Service>) -> Check {
    match (port, service) {
        (Port::Free, _) => ok("port", "port 5678 is free"),
        (Port::Answers, Some(service)) if !service.active => failed(
            "port",
            "an archipelago daemon that is not this user's service has port 5678",
            "ss -ltnp 'sport = :5678' tells which; stop it, then: systemctl --user restart archipelago",
            Remedy::Person,
        ),
        (Port::Answers, _) => ok("port", "the daemon answers on port 5678"),
        (Port::Taken, _) => warning(
            "port",
            "another program, or another user's daemon, has port 5678: passes are made all the same, but /health of this user is not answered",
            "ss -ltnp 'sport = :5678' tells which; once it is stopped, the daemon takes the port by itself",
        ),
    }
}

fn judge_orphans(orphans: &[String]) -> Check {
    if orphans.is_empty() {
        return ok("orphans", "every unit of ours belongs to an installed app");
    }
    warning(
        "orphans",
        format!(
            "the apps of these units are not installed any more: {}",
            orphans.join(", ")
        ),
        "install the app again and uninstall it, or delete the files and run: systemctl --user daemon-reload",
    )
}

fn judge_units(units: &Result<(), String>) -> Check {
    match units {
        Ok(()) => ok("units", "Quadlet can read the unit files"),
        Err(cause) => failed(
            "units",
            cause,
            "mend that file or move it away; what waits for that goes on by itself",
            Remedy::Person,
        ),
    }
}

fn ok(name: &'static str, finding: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Ok,
        finding: finding.into(),
        cure: None,
        remedy: None,
    }
}

fn warning(name: &'static str, finding: impl Into<String>, cure: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Warning,
        finding: finding.into(),
        cure: Some(cure.into()),
        remedy: Some(Remedy::Person),
    }
}

fn failed(
    name: &'static str,
    finding: impl Into<String>,
    cure: impl Into<String>,
    remedy: Remedy,
) -> Check {
    Check {
        name,
        state: State::Failed,
        finding: finding.into(),
        cure: Some(cure.into()),
        remedy: Some(remedy),
    }
}

#[cfg(test)]
mod tests;
