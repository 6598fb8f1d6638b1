//! The choices that a person or a test has when booting a host.

use std::path::PathBuf;

use crate::debian::Suite;

/// The kind of host to boot.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub(crate) name: Option<String>,
    pub(crate) detached: bool,
    pub(crate) suite: Suite,
    pub(crate) contents: Contents,
    pub(crate) binds: Vec<(PathBuf, PathBuf)>,
    pub(crate) disks: Vec<(u64, PathBuf)>,
}

/// The contents of a host's root and image store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Contents {
    /// The packages and images that every host has.
    #[default]
    Plain,
    WithPeers,
    WithBitcoin,
}

impl Options {
    /// A host with this name (a-z, 0-9 and '-'). Without a name, a host is named after the running
    /// test.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// Keeps the host when this process ends and its [`Host`](crate::Host) value is dropped, until
    /// [`Host::down`](crate::Host::down).
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// Boots this Debian release rather than Debian 13. Its root is built when the cache lacks it.
    #[must_use]
    pub fn suite(mut self, suite: Suite) -> Self {
        self.suite = suite;
        self
    }

    /// Adds the images of the real Bitcoin daemons to the prepared images: see [`crate::daemons`].
    /// When the cache lacks them, building them takes a quarter of an hour.
    #[must_use]
    pub fn with_bitcoin(mut self) -> Self {
        self.contents = Contents::WithBitcoin;
        self
    }

    /// Adds other programs that run Compose files on Podman: see [`crate::peers`].
    #[must_use]
    pub fn with_peers(mut self) -> Self {
        self.contents = Contents::WithPeers;
        self
    }

    /// Binds a folder of this machine, writable, at an absolute path in the host.
    #[must_use]
    pub fn bind(mut self, source: impl Into<PathBuf>, destination: impl Into<PathBuf>) -> Self {
        self.binds.push((source.into(), destination.into()));
        self
    }

    /// Mounts a new, empty disk of this size at an absolute path in the host. Its top folder
    /// belongs to the user. Tests fill it and, as root of the host, remount it; no other file is on
    /// it.
    #[must_use]
    pub fn disk(mut self, mebibytes: u64, destination: impl Into<PathBuf>) -> Self {
        self.disks.push((mebibytes, destination.into()));
        self
    }
}
