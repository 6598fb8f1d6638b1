//! Booting a host, rebooting it and taking it down.
//!
//! Each host is fresh: an overlay over the cached root, with the storage of its containers on a
//! plain folder, because Podman's storage must not lie on an overlay.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::host::{Host, USER_ID};
use crate::options::Options;
use crate::record::{self, Record};
use crate::{discard, kept_journal, mounts, nspawn, signals, wait};

/// An orderly shutdown stops the containers first, and Podman gives each of them ten seconds.
const SHUTDOWN_BOUND: Duration = Duration::from_secs(300);

/// How to restart a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reboot {
    /// An orderly reboot: `systemctl reboot` stops every service first.
    Soft,
    /// A power cut: process 1 is killed, and no service is stopped first.
    Hard,
}

impl Host {
    /// Boots a fresh host on a built root and waits until the user's services can be used. `images`
    /// is the store that its containers run from; a host without one serves to build a store.
    ///
    /// # Errors
    /// When the name is taken or the host does not come up. Whatever was started is discarded.
    pub(crate) fn boot_on(root: &Path, images: Option<&Path>, options: &Options) -> Result<Self> {
        discard::sweep()?;
        signals::discard_on_end()?;
        let start = Instant::now();
        let name = options.name.clone().unwrap_or_else(name_after_test);
        let assembling = signals::hold_off();
        let mut record = Record::claim(&name)?;
        let booted =
            assemble(&record, root, images, options).and_then(|()| start_nspawn(&mut record));
        if let Err(error) = booted {
            let error = error.context(format!("booting the host {name}"));
            return Err(match discard::discard(&name) {
                Ok(()) => error,
                Err(also) => error.context(format!("{also:#}")),
            });
        }
        if options.detached {
            record.owner = None;
            record.write()?;
        }
        drop(assembling);
        Ok(Self {
            name,
            owned: !options.detached,
            boot_time: start.elapsed(),
        })
    }

    /// Restarts the host on the same files and waits until the user's services can be used again.
    ///
    /// # Errors
    /// When the host does not go down or come up within the bound.
    pub fn reboot(&self, how: Reboot) -> Result<()> {
        let mut record = Record::read(&self.name)?;
        match how {
            Reboot::Soft => {
                let init = record.running()?;
                // The shutdown may end the command before it returns, so its status means nothing.
                self.run_root(&["systemctl", "--no-block", "reboot"])?;
                wait::until("the host to shut down", SHUTDOWN_BOUND, || {
                    Ok((!init.is_alive()).then_some(()))
                })?;
            }
            // A host that stopped by itself may be started again this way.
            Reboot::Hard => {}
        }
        discard::end_processes(&record)?;
        nspawn::end(&self.name)?;
        start_nspawn(&mut record).with_context(|| format!("starting the host {} again", self.name))
    }

    /// Takes the host down, detached or not, and deletes everything of it.
    ///
    /// # Errors
    /// All failures together; everything that can be removed is removed.
    pub fn down(mut self) -> Result<()> {
        self.owned = false;
        discard::discard(&self.name)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if !self.owned {
            return;
        }
        if std::thread::panicking() {
            kept_journal::keep(self);
        }
        if let Err(error) = discard::discard(&self.name) {
            eprintln!("{error:#}");
        }
    }
}

/// Mounts the root that nspawn boots. nspawn makes none of these mounts itself, so they outlast a
/// reboot.
fn assemble(record: &Record, lower: &Path, images: Option<&Path>, options: &Options) -> Result<()> {
    let root = record::root(&record.name);
    let [upper, work, containers] =
        ["upper", "work", "containers"].map(|part| record.disk.join(part));
    for folder in [&root, &upper, &work, &containers] {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    chown(&containers, Some(USER_ID), Some(USER_ID))
        .with_context(|| format!("giving {} to the user", containers.display()))?;
    mounts::overlay(lower, &upper, &work, &root)?;
    mounts::bind(
        &containers,
        &root.join("home/archy/.local/share/containers"),
    )?;
    if let Some(images) = images {
        mounts::bind_read_only(images, &root.join("var/lib/prepared-images"))?;
    }
    for (source, destination) in &options.binds {
        let inside = inside(&root, destination)?;
        fs::create_dir_all(&inside).with_context(|| format!("making {}", inside.display()))?;
        mounts::bind(source, &inside)?;
    }
    for (number, (mebibytes, destination)) in options.disks.iter().enumerate() {
        let inside = inside(&root, destination)?;
        make_folder_of_user(&inside)?;
        let image = record.disk.join(format!("disk{number}"));
        mounts::new_disk(&image, *mebibytes, USER_ID, &inside)?;
    }
    write(&root.join("etc/hostname"), &format!("{}\n", record.name))?;
    write(
        &root.join("etc/hosts"),
        &format!(
            "127.0.0.1 localhost\n127.0.1.1 {}\n::1 localhost\n",
            record.name
        ),
    )
}

/// Makes a folder and its missing parents, all owned by the user.
fn make_folder_of_user(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_folder_of_user(above)?;
    }
    fs::create_dir(path).with_context(|| format!("making {}", path.display()))?;
    chown(path, Some(USER_ID), Some(USER_ID))
        .with_context(|| format!("giving {} to the user", path.display()))
}

fn start_nspawn(record: &mut Record) -> Result<()> {
    let name = record.name.clone();
    let console = record::folder(&name).join("console.log");
    let init = nspawn::start(&name, &record::root(&name), &console, |nspawn| {
        record.nspawn = Some(nspawn);
        record.init = None;
        record.write()
    })?;
    record.init = Some(init);
    record.write()
}

fn inside(root: &Path, destination: &Path) -> Result<PathBuf> {
    match destination.strip_prefix("/") {
        Ok(relative)
            if !relative
                .components()
                .any(|part| part == std::path::Component::ParentDir) =>
        {
            Ok(root.join(relative))
        }
        _ => bail!(
            "{} must be an absolute path in the host",
            destination.display()
        ),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// The name of the running test, which is the name of its thread. The kept journal of a failed test
/// is thus found by the name of the test.
fn name_after_test() -> String {
    static BOOTED: AtomicU32 = AtomicU32::new(0);
    let thread = std::thread::current();
    let test = thread
        .name()
        .unwrap_or_default()
        .rsplit("::")
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let test: String = test
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '-'
            }
        })
        .take(36)
        .collect();
    let test = if test.trim_matches('-').is_empty() {
        "host"
    } else {
        test.trim_matches('-')
    };
    format!(
        "{test}-{}-{}",
        std::process::id(),
        BOOTED.fetch_add(1, Ordering::Relaxed)
    )
}
