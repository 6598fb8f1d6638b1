//! Why an operation is not begun. Nothing was changed then.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::check::Check;
use crate::check::needs::Unmet;
use crate::desired::{self, Fault};
use crate::file_error::FileError;
use crate::held::Waits;
use crate::manifest::{ManifestErrors, SettingError};
use crate::name::AppId;
use crate::observed::Unreachable;
use crate::plan::Blocked;
use crate::store::NameTaken;

use super::grants::Grant;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0} is not installed; archipelago list shows what is")]
    NotInstalled(AppId),
    #[error("{0} is stopped; archipelago start {0} starts it")]
    Stopped(AppId),
    #[error("{0} builds no image on this node, so there is nothing to rebuild")]
    NothingBuilt(AppId),
    #[error("{0} is not rebuilt, because it waits: {1}")]
    Waits(AppId, Box<Waits>),
    #[error("name the settings of {0} to change; archipelago catalog {0} lists them")]
    NoSetting(AppId),
    #[error("no earlier version of {0} is kept; archipelago history {0} shows the kept ones")]
    NoEarlier(AppId),
    #[error(
        "no kept version of {app} is named {name:?}; archipelago history {app} shows the kept ones"
    )]
    NotKept { app: AppId, name: String },
    #[error(
        "the definition of version {number} of {app} is not stored any more; archipelago history {app} shows the kept ones"
    )]
    NotStored { app: AppId, number: u64 },
    #[error(
        "{0} is being updated; wait until archipelago status {0} no longer shows the update (the daemon finishes one that was interrupted), or uninstall it"
    )]
    Updating(AppId),
    #[error("{app} is being removed; wait until archipelago list no longer shows it")]
    Removing { app: AppId },
    #[error(transparent)]
    Unreadable(#[from] FileError),
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Manifest(#[from] ManifestErrors),
    #[error(transparent)]
    Broken(BrokenApp),
    #[error(
        "{app} cannot be prepared; archipelago status shows the state of the apps that it requires"
    )]
    Unready { app: AppId },
    #[error(
        "{app} uses the file {file} of {other}, which {other} has not written yet; wait until archipelago status shows {other} as ready"
    )]
    NoExportedFile {
        app: AppId,
        other: AppId,
        file: String,
    },
    #[error(transparent)]
    Conflict(BrokenApp),
    /// The data folder is not this node's.
    #[error(transparent)]
    DataFolder(Box<desired::Error>),
    #[error(
        "{other}, which is installed, could not run with that: {cause}\nTo do it nevertheless, uninstall {other} first; its data are kept. {app} is as it was."
    )]
    BreaksOther {
        app: AppId,
        other: AppId,
        cause: Box<desired::Error>,
    },
    #[error("{app} and {other}, which is installed, cannot both be there: of {other}, {cause}")]
    TakesFromOther {
        app: AppId,
        other: AppId,
        cause: Box<desired::Error>,
    },
    #[error("{}", required(.app, .by))]
    Required { app: AppId, by: Vec<AppId> },
    #[error(
        "{}; to do: {}; archipelago doctor shows all that is missing",
        .0.finding, .0.cure.as_deref().unwrap_or_default()
    )]
    Host(Box<Check>),
    #[error("it needs {needed_mib} MiB{more} in {}, where {free_mib} MiB are free; free the rest, or use a larger disk", folder.display())]
    Disk {
        needed_mib: u64,
        /// ` more` when an installed app asks for that much beyond what it asked for before.
        more: &'static str,
        free_mib: u64,
        folder: PathBuf,
    },
    /// A container could not start.
    #[error("{0}")]
    Need(Unmet),
    /// The app asks for grants that nobody has agreed to.
    #[error("{}", not_allowed(.app, .grants))]
    NotAllowed { app: AppId, grants: Vec<Grant> },
    /// A word of `--allow` that agrees to nothing that the app asks for.
    #[error("{}", not_asked(.app, .word, .asked))]
    NotAsked {
        app: AppId,
        word: String,
        asked: BTreeSet<String>,
    },
    /// A file of this host that the app mounts.
    #[error(
        "{app} mounts {}, which is not there and looks like a file; make it first, or make a folder of that name",
        path.display()
    )]
    NoFile { app: AppId, path: PathBuf },
    #[error(transparent)]
    Podman(Unreachable),
    #[error(transparent)]
    NameTaken(Blocked),
    /// The id belongs to an app of another source.
    #[error(transparent)]
    OtherSource(#[from] NameTaken),
    #[error(
        "the port {address} of {app} is in use by another program (ss -ltnp 'sport = :{}' shows which); choose another with --set",
        address.port()
    )]
    PortTaken { app: AppId, address: SocketAddr },
    #[error(
        "{app} takes one port of this host from {first} to {last}, and all of them are in use (ss -ltn shows by what); end a program that \
         uses one"
    )]
    NoFreePort { app: AppId, first: u16, last: u16 },
    #[error("the port {address} of {app} cannot be used: {cause}; choose another with --set")]
    PortUnusable {
        app: AppId,
        address: SocketAddr,
        cause: String,
    },
}

