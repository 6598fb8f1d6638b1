//! Judging a host: from what is known of it to what is right, what is not, and what to do about it.
//!
//! `archipelago doctor` shows the whole judgement, `setup` acts on it, and `install` refuses what has failed. A fact that nobody
//! looked for is absent and is not judged.

mod daemon;
mod facts;
mod ids;
pub mod needs;
mod places;
mod podman;
mod user;

use serde::Serialize;

use daemon::{judge_port, judge_service};
use places::{judge_data, judge_disk, judge_folder, judge_orphans, judge_units};
use podman::{
    judge_api, judge_cgroup, judge_generator, judge_helpers, judge_locks, judge_network,
    judge_podman, judge_socket,
};
use user::{judge_id_mappers, judge_linger, judge_manager, judge_subordinate_ids, judge_systemd};

pub use facts::{
    Api, DataFolder, Disk, Facts, Folder, FolderState, Network, Port, Service, ServiceFile, Socket,
    UserManager,
};
pub use ids::{free_subordinate_range, subordinate_ids};
pub use podman::{PODMAN_OLDEST, podman_version};
pub use user::{STOP_LIMIT, SUBORDINATE_IDS};

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
        free_locks,
        cgroup_v2,
        network,
        data,
        helpers_gone,
        folders,
        disks,
        service,
        port,
        orphans,
        units,
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
        free_locks.map(judge_locks),
        cgroup_v2.map(judge_cgroup),
        network.map(judge_network),
        helpers_gone.as_ref().map(judge_helpers),
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
