//! Judging a host: from what is known of it to what is right, what is not, and what to do about it.
//!
//! `archipelago doctor` shows the whole judgement, `setup` acts on it, and `install` refuses what
//! has failed. A fact that was not gathered is absent and is not judged.

mod built;
mod controllers;
mod daemon;
mod facts;
mod ids;
mod judgement;
pub mod needs;
mod networks;
mod places;
mod podman;
mod user;

use daemon::{judge_port, judge_service};
use judgement::failed;
use places::{judge_data, judge_disk, judge_folder, judge_orphans, judge_units};
use podman::{
    judge_api, judge_cgroup, judge_generator, judge_helpers, judge_images, judge_locks,
    judge_network, judge_podman, judge_socket,
};
use user::{judge_id_mappers, judge_linger, judge_manager, judge_subordinate_ids, judge_systemd};

pub use built::as_of;
pub use controllers::asked as controllers_asked;
pub use facts::{
    Api, BuiltImages, Controllers, DamagedImages, DataFolder, Disk, Facts, Folder, FolderState,
    Network, Port, ProgramError, Service, ServiceFile, Socket, UserManager,
};
pub use ids::{free_subordinate_range, subordinate_ids};
pub use judgement::{Check, Remedy, State, UserStep};
pub use podman::{PODMAN_OLDEST, podman_version};
pub use user::{STOP_LIMIT, SUBORDINATE_IDS};

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
        built,
        free_locks,
        cgroup_v2,
        controllers,
        network,
        data,
        helpers_gone,
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
        built.as_ref().and_then(built::judge_built),
        free_locks.map(judge_locks),
        cgroup_v2.map(judge_cgroup),
        controllers.as_ref().map(controllers::judge_controllers),
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
    checks.extend(unisolated.as_ref().map(networks::judge_isolation));
    checks
}

/// The report for root, to whom no other row applies.
#[must_use]
pub fn judge_root() -> Check {
    failed(
        "user",
        "this is root, whose containers would run as root",
        "log in as the user that the apps belong to (sudo machinectl shell USER@)",
        Remedy::Person,
    )
}

#[cfg(test)]
mod tests;
