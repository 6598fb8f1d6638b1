//! The folder in which the data of an import are gathered, and the way from there to the app's
//! data.
//!
//! It lies in the data folder, so one rename puts each part in place; the app's intent is written
//! after that. The process that imports holds a lock. Without it, an import has ended or was
//! abandoned: what was put in place without an intent is taken back, what was moved is moved back,
//! and the copies are removed.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use archipelago_core::error::chain;
use archipelago_core::import::{Journal, Moved};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use tokio::process::Command;

use super::Error;
use super::moving::move_folder;
use super::programs::{start, words};
use crate::lock::Lock;
use crate::{data_folder, disk};

const PRIVATE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;
const JOURNAL: &str = "import.json";
const FILES: &str = "files";
const VOLUMES: &str = "volumes";
const SECRETS: &str = "secrets";

/// The data of an import that this process carries out.
#[derive(Debug)]
pub struct Staging {
    layout: Layout,
    app: AppId,
    lock: Lock,
}

impl Staging {
    /// Begins; `None` when another process imports this app.
    ///
    /// # Errors
    /// When the folder cannot be made, or an earlier import has left something in it.
    pub fn begin(layout: &Layout, app: &AppId) -> Result<Option<Self>, Error> {
        let Some(lock) = Lock::try_take(&lock_path(layout, app))? else {
            return Ok(None);
        };
        let root = layout.import(app);
        if disk::may_exist(&root) {
            return Err(Error::Taken(root));
        }
        data_folder::make_folder(layout, &root, PRIVATE_FOLDER)?;
        Ok(Some(Self {
            layout: layout.clone(),
            app: app.clone(),
            lock,
        }))
    }

    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.layout.import(&self.app)
    }

    /// An end of a program's input or output that holds the lock as well.
    pub(super) fn held(&self) -> Result<Stdio, Error> {
        let file = self.lock.try_clone().map_err(start("tar"))?;
        Ok(Stdio::from(OwnedFd::from(file)))
    }

    /// Notes which folders are about to be moved.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn note_moves(&self, moved: Vec<Moved>) -> Result<(), Error> {
        write_journal(
            &self.root(),
            &Journal {
                moved,
                ..Journal::default()
            },
        )
    }

    /// Writes a secret of the app.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_secret(&self, name: &str, text: &str) -> Result<(), Error> {
        let folder = self.root().join(SECRETS);
        disk::make_folder(&folder, PRIVATE_FOLDER)?;
        disk::write_if_changed(&folder.join(name), text.as_bytes(), PRIVATE)?;
        Ok(())
    }

    /// Lets all that was copied survive a loss of power.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), Error> {
        let root = self.root();
        let opened = std::fs::File::open(&root).map_err(disk::failed("open the folder", &root))?;
        let synced = rustix::fs::syncfs(&opened).map_err(std::io::Error::from);
        Ok(synced.map_err(disk::failed("write to the disk the files of", &root))?)
    }

    /// Puts the data in place. The lock of passes is held, and the app has no intent yet.
    ///
    /// # Errors
    /// When the app has data already, or the disk refuses.
    pub fn put(&self) -> Result<(), Error> {
        let layout = &self.layout;
        data_folder::ensure_ours(layout)?;
        let root = self.root();
        let all = parts(layout, &self.app).into_iter();
        let all = all.filter(|(name, _)| disk::may_exist(&root.join(name)));
        let all: Vec<(&str, PathBuf)> = all.collect();
        for (_, target) in &all {
            if disk::may_exist(target) {
                return Err(Error::Meanwhile(target.clone()));
            }
        }
        let mut journal = read_journal(&root)?;
        journal.put = all.iter().map(|(name, _)| (*name).to_owned()).collect();
        write_journal(&root, &journal)?;
        for (name, target) in &all {
            if let Some(above) = target.parent() {
                data_folder::make_folder(layout, above, PRIVATE_FOLDER)?;
            }
            disk::put_in_place(&root.join(name), target)?;
        }
        Ok(())
    }
}

