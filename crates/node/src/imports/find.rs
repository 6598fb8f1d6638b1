//! The app in its folder: its definition, its names in the other system, and where its data are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use archipelago_core::error::chain;
use archipelago_core::import::{self, Engine, Note, Sources, System, readable_copy};
use archipelago_core::layout::Layout;
use archipelago_core::manifest::{Files, Part, Recipe};
use archipelago_core::name::AppId;
use archipelago_core::operation::{Definition, Refusal};
use archipelago_core::seed::UmbrelSeed;
use archipelago_core::store::{
    CATALOG, Existing, Format, NameTaken, Notice, StoreName, StoredApp, Surroundings, dependencies,
    existing, mounted_folders, translate_existing,
};
use archipelago_host::{definition, disk, facts, imports, stores};

use super::wanted::Wanted;
use crate::error::Error;

const UMBREL_MANIFEST: &str = "umbrel-app.yml";
/// The folder of apps in Umbrel's folder.
const UMBREL_APPS: &str = "app-data";
const UMBREL_SEED: &str = "db/umbrel-seed/seed";
const CASAOS_DATA: &str = "/DATA";
/// The setting that names the folder which apps share.
const SHARED_FOLDER: &str = "shared_folder";

/// An app that another system ran.
pub(super) struct Found {
    pub definition: Definition,
    pub notices: Vec<Notice>,
    pub existing: Existing,
    /// The app's folder: an absolute path.
    pub folder: PathBuf,
    pub sources: Sources,
    /// The engine in whose storage a folder of a volume would be.
    pub engines: BTreeMap<PathBuf, Engine>,
    /// The file with Umbrel's seed, whether it is there or not.
    seed: Option<PathBuf>,
}

pub(super) fn find(layout: &Layout, wanted: &Wanted) -> Result<Found, Error> {
    let system = wanted.system;
    let folder = locate(wanted)?;
    let name = Layout::text(&folder)?.to_owned();
    let given: BTreeMap<String, String> = wanted.settings.iter().cloned().collect();
    let top = imports::top_files(&folder);
    let top = top.map_err(|error| denied(wanted, &folder, error))?;
    let existing = existing(system, &name, &top, &given)?;
    let mounted = mounted_folders(system, &name, &top, &given)?;
    let files = imports::definition_files(&folder, &mounted);
    let files = files.map_err(|error| denied(wanted, &folder, error))?;
    let id = match &wanted.id {
        Some(id) => crate::apps::app_id(id)?,
        None => AppId::of_folder(&existing.name).map_err(|source| Error::Name {
            name: existing.name.clone(),
            source,
        })?,
    };
    let source = source(layout, wanted, &id, &name)?;
    let surroundings = Surroundings {
        node: facts::for_stores(layout),
        neighbours: neighbours(system, &folder, &files),
        scripts: wanted.scripts,
    };
    let translated = translate_existing(system, &name, &id, &files, &surroundings)?;
    let data = casaos_data(wanted);
    let mut elsewhere = BTreeMap::new();
    for (path, sources) in &translated.data {
        let theirs = existing.folder(path, sources)?;
        let inside = theirs.trim_start_matches(CASAOS_DATA).trim_matches('/');
        elsewhere.insert(path.clone(), data.join(inside));
    }
    let mut engines = BTreeMap::new();
    let volumes = existing.volumes.iter().map(|(volume, full)| {
        let folders = imports::volume_folders(full);
        engines.extend(folders.iter().cloned());
        let folders = folders.into_iter().map(|(folder, _)| folder);
        (volume.clone(), folders.collect())
    });
    let sources = Sources {
        folder: folder.clone(),
        elsewhere,
        volumes: volumes.collect(),
        given: absolute_all(&wanted.volumes),
        empty: wanted.empty.clone(),
    };
    let definition = Definition::of(translated.files, id.as_str(), source, name);
    Ok(Found {
        definition: definition.map_err(definition::Error::from)?,
        notices: translated.notices,
        seed: seed_of(system, &folder),
        existing,
        folder,
        sources,
        engines,
    })
}

