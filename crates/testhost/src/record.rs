//! The records of this machine's hosts, on disk, so that a later process can find, enter and
//! discard a host that it did not boot.
//!
//! Each host has a folder under `/run/archipelago-testhost`: the mount point of its root, its
//! console log and its record. The record is written before the first mount and deleted after the
//! last, so everything that a killed process leaves behind has a record. This module reads and
//! writes records; it starts and ends nothing.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::process::Identity;

/// One path for the whole machine, so that a host is reached from every session.
const RUN: &str = "/run/archipelago-testhost";

/// Everything about one host that other processes must know.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) name: String,
    /// The process that the host must not outlive. A host without one stays until it is taken down.
    pub(crate) owner: Option<Identity>,
    pub(crate) nspawn: Option<Identity>,
    pub(crate) init: Option<Identity>,
    /// The boot of this machine that the host belongs to. Process ids and mounts of another boot
    /// mean nothing.
    pub(crate) boot: String,
    /// The folder of the host's files, on a disk: the upper folder of the root, and the storage of
    /// the containers.
    pub(crate) disk: PathBuf,
}

/// One host in [`list`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub running: bool,
    /// The host stays until it is taken down by name. Other hosts belong to a running test.
    pub detached: bool,
}

impl Record {
    /// Claims a name: makes the folder and the first record of the host, owned by this process.
    pub(crate) fn claim(name: &str) -> Result<Self> {
        check_name(name)?;
        let _lock = lock()?;
        let folder = folder(name);
        if folder.exists() {
            bail!("a host named {name} exists already; take it down first or choose another name");
        }
        let disk = cache::folder()?.join("hosts").join(name);
        // No host uses it, because there is no record: a restart of the machine left it behind.
        cache::remove(&disk)?;
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let record = Self {
            name: name.to_owned(),
            owner: Some(Identity::own()?),
            nspawn: None,
            init: None,
            boot: boot_id()?,
            disk,
        };
        record.write()?;
        Ok(record)
    }

    /// The record of an existing host.
    pub(crate) fn read(name: &str) -> Result<Self> {
        check_name(name)?;
        if let Some(record) = Self::find(name)? {
            return Ok(record);
        }
        let known: Vec<String> = list()?.into_iter().map(|host| host.name).collect();
        let known = if known.is_empty() {
            "none is up".to_owned()
        } else {
            format!("up: {}", known.join(", "))
        };
        bail!("there is no host named {name} ({known})");
    }

    /// The record of this name, or `None` when there is none.
    pub(crate) fn find(name: &str) -> Result<Option<Self>> {
        let path = folder(name).join("record");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        let field = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
                .filter(|value| !value.is_empty())
        };
        let process = |key: &str| field(key).map(str::parse).transpose();
        Ok(Some(Self {
            name: name.to_owned(),
            owner: process("owner")?,
            nspawn: process("nspawn")?,
            init: process("init")?,
            boot: field("boot").unwrap_or_default().to_owned(),
            disk: field("disk")
                .map(PathBuf::from)
                .with_context(|| format!("{} names no disk folder", path.display()))?,
        }))
    }

    pub(crate) fn write(&self) -> Result<()> {
        let Self {
            name,
            owner,
            nspawn,
            init,
            boot,
            disk,
        } = self;
        let process = |identity: &Option<Identity>| {
            identity
                .map(|identity| identity.to_string())
                .unwrap_or_default()
        };
        let text = format!(
            "owner = {}\nnspawn = {}\ninit = {}\nboot = {boot}\ndisk = {}\n",
            process(owner),
            process(nspawn),
            process(init),
            disk.display()
        );
        let path = folder(name).join("record");
        let new = folder(name).join("record.new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &path))
            .with_context(|| format!("writing {}", path.display()))
    }

    /// Process 1 of the host.
    pub(crate) fn running(&self) -> Result<Identity> {
        match self.init {
            Some(init) if self.boot == boot_id()? && init.is_alive() => Ok(init),
            _ => bail!("the host {} is not running", self.name),
        }
    }

    /// True when the owner has ended or the machine was restarted since.
    pub(crate) fn is_stale(&self, boot: &str) -> bool {
        self.boot != boot || self.owner.is_some_and(|owner| !owner.is_alive())
    }
}

/// The host's folder under `/run`.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(RUN).join(name)
}

/// The mount point of the host's root.
pub(crate) fn root(name: &str) -> PathBuf {
    folder(name).join("root")
}

/// The hosts of this machine, ordered by name.
///
/// # Errors
/// When the folder under `/run` cannot be read.
pub fn list() -> Result<Vec<Listed>> {
    let mut hosts = Vec::new();
    for name in names()? {
        // A host that is discarded at this moment is left out.
        let Some(record) = Record::find(&name)? else {
            continue;
        };
        hosts.push(Listed {
            running: record.running().is_ok(),
            detached: record.owner.is_none(),
            name,
        });
    }
    Ok(hosts)
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    let allowed = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
    };
    if name.is_empty()
        || name.len() > 60
        || name.starts_with('-')
        || name.ends_with('-')
        || !name.chars().all(allowed)
    {
        bail!("{name:?} cannot name a host: use up to 60 of a-z, 0-9 and, between them, '-'");
    }
    Ok(())
}

pub(crate) fn names() -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(RUN) else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("reading {RUN}"))?;
        if let Some(name) = entry
            .file_name()
            .to_str()
            .filter(|name| check_name(name).is_ok())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Takes the lock that is held while a name is claimed and while leftovers are swept, so that a
/// host whose record is not yet written is not swept.
pub(crate) fn lock() -> Result<fs::File> {
    fs::create_dir_all(RUN).with_context(|| format!("making {RUN}"))?;
    cache::lock(&Path::new(RUN).join(".lock"))
}

pub(crate) fn boot_id() -> Result<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .context("reading the machine's boot id")
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn a_host_name_is_also_a_folder_a_machine_and_a_cgroup() {
        for good in ["t1", "a", "web-2"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "a b",
            "a/b",
            "..",
            ".lock",
            "a_b",
            &"a".repeat(61),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
