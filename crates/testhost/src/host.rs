//! A host: booting one, rebooting it, and discarding it.
//!
//! A host is fresh: an overlay over the cached root, with its containers' storage on a plain folder (Podman's storage
//! must not lie on an overlay). One that a test boots goes with the value that stands for it; one that is detached
//! stays until it is taken down by name.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::Identity;
use crate::state::{self, Record};
use crate::{Prepared, kept_journal, mounts, nspawn, prerequisites, rootfs, signals, wait};

/// An orderly shutdown stops containers first, and Podman gives each ten seconds.
const SHUTDOWN_BOUND: Duration = Duration::from_secs(120);

/// The person whose services a host runs.
pub(crate) const USER_ID: u32 = 1000;

/// What kind of host to boot.
#[derive(Debug, Clone, Default)]
pub struct Options {
    name: Option<String>,
    detached: bool,
    images: Images,
    binds: Vec<(PathBuf, PathBuf)>,
    disks: Vec<(u64, PathBuf)>,
}

/// Which root and store of images a host gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Images {
    #[default]
    Prepared,
    WithPeers,
    WithBitcoin,
    None,
}

impl Options {
    /// A host with this name (a-z, 0-9 and '-') rather than one after the running test.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// The host outlives this process and its [`Host`] value, until [`Host::down`].
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// No prepared images: for building them.
    #[must_use]
    pub(crate) fn without_images(mut self) -> Self {
        self.images = Images::None;
        self
    }

    /// With the images of the real Bitcoin daemons besides the prepared ones: see [`crate::daemons`]. Where the cache lacks
    /// them, to boot the first such host takes a quarter of an hour.
    #[must_use]
    pub fn with_bitcoin(mut self) -> Self {
        self.images = Images::WithBitcoin;
        self
    }

    /// With other programs that run Compose files on Podman: see [`crate::peers`].
    #[must_use]
    pub fn with_peers(mut self) -> Self {
        self.images = Images::WithPeers;
        self
    }

    /// A folder of the machine appears, writable, at an absolute path in the host.
    #[must_use]
    pub fn bind(mut self, source: impl Into<PathBuf>, destination: impl Into<PathBuf>) -> Self {
        self.binds.push((source.into(), destination.into()));
        self
    }

    /// A disk of its own, of this size and empty, is mounted at an absolute path in the host, and its top belongs to the user. It
    /// can be filled, and root of the host can remount it: all of that is real, and nobody else's files are on it.
    #[must_use]
    pub fn disk(mut self, mebibytes: u64, destination: impl Into<PathBuf>) -> Self {
        self.disks.push((mebibytes, destination.into()));
        self
    }
}

/// How to restart a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reboot {
    /// As `systemctl reboot`: every service is stopped in order.
    Soft,
    /// As if the power went: process 1 is killed and nothing is told.
    Hard,
}

/// A booted host.
#[derive(Debug)]
pub struct Host {
    name: String,
    owned: bool,
    boot_time: Duration,
}

impl Host {
    /// Boots a fresh host and waits until the user's services can be used. Builds what the cache lacks.
    ///
    /// # Errors
    /// When the machine cannot run one, the name is taken, or it does not come up; what was started is discarded.
    pub fn boot(options: Options) -> Result<Self> {
        prerequisites::ensure()?;
        state::sweep()?;
        let prepared = match options.images {
            Images::Prepared => crate::prepare()?,
            Images::WithPeers => crate::prepare_with_peers()?,
            Images::WithBitcoin => crate::prepare_with_bitcoin()?,
            Images::None => Prepared {
                root: rootfs::ensure()?,
                images: PathBuf::new(),
            },
        };
        signals::discard_on_end()?;
        let start = Instant::now();
        let name = options.name.clone().unwrap_or_else(name_after_test);
        let assembling = signals::hold_off();
        let mut record = Record::claim(&name)?;
        if let Err(error) =
            assemble(&record, &prepared, &options).and_then(|()| start_nspawn(&mut record))
        {
            let error = error.context(format!("booting the host {name}"));
            return Err(match state::discard(&name) {
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

    /// A detached host that is there already.
    ///
    /// # Errors
    /// When there is none with this name; the message lists those there are.
    pub fn open(name: &str) -> Result<Self> {
        prerequisites::check_root()?;
        Record::read(name)?;
        Ok(Self {
            name: name.to_owned(),
            owned: false,
            boot_time: Duration::ZERO,
        })
    }

    /// Its name, which is its host name too.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From the first mount until the user's bus was there; zero for a host that was opened.
    #[must_use]
    pub fn boot_time(&self) -> Duration {
        self.boot_time
    }

    /// Restarts it on the same files, and waits until the user's services can be used again.
    ///
    /// # Errors
    /// When it does not go down or come up within the bound.
    pub fn reboot(&self, how: Reboot) -> Result<()> {
        let mut record = Record::read(&self.name)?;
        match how {
            Reboot::Soft => {
                let init = record.running()?;
                // The command is cut off by what it asks for, so its status says nothing.
                self.run_root(&["systemctl", "--no-block", "reboot"])?;
                wait::until("the host to shut down", SHUTDOWN_BOUND, || {
                    Ok((!init.is_alive()).then_some(()))
                })?;
            }
            // One that stopped by itself may be started again this way.
            Reboot::Hard => {}
        }
        state::end_processes(&record)?;
        nspawn::end(&self.name)?;
        start_nspawn(&mut record).with_context(|| format!("starting the host {} again", self.name))
    }

    /// Takes it down and deletes everything of it, detached or not.
    ///
    /// # Errors
    /// All the failures on the way; what can be removed is.
    pub fn down(mut self) -> Result<()> {
        self.owned = false;
        state::discard(&self.name)
    }

    /// The host's process 1.
    pub(crate) fn init(&self) -> Result<Identity> {
        Record::read(&self.name)?.running()
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
        if let Err(error) = state::discard(&self.name) {
            eprintln!("{error:#}");
        }
    }
}

/// Makes the root that nspawn then boots: all mounts are ours, so that a reboot finds them as they are.
fn assemble(record: &Record, prepared: &Prepared, options: &Options) -> Result<()> {
    let root = state::root(&record.name);
    let [upper, work, containers] =
        ["upper", "work", "containers"].map(|part| record.disk.join(part));
    for folder in [&root, &upper, &work, &containers] {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    chown(&containers, Some(USER_ID), Some(USER_ID))
        .with_context(|| format!("giving {} to the user", containers.display()))?;
    mounts::overlay(&prepared.root, &upper, &work, &root)?;
    mounts::bind(
        &containers,
        &root.join("home/archy/.local/share/containers"),
    )?;
    if options.images != Images::None {
        mounts::bind_read_only(&prepared.images, &root.join("var/lib/prepared-images"))?;
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

/// Makes a folder and those above it that are missing; they are the user's, as if they had made them.
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
    let console = state::folder(&name).join("console.log");
    let init = nspawn::start(&name, &state::root(&name), &console, |nspawn| {
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

/// The test's name (its thread is named after it), so that what is left of a failure can be told apart.
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