impl From<desired::Error> for Refusal {
    fn from(cause: desired::Error) -> Self {
        Self::of_broken(cause, Fault::Own, None)
    }
}

impl Refusal {
    /// An app cannot be resolved. `installation` has the folder of our copy and the one that the
    /// app is installed from.
    pub(super) fn of_broken(
        cause: desired::Error,
        fault: Fault,
        installation: Option<(&str, &str)>,
    ) -> Self {
        let cause = Box::new(cause);
        let installation = installation.map(|(copy, from)| (copy.to_owned(), from.to_owned()));
        match fault {
            Fault::Own => Self::Broken(BrokenApp {
                cause,
                installation,
            }),
            Fault::Conflict => Self::Conflict(BrokenApp {
                cause,
                installation,
            }),
            Fault::Data => Self::DataFolder(cause),
        }
    }
}

/// Why an app cannot be resolved. During an installation it names the files in the folder that
/// the app is installed from: our copy does not exist yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct BrokenApp {
    cause: Box<desired::Error>,
    /// The folder of our copy, and the one that the app is installed from.
    installation: Option<(String, String)>,
}

impl BrokenApp {
    fn text(&self) -> String {
        let text = self.cause.to_string();
        match &self.installation {
            Some((copy, from)) => text.replace(copy, from),
            None => text,
        }
    }
}

fn required(app: &AppId, by: &[AppId]) -> String {
    let names: Vec<&str> = by.iter().map(AppId::as_str).collect();
    let verb = if by.len() == 1 { "requires" } else { "require" };
    let names = names.join(" and ");
    format!("{names} {verb} {app}; uninstall {names} first")
}

fn not_allowed(app: &AppId, grants: &[Grant]) -> String {
    let mut text = format!("{app} asks for more than other apps, and nobody has agreed to it:");
    for grant in grants {
        text.push_str(&format!("\n  it may {grant}"));
    }
    text.push_str("\nTo agree, add to the command:");
    for grant in grants {
        text.push_str(&format!(" --allow {}", quoted(&grant.word())));
    }
    text
}

fn not_asked(app: &AppId, word: &str, asked: &BTreeSet<String>) -> String {
    if asked.is_empty() {
        return format!(
            "--allow {}: {app} asks for nothing that needs this option; leave it out",
            quoted(word)
        );
    }
    let asked: Vec<String> = asked.iter().map(|word| quoted(word)).collect();
    format!(
        "--allow {}: {app} does not ask for that; it asks for {}",
        quoted(word),
        asked.join(", ")
    )
}

/// The word, quoted for a shell. Only a text with a zero byte cannot be quoted, and no unit can
/// hold one.
fn quoted(word: &str) -> String {
    shlex::try_quote(word).unwrap_or_default().into_owned()
}
