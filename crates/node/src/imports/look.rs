//! Looking at the data, and judging whether they can be brought.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use archipelago_core::import::{
    self, Engine, Evidence, Note, Planned, engine, judge, judge_move, judge_room, judge_running,
    places,
};
use archipelago_core::layout::Layout;
use archipelago_host::{imports, preflight};

use super::find::{Found, casaos_data};
use super::import::{Folder, Import};
use super::wanted::Wanted;
use crate::error::Error;
use crate::operations::Prepared;

pub(super) async fn look(
    layout: &Layout,
    wanted: &Wanted,
    found: &Found,
    prepared: &Prepared,
    (secrets, no_seed): (BTreeMap<String, String>, Option<Note>),
) -> Result<Import, Error> {
    let app = prepared.proposal().app.clone();
    let planned = plan(layout, wanted, found, prepared)?;
    let folders: BTreeSet<PathBuf> = planned.iter().filter_map(|one| one.from.clone()).collect();
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    let containers = imports::running().await;
    judge_running(&containers.running, &folders)?;
    let (engine, scan) = scan(wanted, found, &folders).await?;
    if wanted.moves {
        let movable: Vec<(&Path, bool)> = folders
            .iter()
            .map(|folder| (*folder, imports::is_movable(layout, folder)))
            .collect();
        judge_move(engine, &movable)?;
    }
    let free_mib = preflight::free_mib(layout);
    let bytes = scan.bytes();
    if !wanted.moves {
        judge_room(bytes, free_mib, &layout.data)?;
    }
    let mut notes: Vec<Note> = no_seed.into_iter().collect();
    if found.shares() {
        notes.push(Note::Shared(wanted.system));
    }
    if containers.docker_unseen {
        notes.push(Note::DockerUnseen);
    }
    let folder = |one: Planned| Folder {
        to: one.place.target(layout, &app),
        place: one.place,
        from: one.from.map(|from| {
            let found = scan.folders.get(&from).cloned().unwrap_or_default();
            (from, found)
        }),
    };
    Ok(Import {
        engine,
        moves: wanted.moves,
        folders: planned.into_iter().map(folder).collect(),
        bytes,
        free_mib,
        notes,
        secrets,
        app,
    })
}

/// The folders of the app, each with the one that it is filled from.
fn plan(
    layout: &Layout,
    wanted: &Wanted,
    found: &Found,
    prepared: &Prepared,
) -> Result<Vec<Planned>, Error> {
    let Some(installation) = prepared.proposal().installation() else {
        return Ok(Vec::new());
    };
    let places = places(layout, &installation.app, &installation.present.folders);
    let candidates: Vec<PathBuf> = places
        .iter()
        .flat_map(|place| found.sources.of(place))
        .collect();
    let planned = found.sources.plan(&places, &imports::there(&candidates));
    let planned = planned.map_err(|error| match &error {
        import::Error::NoVolume { candidates, .. } => {
            let docker = candidates
                .iter()
                .find(|path| found.engines.get(*path) == Some(&Engine::Docker));
            match docker {
                // Only root sees whether it is there.
                Some(path) => Error::Denied {
                    cause: error.to_string(),
                    advice: found.advice(wanted, &[path]),
                },
                None => error.into(),
            }
        }
        _ => error.into(),
    })?;
    let is_anything = planned.iter().any(|one| one.from.is_some());
    let looked = candidates.first();
    if let Some(looked) = looked.filter(|_| !is_anything && wanted.empty.is_empty()) {
        return Err(import::Error::Nothing(looked.clone()).into());
    }
    let roots = [found.folder.clone(), casaos_data(wanted)];
    let froms = planned.iter().filter_map(|one| one.from.as_deref());
    for from in froms {
        let links = roots
            .iter()
            .find_map(|root| imports::first_link(root, from));
        if let Some(link) = links {
            return Err(import::Error::Link(link).into());
        }
    }
    Ok(planned)
}

/// Lists all files as the engine sees them, and judges them.
async fn scan(
    wanted: &Wanted,
    found: &Found,
    folders: &[&Path],
) -> Result<(Engine, import::Scan), Error> {
    let (users, groups) = imports::ids().await?;
    let outside = imports::scan(folders, Engine::Docker).await?;
    let volumes_of: Vec<Engine> = folders
        .iter()
        .filter_map(|folder| found.engines.get(*folder).copied())
        .collect();
    let evidence = Evidence {
        given: wanted.engine,
        system: wanted.system,
        user: rustix::process::getuid().as_raw(),
        users: &users,
        volumes_of: &volumes_of,
    };
    let engine = engine(&outside, &evidence)?;
    let scan = match engine {
        Engine::Docker => outside.clone(),
        Engine::Podman => imports::scan(folders, Engine::Podman).await?,
    };
    judge(engine, &scan, &outside, &users, &groups).map_err(|error| match error {
        import::Error::Unreadable { .. } => Error::Denied {
            cause: error.to_string(),
            advice: found.advice(wanted, folders),
        },
        error => error.into(),
    })?;
    Ok((engine, scan))
}
