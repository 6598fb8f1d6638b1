//! Locks between processes: the daemon and the command line make the same passes, never two at
//! once.
//!
//! Every wait for a lock has a bound, and an error that tells which process holds it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archipelago_core::layout::Layout;
use rustix::fs::{FlockOperation, flock};
use tokio::task::JoinHandle;

/// The longest that a command waits: a pass that removes a large app holds the lock for minutes.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(10 * 60);
/// After this time a command says which process it waits for. Most passes are over by then.
const TELL_AFTER: Duration = Duration::from_secs(3);

/// Why a lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its file cannot be used.
    #[error("open the lock file {}; this user must be able to write it", path.display())]
    File {
        /// The lock's file.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Another process kept it for longer than this one waits.
    #[error(
        "{} has held the lock {} for more than {} s; if it hangs, end it",
        Holder::words(holder.as_ref()), path.display(), limit.as_secs()
    )]
    Held {
        /// The lock's file.
        path: PathBuf,
        /// Which process, if the kernel tells.
        holder: Option<Holder>,
        limit: Duration,
    },
}

/// The process that holds a lock. Its arguments are left out: they may hold the value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The name of its program, as the kernel keeps it: at most 15 characters.
    pub program: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "process {} ({})", self.pid, self.program)
    }
}

impl Holder {
    /// The holder of a lock, who may not be known.
    #[must_use]
    pub fn words(holder: Option<&Self>) -> String {
        holder.map_or_else(|| "another process".to_owned(), Self::to_string)
    }
}

/// A lock, held until it is dropped or the process dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock under which passes are made and intents written. When another process keeps
    /// it for more than three seconds, `waiting` is called once with that process.
    ///
    /// # Errors
    /// When the file cannot be opened, or the lock is not free within ten minutes.
    pub async fn of_passes(
        layout: &Layout,
        waiting: impl FnOnce(Option<&Holder>),
    ) -> Result<Self, Error> {
        let mut waiter = Waiter::of_passes(layout);
        match waiter.take(TELL_AFTER).await {
            Err(Error::Held { holder, .. }) => waiting(holder.as_ref()),
            taken => return taken,
        }
        waiter.take(COMMAND_LIMIT).await
    }

    /// Takes the lock under which passes are made if nobody holds it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn try_take_passes(layout: &Layout) -> Result<Option<Self>, Error> {
        Self::try_take(&path_of_passes(layout))
    }

    /// Its file once more, for a child process that is to hold the lock too.
    ///
    /// # Errors
    /// When the process has too many open files.
    pub(crate) fn try_clone(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Whether another process holds the lock now.
    pub fn is_held(path: &Path) -> bool {
        OpenOptions::new().write(true).open(path).is_ok_and(|file| {
            flock(&file, FlockOperation::NonBlockingLockExclusive)
                == Err(rustix::io::Errno::WOULDBLOCK)
        })
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn try_take(path: &Path) -> Result<Option<Self>, Error> {
        let file = open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(failed(path)(error.into())),
        }
    }
}

/// Takes one lock again and again, with a bound on each wait.
///
/// A wait that reached its bound goes on behind the error, in the thread that it has, and the next
/// call takes it over: however often a lock is waited for in vain, one thread waits.
#[derive(Debug)]
pub struct Waiter {
    path: PathBuf,
    waiting: Option<JoinHandle<io::Result<File>>>,
}

impl Waiter {
    /// For the lock under which passes are made and intents written.
    pub fn of_passes(layout: &Layout) -> Self {
        Self::of(path_of_passes(layout))
    }

    /// For the lock with this file.
    pub fn of(path: PathBuf) -> Self {
        Self {
            path,
            waiting: None,
        }
    }

    /// Takes the lock, waiting for its holder. Call it again soon after an error: the wait goes on
    /// in the background, and an unclaimed lock would block others.
    ///
    /// # Errors
    /// When the file cannot be opened, or the lock is not free within the limit.
    pub async fn take(&mut self, limit: Duration) -> Result<Lock, Error> {
        let waiting = match &mut self.waiting {
            Some(waiting) => waiting,
            None => {
                let file = open(&self.path)?;
                // Passes are short, so the lock is mostly free. A thread is started only when
                // another process holds it.
                if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                    return Ok(Lock { file });
                }
                self.waiting.insert(tokio::task::spawn_blocking(move || {
                    flock(&file, FlockOperation::LockExclusive)?;
                    Ok(file)
                }))
            }
        };
        let Ok(waited) = tokio::time::timeout(limit, waiting).await else {
            return Err(Error::Held {
                path: self.path.clone(),
                holder: holder(&self.path),
                limit,
            });
        };
        self.waiting = None;
        let locked = waited.map_err(io::Error::other).flatten();
        Ok(Lock {
            file: locked.map_err(failed(&self.path))?,
        })
    }
}

fn path_of_passes(layout: &Layout) -> PathBuf {
    layout.runtime.join("archipelago/lock")
}

fn failed<'a>(path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| Error::File {
        path: path.to_owned(),
        source,
    }
}

fn open(path: &Path) -> Result<File, Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed(path))?;
    }
    OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(path)
        .map_err(failed(path))
}

/// The process that holds a lock now. A process that took it may have ended and left it to a child:
/// then there is none.
fn holder(path: &Path) -> Option<Holder> {
    let metadata = std::fs::metadata(path).ok()?;
    let (major, minor) = (
        rustix::fs::major(metadata.dev()),
        rustix::fs::minor(metadata.dev()),
    );
    let file = format!("{major:02x}:{minor:02x}:{}", metadata.ino());
    let pid = pid_of(&std::fs::read_to_string("/proc/locks").ok()?, &file)?;
    let program = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(Holder {
        pid,
        program: program.trim_end().to_owned(),
    })
}

/// Looks a file's lock up in `/proc/locks` (proc_locks(5)):
/// `1: FLOCK  ADVISORY  WRITE 708 00:2d:5 0 EOF`. Processes that wait have `->` before the kind.
fn pid_of(locks: &str, file: &str) -> Option<u32> {
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields.as_slice() {
            [_, "FLOCK", _, _, pid, held, ..] if *held == file => pid.parse().ok(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_holds_a_lock_is_told_from_those_that_wait() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 00:2d:5 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 12 00:2d:6 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 00:2d:5 0 EOF\n\
                     3: -> FLOCK  ADVISORY  WRITE 14 00:2d:5 0 EOF\n";
        assert_eq!(pid_of(locks, "00:2d:5"), Some(13));
        assert_eq!(pid_of(locks, "00:2d:7"), None);
    }

    #[tokio::test]
    async fn a_wait_has_a_bound_names_the_holder_and_goes_on_behind_it() {
        let path = std::env::temp_dir().join(format!("archipelago-lock-{}", std::process::id()));
        let held = Lock::try_take(&path).unwrap().unwrap();
        let mut waiter = Waiter::of(path.clone());
        for _ in 0..3 {
            let error = waiter.take(Duration::from_millis(20)).await.unwrap_err();
            let Error::Held {
                holder: Some(holder),
                ..
            } = &error
            else {
                panic!("{error}");
            };
            assert_eq!(holder.pid, std::process::id());
            assert!(error.to_string().starts_with("process "), "{error}");
        }
        drop(held);
        // The wait that was begun gets it, so nobody else can come between.
        let limit = Duration::from_secs(60);
        let taken = waiter.take(limit).await.unwrap();
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(taken);
        drop(waiter.take(limit).await.unwrap());
        std::fs::remove_file(&path).unwrap();
    }
}
