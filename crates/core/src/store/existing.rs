//! Apps that another system runs, in their folders there: what of the folder is the app's
//! definition, and where its data are.

use std::collections::{BTreeMap, BTreeSet};

use compose::{View, interpolate};

use super::compose_file::{ComposeFile, text_at};
use super::error::Error;
use super::translated::{Surroundings, Translated};
use super::{Format, casaos, plain, umbrel, volumes};
use crate::file::Files;
use crate::import::{self, System};
use crate::name::AppId;

/// The names of an app and its volumes in the system that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// Its own id or project name.
    pub name: String,
    /// The engine's names of its volumes, by the names in the Compose file.
    pub volumes: BTreeMap<String, String>,
}

impl Existing {
    /// The folder of a mount's source, in which CasaOS puts the app's name.
    ///
    /// # Errors
    /// When several sources would become one folder of the app.
    pub fn folder(&self, path: &str, sources: &BTreeSet<String>) -> Result<String, import::Error> {
        let filled = |source: &String| {
            let source = source.replace("${AppID}", &self.name);
            source.replace("$AppID", &self.name)
        };
        let filled: BTreeSet<String> = sources.iter().map(filled).collect();
        let mut all = filled.into_iter();
        match (all.next(), all.next()) {
            (Some(first), Some(second)) => Err(import::Error::TwoFolders {
                path: path.to_owned(),
                first,
                second,
            }),
            (first, _) => Ok(first.unwrap_or_default()),
        }
    }
}

/// Reads the names. `folder` is the app's folder in messages, `files` are the files in it, and
/// `given` are settings that a person chose.
///
/// # Errors
/// When the folder is not of an app of this system.
pub fn existing(
    system: System,
    folder: &str,
    files: &Files,
    given: &BTreeMap<String, String>,
) -> Result<Existing, Error> {
    let source = source(system, folder, files)?;
    let variables = variables(system, files, given);
    let filled = |text: String| interpolate(&text, &|name| variables.get(name).cloned()).ok();
    let last = folder.rsplit('/').next().unwrap_or_default();
    let own = || source.tops().find_map(|top| text_at(top, &["name"]));
    let name = match system {
        System::Umbrel => umbrel::About::read(folder, files)?.id,
        System::CasaOs | System::Compose => own()
            .and_then(filled)
            .or_else(|| variables.get("COMPOSE_PROJECT_NAME").cloned())
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| project(last)),
    };
    let declared = source.get("volumes").and_then(View::entries);
    let full = |volume: &str, view: View<'_>| {
        let named = text_at(view, &["name"]).and_then(filled);
        let full = named.unwrap_or_else(|| format!("{name}_{volume}"));
        (volume.to_owned(), full)
    };
    let volumes = declared.into_iter().flatten();
    let volumes = volumes.map(|entry| full(entry.key, entry.value)).collect();
    Ok(Existing { name, volumes })
}

/// The folders in the app's own folder that its Compose file mounts, by their paths in it. What is
/// in them is data.
///
/// # Errors
/// As [`existing`].
pub fn mounted_folders(
    system: System,
    folder: &str,
    files: &Files,
    given: &BTreeMap<String, String>,
) -> Result<BTreeSet<String>, Error> {
    let source = source(system, folder, files)?;
    let variables = variables(system, files, given);
    let lookup = |name: &str| variables.get(name).cloned();
    let mut all = BTreeSet::new();
    let mut note = |written: &str| {
        let filled = interpolate(written, &lookup).unwrap_or_default();
        all.extend(inside(&filled));
    };
    for service in source.services().values() {
        volumes::sources_of(*service)
            .iter()
            .for_each(|text| note(text));
    }
    let declared = source.get("volumes").and_then(View::entries);
    for entry in declared.into_iter().flatten() {
        if let Some(device) = text_at(entry.value, &["driver_opts", "device"]) {
            note(&device);
        }
    }
    Ok(all)
}

/// Translates the app, whatever its files look like.
///
/// # Errors
/// When the app cannot be accepted.
pub fn translate_existing(
    system: System,
    folder: &str,
    app: &AppId,
    files: &Files,
    surroundings: &Surroundings,
) -> Result<Translated, Error> {
    let source = source(system, folder, files)?;
    match (system, Format::of(files, &source)) {
        (System::Umbrel, _) => umbrel::translate(app, &source, files, surroundings),
        (System::CasaOs, _) => casaos::translate(app, &source, files, &surroundings.node),
        (System::Compose, Format::Archipelago) => plain::as_it_is(app, &source, files),
        (System::Compose, _) => plain::translate(app, &source, files),
    }
}

fn source<'a>(system: System, folder: &str, files: &'a Files) -> Result<ComposeFile<'a>, Error> {
    if system == System::Umbrel && !files.contains_key(umbrel::MANIFEST) {
        return Err(Error::NotOfUmbrel {
            folder: folder.to_owned(),
        });
    }
    ComposeFile::find(folder, files)
}

fn variables(
    system: System,
    files: &Files,
    given: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut all = plain::variables_of(files);
    all.extend(given.clone());
    if system == System::Umbrel {
        all.insert("APP_DATA_DIR".to_owned(), ".".to_owned());
    }
    all
}

/// The path in the app's folder of a mount's source; `None` for a volume, and for a path elsewhere.
fn inside(source: &str) -> Option<String> {
    if !source.starts_with('.') {
        return None;
    }
    let parts = source.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts: Vec<&str> = parts.collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
}

/// The name that Compose gives to the project in a folder.
fn project(folder: &str) -> String {
    let name = folder.to_lowercase();
    let is_allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(*c);
    let name: String = name.chars().filter(is_allowed).collect();
    name.trim_start_matches(['_', '-']).to_owned()
}
