//! Builds the files that hosts share when the cache lacks them, and boots a host on them.

use std::path::PathBuf;

use anyhow::Result;

use crate::debian::Suite;
use crate::host::Host;
use crate::options::{Contents, Options};
use crate::{daemons, images, prerequisites, rootfs};

/// The files that hosts share. They are built once.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The Debian root, the lower folder of every host's overlay.
    pub root: PathBuf,
    /// The read-only image store.
    pub images: PathBuf,
}

impl Host {
    /// Boots a fresh host and waits until the user's services can be used. Builds what the cache
    /// lacks.
    ///
    /// # Errors
    /// When this machine cannot run a host, the name is taken, or the host does not come up.
    /// A host that was started is discarded.
    pub fn boot(options: Options) -> Result<Self> {
        let Prepared { root, images } = prepare_for(&options)?;
        Self::boot_on(&root, Some(&images), &options)
    }
}

/// Checks the machine, then builds what the cache lacks for a plain host. The first run takes about
/// a minute and a half, later runs some milliseconds.
///
/// # Errors
/// When this machine cannot run a host (found before anything is built), or when a build fails.
pub fn prepare() -> Result<Prepared> {
    prepare_for(&Options::default())
}

/// As [`prepare`], with other programs that run Compose files ([`crate::peers`]) in the root.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with_peers() -> Result<Prepared> {
    prepare_for(&Options::default().with_peers())
}

/// As [`prepare`], with the images of the Bitcoin daemons ([`crate::daemons`]) in the store. The
/// first run compiles for a quarter of an hour.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with_bitcoin() -> Result<Prepared> {
    prepare_for(&Options::default().with_bitcoin())
}

/// As [`prepare`], for hosts with these options.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_for(options: &Options) -> Result<Prepared> {
    prerequisites::ensure()?;
    let suite = options.suite;
    // One image store for all suites, built by the oldest Podman: a later one reads it as it is.
    let builder = rootfs::ensure(Suite::default())?;
    let images = match options.contents {
        Contents::Plain | Contents::WithPeers => images::ensure(&builder)?,
        Contents::WithBitcoin => daemons::ensure_images(&builder)?,
    };
    let root = match options.contents {
        Contents::Plain | Contents::WithBitcoin => rootfs::ensure(suite)?,
        Contents::WithPeers => rootfs::ensure_with_peers(suite)?,
    };
    Ok(Prepared { root, images })
}
