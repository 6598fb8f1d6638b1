//! Bringing the data of an import into a folder of their own, before anything of the app changes.

use std::path::PathBuf;

use archipelago_core::import::{self, Moved};
use archipelago_core::layout::Layout;
use archipelago_host::imports::{self, Staging};

use super::event::Event;
use crate::error::Error;
use crate::imports::import::{Folder, Import};
use crate::imports::present::refuse_present;
use crate::settle::{settle, settle_quietly};

/// Brings the data. They are whole then, and durable. When it fails, nothing is left of them.
pub(super) async fn bring(
    layout: &Layout,
    import: &Import,
    progress: &mut impl FnMut(Event<'_>),
) -> Result<Staging, Error> {
    settle(layout).await?;
    refuse_present(layout, &import.app)?;
    let Some(staging) = Staging::begin(layout, &import.app)? else {
        let app = import.app.clone();
        return Err(import::Error::Busy { app }.into());
    };
    match fill(&staging, import, progress).await {
        Ok(()) => Ok(staging),
        Err(error) => {
            drop(staging);
            settle_quietly(layout.clone()).await;
            Err(error)
        }
    }
}

async fn fill(
    staging: &Staging,
    import: &Import,
    progress: &mut impl FnMut(Event<'_>),
) -> Result<(), Error> {
    let root = staging.root();
    let all: Vec<(&PathBuf, PathBuf)> = import
        .folders
        .iter()
        .filter_map(|Folder { place, from, .. }| {
            let (from, _) = from.as_ref()?;
            Some((from, place.beneath(&root)))
        })
        .collect();
    if import.moves {
        let moved = all.iter().map(|(from, to)| Moved {
            from: (*from).clone(),
            to: to.strip_prefix(&root).unwrap_or(to).to_owned(),
        });
        staging.note_moves(moved.collect())?;
    }
    let mut done = 0;
    for (from, to) in &all {
        if import.moves {
            imports::move_folder(from, to).await?;
            continue;
        }
        let copied = |bytes: usize| {
            done += bytes as u64;
            progress(Event::Copying {
                done,
                total: import.bytes,
            });
        };
        imports::copy(staging, import.engine, from, to, copied).await?;
    }
    for (name, text) in &import.secrets {
        staging.write_secret(name, text)?;
    }
    Ok(staging.sync()?)
}
