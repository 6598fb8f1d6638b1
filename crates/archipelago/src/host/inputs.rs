//! Reading what the desired state is worked out from: configuration, intents, definitions, secrets, captured files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use archipelago_core::config::Config;
use archipelago_core::desired::Inputs;
use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;

use super::disk;
use super::image::chain;
use crate::definition;

/// A captured file is a credential or an address, not data.
const CAPTURE_BYTES_MAX: u64 = 64 * 1024;

/// Reads all but the captured files. What cannot be read is part of the result: one broken app does not hide the others.
pub fn read(layout: &Layout) -> Inputs {
    let intents = intents(layout);
    let definitions = intents
        .keys()
        .filter_map(|id| {
            Some((
                id.clone(),
                definition::read_folder(&layout.definition(id)).ok()?,
            ))
        })
        .filter(|(_, files)| !files.is_empty())
        .collect();
    let secrets = intents
        .keys()
        .map(|id| (id.clone(), secrets(&layout.secrets(id))))
        .collect();
    Inputs {
        layout: layout.clone(),
        config: config(layout),
        intents,
        definitions,
        secrets,
        captured: BTreeMap::new(),
    }
}

/// Reads the node's configuration.
///
/// # Errors
/// When it is there and cannot be understood.
pub fn config(layout: &Layout) -> Result<Config, String> {
    let path = layout.config_file();
    match disk::read_text(&path) {
        Ok(None) => Ok(Config::default()),
        Ok(Some(text)) => {
            Config::parse(&path.display().to_string(), &text).map_err(|error| error.to_string())
        }
        Err(error) => Err(chain(&error)),
    }
}

fn intents(layout: &Layout) -> BTreeMap<AppId, Result<Intent, String>> {
    let names = disk::names(&layout.apps()).unwrap_or_default();
    names
        .iter()
        .filter_map(|name| AppId::parse(name.strip_suffix(".toml")?).ok())
        .map(|id| {
            let intent = intent(layout, &id)
                .and_then(|intent| intent.ok_or_else(|| "its intent is gone".to_owned()));
            (id, intent)
        })
        .collect()
}

/// Reads an app's intent; `None` when it is not installed.
///
/// # Errors
/// When it is there and cannot be understood.
pub fn intent(layout: &Layout, id: &AppId) -> Result<Option<Intent>, String> {
    let path = layout.intent(id);
    let text = disk::read_text(&path).map_err(|error| chain(&error))?;
    text.map(|text| Intent::parse(&path.display().to_string(), &text))
        .transpose()
        .map_err(|error| error.to_string())
}

/// The secrets that exist. One that cannot be read counts as absent here, and is never overwritten: generating refuses a name that is taken.
fn secrets(folder: &Path) -> BTreeMap<String, String> {
    let names = disk::names(folder).unwrap_or_default();
    names
        .into_iter()
        .filter(|name| !name.starts_with('.'))
        .filter_map(|name| {
            let text = disk::read_text(&folder.join(&name)).ok()??;
            Some((name, text.trim_end_matches('\n').to_owned()))
        })
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// Reads the captured files that exist.
pub fn captured(paths: BTreeSet<PathBuf>) -> BTreeMap<PathBuf, Vec<u8>> {
    paths
        .into_iter()
        .filter(|path| {
            std::fs::metadata(path)
                .is_ok_and(|metadata| metadata.is_file() && metadata.len() <= CAPTURE_BYTES_MAX)
        })
        .filter_map(|path| Some((path.clone(), disk::read(&path).ok()??)))
        .collect()
}
