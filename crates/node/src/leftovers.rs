//! The leftovers of a process that was killed in the middle of a write.

use std::path::PathBuf;

use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_core::name::PREFIX;
use archipelago_host::cache::ReadSet;
use archipelago_host::disk;

/// Syncs the folders of secrets: a killed process may not have synced a secret that it linked, and
/// a loss of power would take it. Returns whether all are synced. A folder that cannot be listed is
/// not used either, and is tried again.
pub(crate) fn sync_secrets(layout: &Layout) -> Result<bool, disk::Error> {
    let root = layout.data.join("secrets");
    let Ok(apps) = disk::names(&root) else {
        return Ok(false);
    };
    let mut all = true;
    for app in apps {
        let folder = root.join(app);
        if disk::names(&folder).is_ok() {
            disk::sync_folder(&folder)?;
        } else {
            all = false;
        }
    }
    Ok(all)
}

/// Removes temporary files: a crash in the middle of a write leaves one, which nothing reads.
pub(crate) fn sweep(layout: &Layout, read_set: &mut ReadSet) {
    for folder in written_to(layout, read_set) {
        read_set.note(&folder);
        if let Err(error) = disk::sweep(&folder) {
            read_set.doubt();
            tracing::warn!("{}", chain(&error));
        }
    }
}

/// The folders in which passes and commands write files, all under the lock of passes.
fn written_to(layout: &Layout, read_set: &mut ReadSet) -> Vec<PathBuf> {
    let mut inside = |folder: PathBuf, wanted: fn(&str) -> bool| -> Vec<PathBuf> {
        let names = read_set.names(&folder).unwrap_or_default();
        let wanted = names.iter().filter(|name| wanted(name));
        wanted.map(|name| folder.join(name)).collect()
    };
    let shared = layout.retries();
    let mut folders = vec![
        layout.units.clone(),
        layout.apps(),
        layout.releases(),
        layout.operations(),
    ];
    folders.extend(shared.parent().map(PathBuf::from));
    folders.extend(inside(layout.history_of_all(), |_| true));
    // A container's folder of rendered files.
    folders.extend(inside(layout.data.clone(), |name| name.starts_with(PREFIX)));
    folders.extend(inside(layout.data.join("secrets"), |_| true));
    folders
}

#[cfg(test)]
mod tests {
    use archipelago_core::name::AppId;

    use super::*;

    #[test]
    fn what_a_killed_command_left_is_swept_up_wherever_it_writes() {
        let root = std::env::temp_dir().join(format!("archipelago-sweep-{}", std::process::id()));
        let layout = Layout::under(&root);
        let app = AppId::parse("web").unwrap();
        let left = format!("{}x", disk::TEMPORARY_PREFIX);
        let written = [
            layout.units.clone(),
            layout.apps(),
            layout.operations(),
            layout.secrets(&app),
            layout.rendered("archy-web"),
            layout.runtime.join("archipelago"),
        ];
        let apps_own = layout.volumes(&app);
        for folder in written.iter().chain([&apps_own]) {
            disk::make_folder(folder, 0o755).unwrap();
            for name in [left.as_str(), "kept"] {
                std::fs::write(folder.join(name), "").unwrap();
            }
        }
        sweep(&layout, &mut ReadSet::begin());
        for folder in &written {
            assert_eq!(disk::names(folder).unwrap(), ["kept"], "{folder:?}");
        }
        assert_eq!(disk::names(&apps_own).unwrap().len(), 2, "an app's data");
        disk::remove_folder(&root).unwrap();
    }
}
