//! Facts about the folders and disks that Archipelago uses.

use std::path::Path;

use archipelago_core::check::{DataFolder, Disk, Folder, FolderState};
use archipelago_core::data_folder::Claim;
use archipelago_core::layout::Layout;
use archipelago_core::quadlet::mark_of;

use crate::{data_folder, disk, folders};

pub(super) fn folder(purpose: &'static str, path: &Path) -> Folder {
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

pub(super) fn data_folder(layout: &Layout) -> DataFolder {
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
    if !disk::file_type(folder).is_ok_and(|kind| kind.is_some_and(|kind| kind.is_dir())) {
        return Err(rustix::io::Errno::NOTDIR);
    }
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)
}

pub(super) fn disks(layout: &Layout) -> Vec<Disk> {
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

/// Unit files with our mark whose app has no intent, neither to be there nor to be removed.
///
/// # Errors
/// When the units or the intents cannot be read: a person may delete an orphan.
pub(super) fn orphans(layout: &Layout) -> Result<Vec<String>, disk::Error> {
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

    use archipelago_core::name::AppId;

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
        assert!(error.starts_with("read the metadata of "), "{error}");
        disk::remove(&layout.intent(&app)).unwrap();
        std::fs::write(layout.intent(&app), "").unwrap();
        assert!(orphans(&layout).unwrap().is_empty());
        disk::remove_folder(&root).unwrap();
    }
}
