//! The folders and disks that Archipelago uses, and what lies in them.

use super::facts::{DataFolder, Disk, Folder, FolderState};
use super::judgement::{Check, Remedy, UserStep, failed, ok, warning};
use crate::cause::UnitsBlocked;

/// Below this no image can be unpacked.
const FREE_MIB_LEAST: u64 = 256;

/// Below this the next image may not fit.
const FREE_MIB_GOOD: u64 = 2048;

pub(super) fn judge_data(data: &DataFolder) -> Check {
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

pub(super) fn judge_folder(user: &str, folder: &Folder) -> Check {
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

pub(super) fn judge_disk(disk: &Disk) -> Check {
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

pub(super) fn judge_orphans(orphans: &[String]) -> Check {
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

pub(super) fn judge_units(units: &Result<(), UnitsBlocked>) -> Check {
    match units {
        Ok(()) => ok("units", "Quadlet can read the unit files"),
        Err(cause) => failed(
            "units",
            cause.to_string(),
            "correct that file or move it away; what waits for it then continues",
            Remedy::Person,
        ),
    }
}
