//! The reasons why a store or an app of it is not to be had.

use std::path::PathBuf;

use archipelago_core::store::StoreName;

use super::git;
use crate::{definition, disk};

/// A store of four hundred apps has about 2 MiB, and more with pictures.
pub(super) const BYTES_MAX: u64 = 256 << 20;
pub(super) const FILES_MAX: usize = 50_000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error(transparent)]
    Git(#[from] git::Error),
    #[error("{} cannot be read: {reason}; remove the store and add it again", path.display())]
    Index { path: PathBuf, reason: String },
    #[error("there is no store {name}; {}", known(.others))]
    Unknown { name: String, others: Vec<String> },
    #[error("there is a store {0} already; choose another name with --name, or update it")]
    Exists(StoreName),
    #[error(
        "{0} is neither a folder nor the URL of a git repository (https://…, ssh://…, file://…)"
    )]
    NoSource(String),
    #[error("{0} is not UTF-8; rename the folder")]
    NotUtf8(PathBuf),
    #[error("{0} is the folder of an app; install it with archipelago install {0}")]
    IsApp(String),
    #[error("{0} has no apps: no folder in it has a Compose file")]
    Empty(String),
    #[error("{source_name} has more than {} MiB or {} files, too many for a store", BYTES_MAX >> 20, FILES_MAX)]
    TooLarge { source_name: String },
    #[error("{store} has no app {app}; archipelago search finds apps by words")]
    NoApp { store: StoreName, app: String },
    #[error(transparent)]
    Definition(#[from] definition::Error),
}

fn known(others: &[String]) -> String {
    match others.is_empty() {
        true => "none was added".to_owned(),
        false => format!("there are: {}", others.join(", ")),
    }
}
