//! `import`: the arguments, and how the data that an import brings are shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use archipelago_core::import::{Engine, System};
use archipelago_core::printable::one_line;
use archipelago_node::imports::{Folder, Import, Wanted};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::failure::{Code, Failure};
use super::request::{pairs, scripts};

/// The app of another system, and its data.
#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The system that ran the app.
    #[arg(long, value_enum)]
    from: From,
    /// The app's folder: app-data/APP of Umbrel, /var/lib/casaos/apps/APP of CasaOS, or the folder
    /// of the Compose file. Or Umbrel's own folder, with APP.
    folder: PathBuf,
    /// The app in Umbrel's own folder.
    app: Option<String>,
    /// Give the app another id.
    #[arg(long = "as", value_name = "ID")]
    id: Option<String>,
    /// The folder that stands for /DATA of CasaOS, as when its disk is mounted elsewhere.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The folder of a volume, where it is not found.
    #[arg(long = "volume", value_name = "NAME=FOLDER")]
    volumes: Vec<String>,
    /// Let a volume start empty.
    #[arg(long = "empty", value_name = "NAME")]
    empty: Vec<String>,
    /// The engine whose containers wrote the data, where it does not show.
    #[arg(long, value_enum)]
    engine: Option<WrittenBy>,
    /// The added store from which `install STORE/APP` renews the app later.
    #[arg(long)]
    store: Option<String>,
    /// Move the data instead of copying them.
    #[arg(long = "move")]
    moves: bool,
    /// Do not run the scripts that come with the app.
    #[arg(long)]
    without_scripts: bool,
    /// Choose a setting of the app.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// The systems, on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    Umbrel,
    Casaos,
    Compose,
}

/// The engines, on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum WrittenBy {
    /// Docker as root.
    Docker,
    /// Podman, or Docker without root, of this user.
    Podman,
}

impl ImportArguments {
    pub(super) fn wanted(self) -> Result<Wanted, Failure> {
        let volumes = self.volumes.iter().map(|text| match text.split_once('=') {
            Some((name, folder)) => Ok((name.to_owned(), PathBuf::from(folder))),
            None => Err(Failure::new(
                Code::Input,
                format!("--volume {text}: write it as NAME=FOLDER"),
            )),
        });
        Ok(Wanted {
            system: match self.from {
                From::Umbrel => System::Umbrel,
                From::Casaos => System::CasaOs,
                From::Compose => System::Compose,
            },
            volumes: volumes.collect::<Result<BTreeMap<_, _>, _>>()?,
            empty: self.empty.into_iter().collect::<BTreeSet<_>>(),
            engine: self.engine.map(|engine| match engine {
                WrittenBy::Docker => Engine::Docker,
                WrittenBy::Podman => Engine::Podman,
            }),
            scripts: scripts(self.without_scripts),
            settings: pairs(&self.settings)?,
            folder: self.folder,
            app: self.app,
            id: self.id,
            data: self.data,
            store: self.store,
            moves: self.moves,
        })
    }
}

/// The data of an import, as JSON.
#[derive(Serialize)]
pub(super) struct Document {
    engine: Engine,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    free_mib: Option<u64>,
    folders: Vec<FolderDocument>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct FolderDocument {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    to: String,
    files: u64,
    bytes: u64,
    /// `USER:GROUP` in the containers.
    owners: Vec<String>,
}

pub(super) fn document(import: &Import) -> Document {
    let folders = import.folders.iter().map(|folder| {
        let from = folder.from.as_ref();
        FolderDocument {
            action: action(import, folder),
            from: from.map(|(from, _)| from.display().to_string()),
            to: folder.to.display().to_string(),
            files: from.map_or(0, |(_, found)| found.files),
            bytes: from.map_or(0, |(_, found)| found.bytes),
            owners: owners(folder),
        }
    });
    Document {
        engine: import.engine,
        bytes: import.bytes,
        free_mib: import.free_mib,
        folders: folders.collect(),
        notes: import.notes.iter().map(ToString::to_string).collect(),
    }
}

/// The data of an import in lines.
pub(super) fn lines(import: &Import) -> Vec<String> {
    let mut lines = vec![format!("data of {}:", import.app)];
    for folder in &import.folders {
        let to = folder.to.display();
        let line = match &folder.from {
            None => format!("  empty  {to}"),
            Some((from, found)) => format!(
                "  {:<6} {} to {to} ({} files, {}, of {})",
                action(import, folder),
                from.display(),
                found.files,
                amount(found.bytes),
                owners(folder).join(" "),
            ),
        };
        lines.push(one_line(&line).into_owned());
    }
    if let Some(free) = import.free_mib.filter(|_| !import.moves) {
        lines.push(format!(
            "The copy takes {}; {} are free.",
            amount(import.bytes),
            amount(free << 20)
        ));
    }
    let notes = import.notes.iter();
    lines.extend(notes.map(|note| one_line(&format!("note: {note}")).into_owned()));
    lines
}

fn action(import: &Import, folder: &Folder) -> &'static str {
    match (&folder.from, import.moves) {
        (None, _) => "empty",
        (Some(_), true) => "move",
        (Some(_), false) => "copy",
    }
}

fn owners(folder: &Folder) -> Vec<String> {
    let found = folder.from.iter();
    let owners = found.flat_map(|(_, found)| found.owners.keys());
    owners
        .map(|(user, group)| format!("{user}:{group}"))
        .collect()
}

/// An amount of bytes for people.
pub(super) fn amount(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        mib @ 1..10_240 => format!("{mib} MiB"),
        mib => format!("{} GiB", mib >> 10),
    }
}
