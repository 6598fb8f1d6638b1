//! Stores: folders of apps that other people wrote, in the formats of Umbrel, CasaOS and Compose.
//!
//! An app of a store is translated once, when it is installed. The result is a definition like any
//! other: the app's own Compose file, followed by a YAML document of ours that is laid over it. So
//! an installed app does not need its store any more. Everything in a store is text from strangers:
//! names are checked, texts are cleaned,
//! and shell scripts run only when a person agrees, in a container without a network.

mod casaos;
mod change;
mod clean;
mod compose_file;
mod entry;
mod error;
mod existing;
mod ignored;
mod kept;
mod name;
mod notice;
mod overlay;
mod plain;
mod search;
mod secrets;
#[cfg(test)]
mod tests;
mod translated;
mod tree;
mod umbrel;
mod variables;
mod volumes;

pub use change::{Change, changes};
pub use entry::{Entry, Format};
pub use error::Error;
pub use existing::{Existing, existing, mounted_folders, translate_existing};
pub use ignored::is_ignored;
pub use kept::{NameTaken, is_added_store, judge_catalog, judge_data, judge_installed};
pub use name::{CATALOG, StoreName, StoreNameError, StoredApp};
pub use notice::{Login, Notice};
pub use search::search;
pub use translated::{NodeFacts, Scripts, Surroundings, Translated};
pub use tree::{FoundApp, apps_in};

use std::collections::BTreeSet;

use crate::file::Files;
use crate::name::AppId;

/// The apps of its store that an app depends on, by their names in the store.
#[must_use]
pub fn dependencies(files: &Files) -> BTreeSet<String> {
    let about = umbrel::About::read("", files);
    let dependencies = about.into_iter().flat_map(|about| about.dependencies);
    dependencies.collect()
}

/// Translates an app of a store. `file` is the name of its Compose file in messages, and `app` the
/// id that it gets on the node.
///
/// # Errors
/// When the app cannot be accepted.
pub fn translate(
    file: &str,
    app: &AppId,
    files: &Files,
    surroundings: &Surroundings,
) -> Result<Translated, Error> {
    let source = compose_file::ComposeFile::find(file, files)?;
    match Format::of(files, &source) {
        Format::Umbrel => umbrel::translate(app, &source, files, surroundings),
        Format::CasaOs => casaos::translate(app, &source, files, &surroundings.node),
        Format::Archipelago => plain::as_it_is(app, &source, files),
        Format::Compose => plain::translate(app, &source, files),
    }
}
