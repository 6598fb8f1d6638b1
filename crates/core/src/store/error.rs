//! Why an app of a store cannot be accepted.

use std::collections::BTreeSet;

use crate::manifest::ManifestErrors;
use crate::name::AppId;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{folder} has no Compose file")]
    NoComposeFile { folder: String },
    #[error("{folder} has no umbrel-app.yml, so it is not the folder of an app of Umbrel")]
    NotOfUmbrel { folder: String },
    #[error("{file} is not UTF-8 text")]
    NotText { file: String },
    #[error(transparent)]
    Manifest(#[from] ManifestErrors),
    #[error("{file}: the key `{key}` is missing or has an unusable value; ask the store's authors")]
    Key { file: String, key: &'static str },
    #[error(
        "{file}: `x-archipelago` has no place in an app of this format, because Archipelago writes it; ask the store's authors"
    )]
    OwnKey { file: String },
    #[error(
        "{file}: it is written for Archipelago and says that its id is {own}, so it cannot be installed as {app}"
    )]
    OtherId {
        file: String,
        own: AppId,
        app: AppId,
    },
    #[error(
        "{file}:{line}:{column}: {key}: a password stands outside of `environment`, where other programs of this host could read it; the app must be changed to read it from a variable"
    )]
    Exposed {
        file: String,
        line: usize,
        column: usize,
        key: String,
    },
    #[error(
        "{file}: it needs {}, which only scripts of Umbrel's apps set; of these, exports.sh is read where it does nothing but set variables",
        list(.names)
    )]
    Variables {
        file: String,
        names: BTreeSet<String>,
    },
    #[error(
        "{file}:{line}:{column}: it mounts a part of Umbrel's own folder, which is not there; ask the store's authors for another way"
    )]
    UmbrelFolder {
        file: String,
        line: usize,
        column: usize,
    },
    #[error(
        "{file}:{line}:{column}: it mounts a part of lnd's data folder that no app gets; lnd offers its certificate and its macaroons"
    )]
    LightningFolder {
        file: String,
        line: usize,
        column: usize,
    },
    #[error(
        "{file}: it needs the data folder of {app}, which no app gets: it holds the keys of that app; the app must be changed to use its network interface"
    )]
    DataFolder { file: String, app: &'static str },
    #[error("{file}: it is made for {} and this node is {node}", supported.join(", "))]
    Architecture {
        file: String,
        supported: Vec<String>,
        node: String,
    },
}

fn list(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(", ")
}
