//! The causes of failed attempts. People are shown them, and later passes depend on their kind.
//!
//! Where another program or the system refused, its own words are part of the cause. No variant
//! holds the value of a setting or a secret.

mod file_writers;
mod rule;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use file_writers::{FileWriter, FileWriters, Hint, Unit};
pub use rule::{Refused, Rule};

use file_writers::contention;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Cause {
    /// The words of the system, or what is wrong in a file.
    #[error("{0}")]
    File(String),
    /// The data folder is not this node's, or cannot be used.
    #[error("{0}")]
    DataFolder(String),
    /// systemd's words.
    #[error("{0}")]
    Systemd(String),
    /// Podman's words.
    #[error("{0}")]
    Podman(String),
    /// The words of Podman's generator, or why it gave none.
    #[error("{0}")]
    Generator(String),
    #[error(transparent)]
    UnitsBlocked(#[from] UnitsBlocked),
    #[error(transparent)]
    UnitsRefused(#[from] UnitsRefused),
    /// systemd has not read the units.
    #[error("{0}")]
    NotReloaded(Box<Cause>),
    #[error(transparent)]
    Defect(#[from] Refused),
    #[error(
        "the secret {} cannot be read; make this user its owner, or move it away",
        .0.display()
    )]
    SecretUnreadable(PathBuf),
    #[error(
        "a file system is still mounted at {point}, and Podman would delete its files; once no container uses it, run: podman unshare \
         umount {point}",
        point = .0.display()
    )]
    StillMounted(PathBuf),
    #[error(
        "Quadlet (on some systems /usr/libexec/podman/quadlet) made no service of it; its dry run shows why: \
         /usr/lib/systemd/user-generators/podman-user-generator -user -dryrun"
    )]
    NotGenerated,
    #[error("{}", contention(file, writers.as_ref()))]
    Contention {
        /// Its name in Quadlet's folder, or its path.
        file: String,
        /// The processes that may be changing it, if they were looked for.
        writers: Option<FileWriters>,
    },
    /// A failure, because a pull that brings nothing would otherwise be made again at once.
    #[error(
        "Podman says that it has the image, but does not list it; archipelago doctor shows whether an image is damaged"
    )]
    ImageNotListed,
    /// No registry has the image: Podman's words.
    #[error("{0}")]
    NotInRegistry(String),
    /// `words` are Podman's.
    #[error(
        "the registry {registry} does not use TLS, so anybody could change what it sends; to use it nevertheless, add \
         \"{registry}\" to insecure_registries in ~/.config/archipelago/config.toml ({words})"
    )]
    RegistryWithoutTls { registry: String, words: String },
    /// An image could be neither built nor pulled.
    #[error("the build failed ({build}), and so did the pull in its place ({pull})")]
    BuildAndPull { build: Box<Cause>, pull: Box<Cause> },
    /// A lock that another process holds, or a task of ours that ended early.
    #[error("{0}")]
    Process(String),
}

/// A unit file that keeps Quadlet from reading all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error(
    "Quadlet cannot read {} ({words}) and therefore reads no unit at all; correct that file or move it away",
    path.display()
)]
pub struct UnitsBlocked {
    pub path: PathBuf,
    /// Why it cannot be read.
    pub words: String,
}

/// The generator's words on units of an app that it refuses, one entry a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("Podman's generator refuses its units: {}", .0.join("; "))]
pub struct UnitsRefused(pub Vec<String>);

impl Cause {
    /// Its kind, as a word that stays the same in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::DataFolder(_) => "data_folder",
            Self::Systemd(_) => "systemd",
            Self::Podman(_) => "podman",
            Self::Generator(_) => "generator",
            Self::UnitsBlocked(_) => "units_blocked",
            Self::UnitsRefused(_) => "units_refused",
            Self::NotReloaded(_) => "not_reloaded",
            Self::Defect(_) => "defect",
            Self::SecretUnreadable(_) => "secret_unreadable",
            Self::StillMounted(_) => "still_mounted",
            Self::NotGenerated => "not_generated",
            Self::Contention { .. } => "contention",
            Self::ImageNotListed => "image_not_listed",
            Self::NotInRegistry(_) => "not_in_registry",
            Self::RegistryWithoutTls { .. } => "registry_without_tls",
            Self::BuildAndPull { .. } => "build_and_pull",
            Self::Process(_) => "process",
        }
    }

    /// Whether it ends once systemd has read the units.
    #[must_use]
    pub(crate) fn ends_with_reload(&self) -> bool {
        matches!(self, Self::NotReloaded(_) | Self::UnitsBlocked(_))
    }
}
