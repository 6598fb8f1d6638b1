//! Locks between processes: the daemon and the command line make the same passes, never two at once.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use archipelago_core::layout::Layout;
use rustix::fs::{FlockOperation, flock};

/// A lock that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("lock {}", path.display())]
pub struct Error {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A lock, held until it is dropped or the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock under which passes are made and intents written, waiting for whoever holds it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub async fn of_passes(layout: &Layout) -> Result<Self, Error> {
        Self::wait(&layout.runtime.join("archipelago/lock")).await
    }

    /// Takes the lock, waiting for whoever holds it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub async fn wait(path: &Path) -> Result<Self, Error> {
        let file = open(path)?;
        // Two waits are the rule: passes are short. A thread is only started when someone else holds the lock.
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(Self { _file: file });
        }
        let owned = path.to_owned();
        let locked = tokio::task::spawn_blocking(move || {
            flock(&file, FlockOperation::LockExclusive).map(|()| file)
        })
        .await;
        match locked {
            Ok(Ok(file)) => Ok(Self { _file: file }),
            Ok(Err(error)) => Err(Error {
                path: owned,
                source: error.into(),
            }),
            Err(error) => Err(Error {
                path: owned,
                source: io::Error::other(error),
            }),
        }
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
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(Error {
                path: path.to_owned(),
                source: error.into(),
            }),
        }
    }
}

fn open(path: &Path) -> Result<File, Error> {
    let failed = |source| Error {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(path)
        .map_err(failed)
}
