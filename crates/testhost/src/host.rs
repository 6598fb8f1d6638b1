//! The handle of a booted host. Other modules give it its methods: booting and discarding, running
//! commands, copying files, forwarding ports.

use std::time::Duration;

use anyhow::Result;

use crate::prerequisites;
use crate::process::Identity;
use crate::record::Record;

/// The user whose services a host runs, `archy`.
pub(crate) const USER_ID: u32 = 1000;

/// A booted host. Dropping the value discards the host, unless the host is detached.
#[derive(Debug)]
pub struct Host {
    pub(crate) name: String,
    /// Dropping this value discards the host.
    pub(crate) owned: bool,
    pub(crate) boot_time: Duration,
}

impl Host {
    /// Finds a detached host.
    ///
    /// # Errors
    /// When no host has this name; the message lists the hosts that are up.
    pub fn open(name: &str) -> Result<Self> {
        prerequisites::check_root()?;
        Record::read(name)?;
        Ok(Self {
            name: name.to_owned(),
            owned: false,
            boot_time: Duration::ZERO,
        })
    }

    /// The name of the host, which is also the host name inside it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The time from the first mount until the user's bus existed; zero for a host that was
    /// opened.
    #[must_use]
    pub fn boot_time(&self) -> Duration {
        self.boot_time
    }

    /// Process 1 of the host, as this machine numbers it.
    pub(crate) fn init(&self) -> Result<Identity> {
        Record::read(&self.name)?.running()
    }
}
