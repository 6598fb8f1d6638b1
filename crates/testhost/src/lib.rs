//! A throw-away Debian 13 "host" for tests and for trying things out: systemd as process 1, a lingering user `archy`
//! with its own service manager, and rootless Podman with its real Quadlet generator, booted in about two seconds.
//!
//! The way from nothing to a host: [`prerequisites`] (what the machine must have), [`cache`] (what was built before),
//! `rootfs` and `images` (what is built once), then [`Host::boot`]. A host is an overlay over the cached root, run by
//! `systemd-nspawn`, with no network but its own loopback.
//!
//! This crate is for developers only. It refuses to run on anything but Linux as root with Debian's package manager,
//! and it never touches a process, a mount or a folder that it did not make itself.

pub mod cache;
pub mod daemons;
pub mod peers;
pub mod prerequisites;

mod debian;
mod enter;
mod forward;
mod host;
mod images;
mod kept_journal;
mod mounts;
mod network;
mod nspawn;
mod process;
mod registry;
mod rootfs;
mod signals;
mod state;
mod transfer;
mod wait;

pub use enter::{Account, Output};
pub use forward::Forward;
pub use host::{Host, Options, Reboot};
pub use network::{Link, link};
pub use registry::Registry;
pub use state::{Listed, list};

use std::path::PathBuf;

use anyhow::Result;

/// What is built once and shared by every host.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The Debian root, the lower folder of every host's overlay.
    pub root: PathBuf,
    /// The read-only image store.
    pub images: PathBuf,
}

/// Checks the machine, then builds what the cache lacks. The first run takes about a minute and a half, later ones
/// some milliseconds.
///
/// # Errors
/// When the machine cannot run a host (said before anything is built), or when a build fails.
pub fn prepare() -> Result<Prepared> {
    prerequisites::ensure()?;
    let root = rootfs::ensure()?;
    let images = images::ensure(&root)?;
    Ok(Prepared { root, images })
}

/// As [`prepare`], with other programs that run Compose files ([`peers`]) in the root.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with_peers() -> Result<Prepared> {
    // The same Podman, so the same store of images.
    let Prepared { root: _, images } = prepare()?;
    Ok(Prepared {
        root: rootfs::ensure_with_peers()?,
        images,
    })
}

/// As [`prepare`], with the Bitcoin daemons' images in the store ([`daemons`]). The first run compiles for a quarter of an
/// hour.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with_bitcoin() -> Result<Prepared> {
    prerequisites::ensure()?;
    let root = rootfs::ensure()?;
    let images = daemons::ensure_images(&root)?;
    Ok(Prepared { root, images })
}
