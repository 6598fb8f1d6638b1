//! Why an operation is not begun. Nothing was changed then.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::check::Check;
use crate::check::needs::Unmet;
use crate::manifest::{ManifestError, SettingError};
use crate::name::AppId;

/// Why an operation is not begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0} is not installed; archipelago list shows what is")]
    NotInstalled(AppId),
    #[error("{0} is stopped; archipelago start {0} starts it")]
    Stopped(AppId),
    #[error("{0} builds no image on this node, so there is nothing to rebuild")]
    NothingBuilt(AppId),
    #[error("{app} is being removed; wait until archipelago list no longer shows it")]
    Removing { app: AppId },
    /// `problem` says which file and where in it.
    #[error("{problem}")]
    Unreadable { problem: String },
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The app cannot be worked out as it would be.
    #[error("{cause}")]
    Broken { cause: String },
    #[error(
        "{app} cannot be worked out; archipelago status shows how the apps that it requires are"
    )]
    Unready { app: AppId },
    #[error("{cause}")]
    Conflict { cause: String },
    /// The data folder is not this node's.
    #[error("{cause}")]
    Data { cause: String },
    #[error(
        "with that, {other}, which is installed, could not go on: {cause}\nTo do it nevertheless, uninstall {other} first; its data stay. {app} is as it was."
    )]
    BreaksOther {
        app: AppId,
        other: AppId,
        cause: String,
    },
    #[error("{app} and {other}, which is installed, cannot both be there: of {other}, {cause}")]
    TakesFromOther {
        app: AppId,
        other: AppId,
        cause: String,
    },
    #[error("{}", required(.app, .by))]
    Required { app: AppId, by: Vec<AppId> },
    #[error(
        "{}; to do: {}; archipelago doctor shows all that is missing",
        .0.finding, .0.cure.as_deref().unwrap_or_default()
    )]
    Host(Box<Check>),
    #[error("it needs {needed_mib} MiB in {}, where {free_mib} MiB are free", folder.display())]
    Disk {
        needed_mib: u64,
        free_mib: u64,
        folder: PathBuf,
    },
    /// A container could not start.
    #[error("{0}")]
    Need(Unmet),
    #[error("{cause}")]
    Podman { cause: String },
    #[error("{cause}")]
    NameTaken { cause: String },
    #[error(
        "the port {address} of {app} is in use by another program (ss -ltnp 'sport = :{}' shows which); choose another with --set",
        address.port()
    )]
    PortTaken { app: AppId, address: SocketAddr },
    #[error("the port {address} of {app} cannot be used: {cause}; choose another with --set")]
    PortUnusable {
        app: AppId,
        address: SocketAddr,
        cause: String,
    },
}

fn required(app: &AppId, by: &[AppId]) -> String {
    let names: Vec<&str> = by.iter().map(AppId::as_str).collect();
    let verb = if by.len() == 1 { "requires" } else { "require" };
    let names = names.join(" and ");
    format!("{names} {verb} {app}; uninstall {names} first")
}