/// The parts of an app's data by their names in its import, and their places.
fn parts(layout: &Layout, app: &AppId) -> [(&'static str, PathBuf); 3] {
    [
        (SECRETS, layout.secrets(app)),
        (VOLUMES, layout.volumes(app)),
        (FILES, layout.files(app)),
    ]
}

/// The lock does not lie in the folder, which is removed.
fn lock_path(layout: &Layout, app: &AppId) -> PathBuf {
    layout
        .runtime
        .join("archipelago")
        .join(format!("import-{app}.lock"))
}

fn read_journal(root: &Path) -> Result<Journal, Error> {
    let path = root.join(JOURNAL);
    match disk::read(&path)? {
        None => Ok(Journal::default()),
        // It may name folders that were moved here, so nothing is removed.
        Some(content) => Journal::parse(&content).ok_or(Error::Journal(path)),
    }
}

fn write_journal(root: &Path, journal: &Journal) -> Result<(), Error> {
    let path = root.join(JOURNAL);
    let Some(bytes) = journal.to_bytes() else {
        let mut moved = journal.moved.iter().map(|moved| moved.from.clone());
        let odd = moved.find(|path| path.to_str().is_none());
        return Err(Error::NotUtf8(odd.unwrap_or(path)));
    };
    disk::write_if_changed(&path, &bytes, PRIVATE)?;
    Ok(())
}

/// The apps with data of an import that no process carries out.
///
/// # Errors
/// When their folder cannot be read.
pub fn abandoned(layout: &Layout) -> Result<Vec<AppId>, Error> {
    let names = disk::names(&layout.imports())?;
    let apps = names.iter().filter_map(|name| AppId::parse(name).ok());
    Ok(apps
        .filter(|app| !Lock::is_held(&lock_path(layout, app)))
        .collect())
}

/// Takes back what an abandoned import of this app has put in place without an intent. The lock of
/// passes is held.
///
/// # Errors
/// When the disk refuses.
pub fn take_back(layout: &Layout, app: &AppId) -> Result<(), Error> {
    let root = layout.import(app);
    if !disk::may_exist(&root) {
        return Ok(());
    }
    let Some(_lock) = Lock::try_take(&lock_path(layout, app))? else {
        return Ok(());
    };
    let mut journal = read_journal(&root)?;
    if journal.put.is_empty() {
        return Ok(());
    }
    if !disk::may_exist(&layout.intent(app)) {
        for (name, target) in parts(layout, app) {
            let staged = root.join(name);
            let is_put = journal.put.contains(name) && !disk::may_exist(&staged);
            if is_put && disk::may_exist(&target) {
                disk::put_in_place(&target, &staged)?;
            }
        }
    }
    // From here on, what is in its place is the app's, or nobody's.
    journal.put.clear();
    write_journal(&root, &journal)
}

/// Removes what abandoned imports have left, after [`take_back`]. What was moved is moved back.
///
/// # Errors
/// With the first that cannot be removed; the others are removed.
pub async fn remove_abandoned(layout: &Layout) -> Result<(), Error> {
    let mut result = Ok(());
    for app in abandoned(layout)? {
        let Some(_lock) = Lock::try_take(&lock_path(layout, &app))? else {
            continue;
        };
        let removed = remove(&layout.import(&app)).await;
        if result.is_ok() {
            result = removed;
        }
    }
    result
}

async fn remove(root: &Path) -> Result<(), Error> {
    let journal = read_journal(root)?;
    if !journal.put.is_empty() {
        return Ok(());
    }
    for Moved { from, to } in &journal.moved {
        let staged = root.join(to);
        if disk::may_exist(&staged) {
            move_folder(&staged, from).await?;
            tracing::info!("{} is back in its place", from.display());
        }
    }
    let mut command = Command::new("podman");
    command.args(["unshare", "rm", "-rf", "--"]);
    command.args([FILES, VOLUMES, SECRETS].map(|name| root.join(name)));
    command.kill_on_drop(true);
    let output = command.output().await.map_err(start("podman unshare rm"))?;
    if !output.status.success() {
        return Err(Error::Remove {
            path: root.to_owned(),
            words: words(&output.stderr),
        });
    }
    disk::remove_folder(root)?;
    if let Some(above) = root.parent()
        && let Err(error) = disk::remove_if_empty(above)
    {
        tracing::warn!("{}", chain(&error));
    }
    Ok(())
}
