//! The copy of an app's data beside them, made before a new version runs on them, and the way back.
//!
//! The copy lies in the data folder, so that a rename puts it in place. It is `whole` only once all
//! of it is on the disk. What it replaces is moved aside, never removed here; what is needed no
//! more goes to a folder of its own, which is removed beside the passes.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{DataFacts, OperationId};
use archipelago_core::printable::one_line;
use rustix::fs::{CWD, Mode, OFlags, ioctl_ficlone, openat, statvfs};
use tokio::process::Command;

use crate::{data_folder, disk, mounts};

const PRIVATE_FOLDER: u32 = 0o700;
const WHOLE: &str = "whole";

/// Why data could not be copied, or put back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error(transparent)]
    DataFolder(#[from] data_folder::Error),
    #[error("look for mounts among the data of {0}")]
    Mounts(AppId, #[source] io::Error),
    #[error("start podman unshare {program}")]
    Start {
        program: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("{} does not hold the copy of the data", .0.display())]
    NoCopy(PathBuf),
    /// The words are those of the program.
    #[error("podman unshare {program} failed: {words}")]
    Program {
        program: &'static str,
        words: String,
    },
}

/// The parts of an app's data by their names in a copy, and their places.
fn parts(layout: &Layout, app: &AppId) -> [(&'static str, PathBuf); 2] {
    [
        ("volumes", layout.volumes(app)),
        ("files", layout.files(app)),
    ]
}

/// Observes an app's data, and the disk that they are on. Nothing is written.
///
/// # Errors
/// When it cannot be told where they are.
pub async fn observe(layout: &Layout, app: &AppId) -> Result<DataFacts, Error> {
    let all = parts(layout, app).into_iter().map(|(_, folder)| folder);
    let all: Vec<PathBuf> = all.filter(|folder| disk::may_exist(folder)).collect();
    let mut elsewhere = Vec::new();
    let own_device = device(&layout.data)?;
    for folder in &all {
        match device(folder)? == own_device {
            true => elsewhere.extend(elsewhere_in(layout, app, folder)?),
            // A rename could not put a copy in place there.
            false => elsewhere.push(folder.clone()),
        }
    }
    let room = statvfs(&layout.data).ok();
    Ok(DataFacts {
        bytes: size(&all).await?,
        free_bytes: room.map(|room| room.f_bavail.saturating_mul(room.f_frsize)),
        by_reference: copies_by_reference(&layout.data),
        elsewhere,
    })
}

fn device(folder: &Path) -> Result<u64, disk::Error> {
    let metadata = std::fs::metadata(folder);
    let metadata = metadata.map_err(disk::failed("read the metadata of", folder))?;
    Ok(metadata.dev())
}

/// The parts in a folder that do not lie in it themselves.
fn elsewhere_in(layout: &Layout, app: &AppId, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    if disk::read_link(folder)?.is_some() {
        return Ok(vec![folder.to_owned()]);
    }
    let mounted = mounts::beneath(layout, folder);
    let mounted = mounted.map_err(|error| Error::Mounts(app.clone(), error))?;
    if !mounted.is_empty() {
        return Ok(vec![folder.to_owned()]);
    }
    let mut links = Vec::new();
    for name in disk::names(folder)? {
        let path = folder.join(name);
        if disk::read_link(&path)?.is_some() {
            links.push(path);
        }
    }
    Ok(links)
}

/// The room that folders take; `None` when `du` says no number.
async fn size(folders: &[PathBuf]) -> Result<Option<u64>, Error> {
    if folders.is_empty() {
        return Ok(Some(0));
    }
    let mut command = unshare("du");
    command.args(["--summarize", "--total", "--block-size=1", "--"]);
    // It ends with an error when a file vanishes while it counts, and prints the total then too.
    let output = command.args(folders).output().await;
    let output = output.map_err(|source| Error::Start {
        program: "du",
        source,
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let total = text.lines().last().and_then(|line| line.split('\t').next());
    Ok(total.and_then(|total| total.parse().ok()))
}

/// Whether the file system of a folder copies by reference (ioctl_ficlone(2)). The files that show
/// it have no names.
fn copies_by_reference(folder: &Path) -> bool {
    let unnamed = || {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        openat(CWD, folder, flags, Mode::RUSR | Mode::WUSR)
    };
    let (Ok(from), Ok(to)) = (unnamed(), unnamed()) else {
        return false;
    };
    // An empty file can be cloned on more file systems.
    rustix::io::write(&from, b"x").is_ok() && ioctl_ficlone(&to, &from).is_ok()
}

/// Copies the data of an app that does not run: whole and durable, or with nothing that counts as
/// a copy. Should this process be killed, the program that copies goes on for a moment, in a folder
/// that is named after the operation.
///
/// # Errors
/// When something cannot be read or written.
pub async fn make(layout: &Layout, app: &AppId, id: OperationId) -> Result<(), Error> {
    data_folder::ensure_ours(layout)?;
    let place = layout.undo(app);
    let new = place.join(id.to_string());
    data_folder::make_folder(layout, &new, PRIVATE_FOLDER)?;
    for (name, folder) in parts(layout, app) {
        let to = new.join(name);
        if !disk::may_exist(&folder) {
            disk::make_folder(&to, PRIVATE_FOLDER)?;
            continue;
        }
        let mut command = unshare("cp");
        command.args(["--archive", "--reflink=auto", "--no-target-directory", "--"]);
        run("cp", command.arg(&folder).arg(&to)).await?;
    }
    sync(&new)?;
    Ok(disk::put_in_place(&new, &place.join(WHOLE))?)
}

/// Puts the copy in place of the data. The lock of passes is held, and the app does not run. While
/// a part of the copy exists, it has not been put back yet, so this may be repeated after a crash
/// at any instant.
///
/// # Errors
/// When the disk refuses.
pub fn put_back(layout: &Layout, app: &AppId) -> Result<(), Error> {
    data_folder::ensure_ours(layout)?;
    let place = layout.undo(app);
    if !disk::exists(&place.join(WHOLE))? {
        return Err(Error::NoCopy(place));
    }
    for (name, folder) in parts(layout, app) {
        let copy = place.join(WHOLE).join(name);
        if !disk::exists(&copy)? {
            continue;
        }
        if disk::exists(&folder)? {
            disk::put_in_place(&folder, &free_name(&place, &format!("aside-{name}")))?;
        }
        if let Some(above) = folder.parent() {
            data_folder::make_folder(layout, above, PRIVATE_FOLDER)?;
        }
        disk::put_in_place(&copy, &folder)?;
    }
    Ok(())
}

/// Discards what is kept for an app, if anything is. The lock of passes is held. A copy that was
/// about to be put in an empty place is put there first.
///
/// # Errors
/// When the disk refuses.
pub fn discard(layout: &Layout, app: &AppId) -> Result<(), Error> {
    let place = layout.undo(app);
    if !disk::exists(&place)? {
        return Ok(());
    }
    data_folder::ensure_ours(layout)?;
    for (name, folder) in parts(layout, app) {
        let copy = place.join(WHOLE).join(name);
        let is_aside = disk::may_exist(&place.join(format!("aside-{name}-1")));
        if is_aside && disk::exists(&copy)? && !disk::exists(&folder)? {
            disk::put_in_place(&copy, &folder)?;
        }
    }
    data_folder::make_folder(layout, &layout.discarded(), PRIVATE_FOLDER)?;
    disk::put_in_place(&place, &free_name(&layout.discarded(), app.as_str()))?;
    Ok(disk::remove_if_empty(&layout.undo_of_all())?)
}

/// Whether something waits to be removed.
#[must_use]
pub fn is_any_discarded(layout: &Layout) -> bool {
    disk::may_exist(&layout.discarded())
}

/// Removes what was discarded. It belongs to users inside of containers.
///
/// # Errors
/// When something of it cannot be removed.
pub async fn remove_discarded(layout: &Layout) -> Result<(), Error> {
    if !is_any_discarded(layout) {
        return Ok(());
    }
    data_folder::ensure_ours(layout)?;
    let mut command = unshare("rm");
    command.args(["-rf", "--"]).arg(layout.discarded());
    run("rm", &mut command).await?;
    Ok(())
}

/// A program as root in this user's containers, so that it may read all data and keeps owners.
fn unshare(program: &'static str) -> Command {
    let mut command = Command::new("podman");
    command.args(["unshare", program]);
    command.env("LC_ALL", "C").kill_on_drop(true);
    command
}

async fn run(program: &'static str, command: &mut Command) -> Result<Output, Error> {
    let output = command.output().await;
    let output = output.map_err(|source| Error::Start { program, source })?;
    if output.status.success() {
        return Ok(output);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let first = words.trim().lines().next().unwrap_or_default();
    Err(Error::Program {
        program,
        words: one_line(first).into_owned(),
    })
}

fn sync(folder: &Path) -> Result<(), disk::Error> {
    let opened = std::fs::File::open(folder).map_err(disk::failed("open the folder", folder))?;
    let synced = rustix::fs::syncfs(&opened).map_err(io::Error::from);
    synced.map_err(disk::failed("write to the disk the files of", folder))
}

/// The first free name of the form `NAME-NUMBER` in a folder.
fn free_name(folder: &Path, name: &str) -> PathBuf {
    let mut names = (1_u64..).map(|number| folder.join(format!("{name}-{number}")));
    let free = names.find(|path| !disk::may_exist(path));
    free.unwrap_or_else(|| folder.join(name))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(path: PathBuf) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    /// The copy as [`make`] leaves it.
    fn layout_with_copy(test: &str, app: &AppId) -> Layout {
        let name = format!("archipelago-data-copy-{test}-{}", std::process::id());
        let layout = Layout::under(std::env::temp_dir().join(name));
        for (name, folder) in parts(&layout, app) {
            for (folder, text) in [
                (folder, "new"),
                (layout.undo(app).join(WHOLE).join(name), "old"),
            ] {
                disk::make_folder(&folder, PRIVATE_FOLDER).unwrap();
                fs::write(folder.join("word"), text).unwrap();
            }
        }
        layout
    }

    #[test]
    fn a_copy_is_put_back_however_often_that_was_begun() {
        let app = AppId::parse("web").unwrap();
        for crash in 0..4 {
            let layout = layout_with_copy(&format!("back-{crash}"), &app);
            let volumes = layout.volumes(&app);
            let place = layout.undo(&app);
            // As a process that was killed between two renames leaves it.
            if crash > 0 {
                disk::put_in_place(&volumes, &place.join("aside-volumes-1")).unwrap();
            }
            if crash == 2 {
                disk::put_in_place(&place.join(WHOLE).join("volumes"), &volumes).unwrap();
            }
            if crash == 3 {
                // A pass made the folder anew.
                disk::make_folder(&volumes, PRIVATE_FOLDER).unwrap();
            }
            for _ in 0..2 {
                put_back(&layout, &app).unwrap();
                for (_, folder) in parts(&layout, &app) {
                    assert_eq!(read(folder.join("word")).as_deref(), Some("old"), "{crash}");
                }
            }
            discard(&layout, &app).unwrap();
            discard(&layout, &app).unwrap();
            assert!(!disk::may_exist(&layout.undo_of_all()));
            let aside = layout.discarded().join("web-1/aside-volumes-1/word");
            assert_eq!(read(aside).as_deref(), Some("new"), "{crash}");
            disk::remove_folder(layout.data.parent().unwrap()).unwrap();
        }
    }

    #[test]
    fn a_copy_whose_place_is_empty_is_not_discarded() {
        let app = AppId::parse("web").unwrap();
        let layout = layout_with_copy("half", &app);
        let volumes = layout.volumes(&app);
        disk::put_in_place(&volumes, &layout.undo(&app).join("aside-volumes-1")).unwrap();
        discard(&layout, &app).unwrap();
        assert_eq!(read(volumes.join("word")).as_deref(), Some("old"));
        assert_eq!(
            read(layout.files(&app).join("word")).as_deref(),
            Some("new")
        );
        disk::remove_folder(layout.data.parent().unwrap()).unwrap();
    }
}