/// The app's folder.
fn locate(wanted: &Wanted) -> Result<PathBuf, Error> {
    let folder = absolute(&wanted.folder);
    let apps = folder.join(UMBREL_APPS);
    let is_umbrel = wanted.system == System::Umbrel
        && !disk::may_exist(&folder.join(UMBREL_MANIFEST))
        && disk::may_exist(&apps);
    match (&wanted.app, is_umbrel) {
        (None, false) => Ok(folder),
        (Some(app), false) => Err(import::Error::OneApp { app: app.clone() }.into()),
        (app, true) => {
            let names = disk::names(&apps)?.into_iter();
            let is_app = |name: &String| disk::may_exist(&apps.join(name).join(UMBREL_MANIFEST));
            let names: Vec<String> = names.filter(is_app).collect();
            match app {
                Some(app) if names.contains(app) => Ok(apps.join(app)),
                Some(app) => Err(import::Error::NoApp {
                    folder,
                    app: app.clone(),
                    apps: names,
                }
                .into()),
                None => Err(import::Error::WhichApp {
                    folder,
                    apps: names,
                }
                .into()),
            }
        }
    }
}

/// The source that the intent names: the folder, or the store that a person chose.
fn source(layout: &Layout, wanted: &Wanted, id: &AppId, folder: &str) -> Result<String, Error> {
    if definition::catalog_ids()?.contains(id) {
        let taken = NameTaken::Catalog {
            app: id.clone(),
            source_name: folder.to_owned(),
        };
        return Err(Refusal::from(taken).into());
    }
    let Some(store) = &wanted.store else {
        return Ok(folder.to_owned());
    };
    let store = StoreName::parse(store)?;
    let entries = match store.to_string() == CATALOG {
        true => Vec::new(),
        false => stores::read(layout, &store)?.entries,
    };
    let is_same = |format: Format| match wanted.system {
        System::Umbrel => format == Format::Umbrel,
        System::CasaOs => format == Format::CasaOs,
        System::Compose => matches!(format, Format::Compose | Format::Archipelago),
    };
    let found = entries
        .into_iter()
        .find(|entry| entry.app == *id && is_same(entry.format));
    match found {
        Some(entry) => Ok(StoredApp {
            store,
            app: entry.app,
        }
        .source()),
        None => Err(import::Error::NotInStore {
            store: store.to_string(),
            app: id.clone(),
        }
        .into()),
    }
}

/// The place of the seed, seen from the folder of an app.
fn seed_of(system: System, folder: &Path) -> Option<PathBuf> {
    let apps = folder.parent()?;
    let is_umbrel = system == System::Umbrel && apps.ends_with(UMBREL_APPS);
    is_umbrel.then(|| Some(apps.parent()?.join(UMBREL_SEED)))?
}

/// The files of the apps that this one depends on, as far as they lie beside it and can be read.
fn neighbours(system: System, folder: &Path, files: &Files) -> BTreeMap<String, Files> {
    let apps = folder.parent().filter(|_| system == System::Umbrel);
    let read = |name: String| {
        let files = imports::top_files(&apps?.join(&name)).ok()?;
        Some((name, files))
    };
    dependencies(files).into_iter().filter_map(read).collect()
}

impl Found {
    /// The secrets of the app that Umbrel derived from its seed, and a note when the seed is
    /// missing.
    pub(super) fn umbrel_secrets(
        &self,
        wanted: &Wanted,
    ) -> Result<(BTreeMap<String, String>, Option<Note>), Error> {
        let recipes = self.definition.schema.extension.kept_secrets();
        let seeded: BTreeMap<String, Vec<Part>> = recipes
            .filter_map(|(name, recipe)| match recipe {
                Recipe::Seeded(parts) => Some((name.clone(), parts.clone())),
                Recipe::Random | Recipe::Given(_) => None,
            })
            .collect();
        if seeded.is_empty() {
            return Ok((BTreeMap::new(), None));
        }
        let path = self.seed.clone();
        let path = path.unwrap_or_else(|| self.folder.join("../..").join(UMBREL_SEED));
        let content = disk::read(&path).map_err(|error| match error.is_denied() {
            true => Error::Denied {
                cause: chain(&error),
                advice: self.advice(wanted, &[]),
            },
            false => error.into(),
        })?;
        let content = content.unwrap_or_default();
        let Some(seed) = UmbrelSeed::parse(&content) else {
            let note = Note::NoSeed {
                seed: path,
                secrets: seeded.into_keys().collect(),
            };
            return Ok((BTreeMap::new(), Some(note)));
        };
        let id = &self.existing.name;
        let secrets = seeded.iter();
        let secrets = secrets.map(|(name, parts)| (name.clone(), seed.secret(id, parts)));
        Ok((secrets.collect(), None))
    }

