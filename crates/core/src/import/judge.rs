//! Whether the files can be copied or moved, and to whom they will belong.

use std::path::{Path, PathBuf};

use super::{Engine, Error, IdMap, Scan, System};

/// The facts that tell which engine wrote the data.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// The engine that a person named.
    pub given: Option<Engine>,
    pub system: System,
    /// This user's number on the host.
    pub user: u32,
    pub users: &'a IdMap,
    /// The engines in whose storage volumes of the app were found.
    pub volumes_of: &'a [Engine],
}

/// The engine whose containers wrote the files. `scan` is of this user, outside of containers.
///
/// # Errors
/// When nothing tells.
pub fn engine(scan: &Scan, evidence: &Evidence<'_>) -> Result<Engine, Error> {
    let Evidence {
        given,
        system,
        user,
        users,
        volumes_of,
    } = evidence;
    if let Some(given) = given {
        return Ok(*given);
    }
    let owners = || scan.folders.values().flat_map(|found| &found.owners);
    let foreign = |owner: u32| owner != *user;
    let is_any = |wanted: &dyn Fn(u32) -> bool| owners().any(|((owner, _), _)| wanted(*owner));
    if is_any(&|owner| foreign(owner) && users.inside(owner).is_some()) {
        return Ok(Engine::Podman);
    }
    if *system != System::Compose {
        return Ok(Engine::Docker);
    }
    if let Some(engine) = volumes_of.first() {
        return Ok(*engine);
    }
    match owners().next() {
        Some(_) if is_any(&foreign) => Ok(Engine::Docker),
        Some((_, path)) => Err(Error::Engine { path: path.clone() }),
        None => Ok(Engine::Podman),
    }
}

/// Judges the files as their engine sees them: for Docker as this user sees them, for Podman as
/// root in this user's containers does. `outside` is always as this user sees them.
///
/// # Errors
/// With the first file that stands in the way.
pub fn judge(
    engine: Engine,
    scan: &Scan,
    outside: &Scan,
    users: &IdMap,
    groups: &IdMap,
) -> Result<(), Error> {
    for (folder, found) in &scan.folders {
        if found.is_link {
            return Err(Error::Link(folder.clone()));
        }
        if let Some((path, kind)) = &found.special {
            return Err(Error::Special {
                path: path.clone(),
                kind,
            });
        }
    }
    if engine == Engine::Podman {
        refuse_foreign(outside, users, groups)?;
    }
    for found in scan.folders.values() {
        if let Some((path, owner)) = &found.unreadable {
            return Err(Error::Unreadable {
                path: path.clone(),
                user: owner.user,
                others: found.unreadable_files - 1,
            });
        }
        for ((user, group), path) in &found.owners {
            let unknown = match (users.has_inside(*user), groups.has_inside(*group)) {
                (true, true) => continue,
                (false, _) => *user,
                (true, false) => *group,
            };
            return Err(Error::NoSuchId {
                path: path.clone(),
                id: unknown,
            });
        }
    }
    Ok(())
}

/// Files of other users among those of this user's containers.
fn refuse_foreign(outside: &Scan, users: &IdMap, groups: &IdMap) -> Result<(), Error> {
    let owners = outside.folders.values().flat_map(|found| &found.owners);
    for ((user, group), path) in owners {
        let unknown = match (users.inside(*user), groups.inside(*group)) {
            (Some(_), Some(_)) => continue,
            (None, _) => *user,
            (Some(_), None) => *group,
        };
        return Err(Error::Foreign {
            path: path.clone(),
            id: unknown,
        });
    }
    Ok(())
}

/// Judges whether folders can be moved. Each comes with whether it is on the file system of the
/// data folder.
///
/// # Errors
/// When they must be copied.
pub fn judge_move(engine: Engine, folders: &[(&Path, bool)]) -> Result<(), Error> {
    if engine == Engine::Docker && !folders.is_empty() {
        return Err(Error::MoveOfDocker);
    }
    match folders.iter().find(|(_, is_same)| !is_same) {
        None => Ok(()),
        Some((folder, _)) => Err(Error::OtherFileSystem((*folder).to_owned())),
    }
}

/// Refuses to copy more than there is room for.
///
/// # Errors
/// When there is too little.
pub fn judge_room(bytes: u64, free_mib: Option<u64>, folder: &Path) -> Result<(), Error> {
    let needed_mib = bytes.div_ceil(1 << 20);
    match free_mib {
        Some(free_mib) if free_mib < needed_mib => Err(Error::Room {
            needed_mib,
            free_mib,
            folder: PathBuf::from(folder),
        }),
        _ => Ok(()),
    }
}
