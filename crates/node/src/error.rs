//! Why something that was asked for did not come about.

use archipelago_core::cause::Cause;
use archipelago_core::health::AppHealth;
use archipelago_core::import;
use archipelago_core::name::AppId;
use archipelago_core::operation::{Overtaken, Refusal, Target};
use archipelago_core::store::{self, StoreNameError};
use archipelago_host::systemd::JobResult;
use archipelago_host::{
    bases, data_copy, data_folder, definition, disk, folders, imports, lock, observe, owners,
    podman, purge, records, stores, systemd,
};

use crate::operations::update_steps;
use crate::{engine, handle, settle};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Definition(#[from] definition::Error),
    #[error(transparent)]
    Stores(#[from] stores::Error),
    #[error(transparent)]
    StoreName(#[from] StoreNameError),
    #[error(transparent)]
    StoredApp(#[from] store::Error),
    #[error("{app} cannot be read: {problem}")]
    Unreadable { app: String, problem: String },
    #[error(
        "--as and --without-scripts are for apps of stores that were added; an app's own id stands in its Compose file"
    )]
    OnlyForStores,
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error(transparent)]
    Lock(#[from] lock::Error),
    #[error(transparent)]
    Observe(#[from] observe::Error),
    #[error(transparent)]
    Systemd(#[from] systemd::Error),
    #[error(transparent)]
    Folders(#[from] folders::Error),
    #[error(transparent)]
    DataFolder(#[from] data_folder::Error),
    #[error(transparent)]
    Import(#[from] import::Error),
    #[error(transparent)]
    Imports(#[from] imports::Error),
    #[error(transparent)]
    Settle(#[from] settle::Error),
    /// Data that only root can read.
    #[error("{cause}{advice}")]
    Denied { cause: String, advice: String },
    #[error(transparent)]
    Owner(#[from] owners::Error),
    #[error(transparent)]
    Purge(#[from] purge::Error),
    #[error("{app} was not changed{}", advice(.source))]
    Bases {
        app: AppId,
        #[source]
        source: Box<bases::Error>,
    },
    #[error("{app} was not changed: build the new image of {container}")]
    Build {
        app: AppId,
        container: String,
        #[source]
        source: Box<Cause>,
    },
    #[error("{app} was not changed: get the image {image}")]
    Image {
        app: AppId,
        image: String,
        #[source]
        source: Box<Cause>,
    },
    #[error(transparent)]
    Podman(#[from] podman::Error),
    #[error(transparent)]
    DataCopy(#[from] data_copy::Error),
    #[error(transparent)]
    UpdateStep(#[from] update_steps::Error),
    #[error("the update of {app} to {version} was undone: {cause}")]
    Undone {
        app: AppId,
        version: String,
        cause: String,
    },
    #[error(transparent)]
    Random(#[from] records::RandomError),
    #[error(transparent)]
    Engine(#[from] engine::Error),
    #[error(transparent)]
    Handle(#[from] handle::Error),
    #[error(transparent)]
    Pass(#[from] handle::PassFailed),
    #[error("the operation on {0} has not finished; archipelago status {0} shows its progress")]
    Unfinished(AppId),
    #[error("somebody else has changed {0} meanwhile; nothing was done, try again")]
    Changed(AppId),
    #[error("{app} was {} by somebody else meanwhile", by.word())]
    Overtaken { app: AppId, by: Overtaken },
    #[error("{}: {}", .0.health.id, .0.health.message())]
    Failed(Box<FailedApp>),
    #[error(
        "{} runs, but is not ready yet: {}; archipelago status {} shows its progress",
        .0.id, .0.message(), .0.id
    )]
    Silent(Box<AppHealth>),
    #[error("{unit} does not start ({}); systemctl --user status {unit} tells why", result.word())]
    UnitDoesNotStart { unit: String, result: JobResult },
    #[error(
        "{0} cannot stand in a unit file; put the program where its path has only plain characters"
    )]
    ProgramPath(String),
    #[error("find the path of the running archipelago program; run it by its full path")]
    Program(#[source] std::io::Error),
    #[error("{app} has no units yet; archipelago status {app} says why")]
    NoUnits { app: AppId },
    #[error(
        "run this as the user that the apps belong to, not as root (sudo machinectl shell USER@, or log in as that user)"
    )]
    IsRoot,
    #[error("this part needs root: sudo archipelago setup --for {user}")]
    NeedsRoot { user: String },
    #[error("there is no user {0} in /etc/passwd; create one with: sudo adduser {0}")]
    NoSuchUser(String),
    #[error("apps run as an ordinary user; create one with: sudo adduser NAME")]
    RootAsUser,
    #[error(transparent)]
    Layout(#[from] archipelago_core::layout::LayoutError),
    #[error("{name:?}")]
    Name {
        name: String,
        source: archipelago_core::name::NameError,
    },
}

impl From<crate::driver::Error> for Error {
    fn from(error: crate::driver::Error) -> Self {
        use crate::driver::Error;
        match error {
            Error::Lock(error) => Self::Lock(error),
            Error::Observe(error) => Self::Observe(error),
            Error::Systemd(error) => Self::Systemd(error),
        }
    }
}

/// For a base image that could not be fetched. An untrusted registry has its own advice.
fn advice(error: &bases::Error) -> &'static str {
    match error {
        bases::Error::Pull { source, .. } if matches!(**source, Cause::Podman(_)) => {
            "; try again when the registry answers"
        }
        _ => "",
    }
}

/// An app that failed, with the last lines of the container that ended.
#[derive(Debug)]
pub struct FailedApp {
    pub health: AppHealth,
    /// The state that the operation was to reach.
    pub goal: Target,
    pub ended: Option<Ended>,
}

/// A service that ended, and its last lines in the journal.
#[derive(Debug)]
pub struct Ended {
    pub service: String,
    pub lines: Vec<String>,
}

/// The kinds of errors, by which commands choose their exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// It was tried and did not work.
    Failed,
    /// Unacceptable input.
    Input,
    /// This host or user is not set up.
    Host,
    /// A name or port is already in use.
    Taken,
    /// It is not finished yet.
    Unfinished,
}

impl Error {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(refusal) => of_refusal(refusal),
            Self::Definition(definition::Error::Disk(_)) => ErrorKind::Host,
            Self::Stores(error) => of_stores(error),
            Self::Import(error) => of_import(error),
            Self::Denied { .. } => ErrorKind::Host,
            Self::Imports(_) | Self::Settle(_) => ErrorKind::Failed,
            Self::StoreName(_)
            | Self::StoredApp(_)
            | Self::Unreadable { .. }
            | Self::OnlyForStores => ErrorKind::Input,
            Self::Definition(_) | Self::NoSuchUser(_) | Self::RootAsUser | Self::Name { .. } => {
                ErrorKind::Input
            }
            Self::Disk(_)
            | Self::Lock(_)
            | Self::Observe(_)
            | Self::Systemd(_)
            | Self::Folders(_)
            | Self::DataFolder(_)
            | Self::Owner(_)
            | Self::Purge(_)
            | Self::Podman(_)
            | Self::Random(_)
            | Self::Engine(_)
            | Self::Handle(_)
            | Self::Pass(_)
            | Self::UnitDoesNotStart { .. }
            | Self::ProgramPath(_)
            | Self::Program(_)
            | Self::IsRoot
            | Self::Layout(_)
            | Self::NeedsRoot { .. } => ErrorKind::Host,
            Self::Bases { .. }
            | Self::Build { .. }
            | Self::Image { .. }
            | Self::DataCopy(_)
            | Self::UpdateStep(_)
            | Self::Undone { .. }
            | Self::Changed(_)
            | Self::Overtaken { .. }
            | Self::Failed(_)
            | Self::NoUnits { .. } => ErrorKind::Failed,
            Self::Silent(_) | Self::Unfinished(_) => ErrorKind::Unfinished,
        }
    }
}

fn of_stores(error: &stores::Error) -> ErrorKind {
    use stores::Error;
    match error {
        Error::Disk(_) | Error::Index { .. } => ErrorKind::Host,
        Error::Git(stores::GitError::Absent) => ErrorKind::Host,
        Error::Git(_) => ErrorKind::Failed,
        Error::Exists(_) => ErrorKind::Taken,
        Error::Unknown { .. }
        | Error::NoSource(_)
        | Error::NotUtf8(_)
        | Error::IsApp(_)
        | Error::Empty(_)
        | Error::TooLarge { .. }
        | Error::NoApp { .. }
        | Error::Definition(_) => ErrorKind::Input,
    }
}

fn of_import(error: &import::Error) -> ErrorKind {
    use import::Error;
    match error {
        Error::Installed { .. } | Error::Data { .. } | Error::Busy { .. } => ErrorKind::Taken,
        Error::Unreadable { .. }
        | Error::NoSuchId { .. }
        | Error::Room { .. }
        | Error::Running { .. } => ErrorKind::Host,
        Error::WhichApp { .. }
        | Error::NoApp { .. }
        | Error::OneApp { .. }
        | Error::Nothing(_)
        | Error::NotInStore { .. }
        | Error::NoVolume { .. }
        | Error::TwoVolumes { .. }
        | Error::UnknownVolume { .. }
        | Error::TwoFolders { .. }
        | Error::Engine { .. }
        | Error::Link(_)
        | Error::Special { .. }
        | Error::Foreign { .. }
        | Error::MoveOfDocker
        | Error::OtherFileSystem(_) => ErrorKind::Input,
    }
}

fn of_refusal(refusal: &Refusal) -> ErrorKind {
    match refusal {
        Refusal::NotInstalled(_)
        | Refusal::Waits(..)
        | Refusal::NoSetting(_)
        | Refusal::NothingBuilt(_)
        | Refusal::NoEarlier(_)
        | Refusal::NotKept { .. }
        | Refusal::NotStored { .. }
        | Refusal::Stopped(_)
        | Refusal::Removing { .. }
        | Refusal::Updating(_)
        | Refusal::Unreadable(_)
        | Refusal::Setting(_)
        | Refusal::Manifest(_)
        | Refusal::Broken(_)
        | Refusal::Unready { .. }
        | Refusal::NoExportedFile { .. }
        | Refusal::BreaksOther { .. }
        | Refusal::NotAllowed { .. }
        | Refusal::NoFile { .. }
        | Refusal::NotAsked { .. }
        | Refusal::Required { .. } => ErrorKind::Input,
        Refusal::Conflict(_)
        | Refusal::TakesFromOther { .. }
        | Refusal::NameTaken(_)
        | Refusal::OtherSource(_)
        | Refusal::PortTaken { .. }
        | Refusal::NoFreePort { .. } => ErrorKind::Taken,
        Refusal::Host(_)
        | Refusal::DataFolder(_)
        | Refusal::Disk { .. }
        | Refusal::Need(_)
        | Refusal::Podman(_)
        | Refusal::PortUnusable { .. } => ErrorKind::Host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failed_fetch_of_a_base_image_advises_to_try_again() {
        let text = |source: bases::Error| {
            let app = AppId::parse("shop").expect("an id");
            let source = Box::new(source);
            Error::Bases { app, source }.to_string()
        };
        let pull = |source: Cause| bases::Error::Pull {
            base: "quay.io/base:1".to_owned(),
            source: Box::new(source),
        };
        let words = || "no route".to_owned();
        assert_eq!(
            text(pull(Cause::Podman(words()))),
            "shop was not changed; try again when the registry answers"
        );
        let without_tls = Cause::RegistryWithoutTls {
            registry: "quay.io".to_owned(),
            words: words(),
        };
        assert_eq!(text(pull(without_tls)), "shop was not changed");
        let base = "quay.io/base:1".to_owned();
        assert_eq!(text(bases::Error::Nowhere { base }), "shop was not changed");
    }
}
