//! Why an app cannot be imported. Nothing was changed then.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::name::AppId;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "{app} is installed already; import it under another id with --as, or uninstall {app} with --purge first"
    )]
    Installed { app: AppId },
    #[error(
        "data of {app} are there already; import it under another id with --as, or remove them with archipelago uninstall {app} --purge"
    )]
    Data { app: AppId },
    #[error(
        "another process imports {app} now, or removes what an interrupted import has left; try again later"
    )]
    Busy { app: AppId },
    #[error("{} holds several apps; name one of them: {}", folder.display(), apps.join(", "))]
    WhichApp { folder: PathBuf, apps: Vec<String> },
    #[error("{} has no app {app}; it has {}", folder.display(), apps.join(", "))]
    NoApp {
        folder: PathBuf,
        app: String,
        apps: Vec<String>,
    },
    #[error("only a folder of Umbrel with several apps takes the name of an app; leave out {app}")]
    OneApp { app: String },
    #[error(
        "nothing of the app's data is there: {} does not exist",
        .0.display()
    )]
    Nothing(PathBuf),
    #[error(
        "the store {store} has no app {app} of this kind; leave out --store, or name another one"
    )]
    NotInStore { store: String, app: AppId },
    #[error(
        "the volume {name} of the app was not found{}; say where it is with --volume {name}=FOLDER, or let it start empty with --empty {name}",
        looked(.candidates)
    )]
    NoVolume {
        name: String,
        candidates: Vec<PathBuf>,
    },
    #[error(
        "the volume {name} of the app is both {} and {}; say which one with --volume {name}=FOLDER",
        first.display(), second.display()
    )]
    TwoVolumes {
        name: String,
        first: PathBuf,
        second: PathBuf,
    },
    #[error("the app has no volume {name}{}", has(.known))]
    UnknownVolume {
        name: String,
        known: BTreeSet<String>,
    },
    #[error(
        "two folders would become {path} of the app: {first} and {second}; change one of the two mounts in the Compose file"
    )]
    TwoFolders {
        path: String,
        first: String,
        second: String,
    },
    #[error(
        "all files belong to this user, such as {}, so it does not show to whom they belong in a container; add --engine docker if Docker's containers wrote them, --engine podman for Podman's",
        path.display()
    )]
    Engine { path: PathBuf },
    #[error(
        "{} is a link, and no link is followed; put the folder itself in its place, or mount it there",
        .0.display()
    )]
    Link(PathBuf),
    #[error(
        "{} is {kind}, which is not copied; remove it if the stopped app has left it there",
        path.display()
    )]
    Special { path: PathBuf, kind: &'static str },
    #[error(
        "this user cannot read {}, which belongs to user {user}{}",
        path.display(), more(*.others)
    )]
    Unreadable {
        path: PathBuf,
        user: u32,
        others: u64,
    },
    #[error(
        "{} belongs to the id {id}, which is none of this user's containers, though other files are; let root give it to the right one, or leave it out",
        path.display()
    )]
    Foreign { path: PathBuf, id: u32 },
    #[error(
        "{} belongs to the id {id}, which this user's containers do not have (/etc/subuid, /etc/subgid); let root change its owner, or give this user more ids",
        path.display()
    )]
    NoSuchId { path: PathBuf, id: u32 },
    #[error(
        "data that Docker's containers wrote get other owners here, so they are copied and not moved; leave out --move, and remove the old folders when the app works"
    )]
    MoveOfDocker,
    #[error(
        "{} is on another file system than the data folder, so it is copied and not moved; leave out --move",
        .0.display()
    )]
    OtherFileSystem(PathBuf),
    #[error(
        "the data take {needed_mib} MiB, and in {} {free_mib} MiB are free; free the rest, or use a larger disk",
        folder.display()
    )]
    Room {
        needed_mib: u64,
        free_mib: u64,
        folder: PathBuf,
    },
    #[error(
        "the container {container} runs and uses {}; stop the app first, for instance with: {program} stop {container}",
        folder.display()
    )]
    Running {
        container: String,
        program: &'static str,
        folder: PathBuf,
    },
}

fn looked(candidates: &[PathBuf]) -> String {
    let paths: Vec<String> = candidates
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    match paths.is_empty() {
        true => String::new(),
        false => format!(
            " ({} are not there, or only root sees them)",
            paths.join(", ")
        ),
    }
}

fn has(known: &BTreeSet<String>) -> String {
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    match names.is_empty() {
        true => "; it has none".to_owned(),
        false => format!("; it has {}", names.join(", ")),
    }
}

fn more(others: u64) -> String {
    match others {
        0 => String::new(),
        others => format!(", nor {others} other files"),
    }
}