    /// Whether the app uses folders that apps share.
    pub(super) fn shares(&self) -> bool {
        let settings = &self.definition.schema.extension.settings;
        settings.contains_key(SHARED_FOLDER)
    }

    /// The commands with which root lets this user import the app.
    pub(super) fn advice(&self, wanted: &Wanted, folders: &[&Path]) -> String {
        let mut paths = vec![self.folder.clone()];
        paths.extend(self.seed.clone().filter(|seed| disk::may_exist(seed)));
        paths.extend(folders.iter().map(|folder| (*folder).to_owned()));
        advice(
            wanted,
            &self.folder,
            &self.existing.name,
            &self.volumes(folders),
            paths,
        )
    }

    /// The volumes among these folders.
    fn volumes(&self, folders: &[&Path]) -> Vec<(String, PathBuf)> {
        let found = self.sources.volumes.iter();
        let found = found.filter_map(|(name, candidates)| {
            let mut candidates = candidates.iter();
            let found = candidates.find(|path| folders.contains(&path.as_path()))?;
            Some((name.clone(), found.clone()))
        });
        let given = self.sources.given.iter();
        let given = given.map(|(name, folder)| (name.clone(), folder.clone()));
        given.chain(found).collect()
    }
}

/// An error with the commands that help, when this user may not read the folder.
fn denied(wanted: &Wanted, folder: &Path, error: definition::Error) -> Error {
    let is_denied = match &error {
        definition::Error::Disk(error) => error.is_denied(),
        definition::Error::Look { source, .. } => {
            source.kind() == std::io::ErrorKind::PermissionDenied
        }
        _ => false,
    };
    if !is_denied {
        return error.into();
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut paths = vec![folder.to_owned()];
    let data = casaos_data(wanted).join("AppData").join(&*name);
    let more = match wanted.system {
        System::Umbrel => seed_of(wanted.system, folder),
        System::CasaOs => Some(data),
        System::Compose => None,
    };
    paths.extend(more.filter(|path| disk::may_exist(path)));
    Error::Denied {
        cause: chain(&error),
        advice: advice(wanted, folder, &name, &[], paths),
    }
}

fn advice(
    wanted: &Wanted,
    folder: &Path,
    name: &str,
    volumes: &[(String, PathBuf)],
    paths: Vec<PathBuf>,
) -> String {
    let paths: BTreeSet<PathBuf> = paths.into_iter().collect();
    let is_inner = |path: &PathBuf| {
        let mut others = paths.iter();
        others.any(|other| other != path && path.starts_with(other))
    };
    let outer: Vec<PathBuf> = paths
        .iter()
        .filter(|path| !is_inner(path))
        .cloned()
        .collect();
    let data = (wanted.system == System::CasaOs).then(|| casaos_data(wanted));
    let name = AppId::of_folder(name).map_or_else(|_| "app".to_owned(), |id| id.to_string());
    readable_copy(
        wanted.system,
        &name,
        folder,
        data.as_deref(),
        volumes,
        &outer,
    )
}

pub(super) fn casaos_data(wanted: &Wanted) -> PathBuf {
    let data = wanted.data.as_deref().unwrap_or(Path::new(CASAOS_DATA));
    absolute(data)
}

/// An absolute path without a slash at its end.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.components().collect()
}

fn absolute_all(folders: &BTreeMap<String, PathBuf>) -> BTreeMap<String, PathBuf> {
    let folders = folders.iter();
    folders
        .map(|(name, folder)| (name.clone(), absolute(folder)))
        .collect()
}
