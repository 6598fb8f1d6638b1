//! Stores: adding, updating and searching them, and finding an app to install.

use std::collections::BTreeMap;

use archipelago_core::file::Files;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::Definition;
use archipelago_core::store::{
    self, CATALOG, Change, Entry, Notice, Scripts, StoreName, StoredApp, Surroundings,
    judge_catalog, translate,
};
use archipelago_host::{definition, facts, stores};
use serde::Serialize;

use crate::error::Error;

pub use archipelago_host::stores::Store;

/// An app that can be installed.
pub struct InstallableApp {
    pub definition: Definition,
    /// Notes to read before the app is installed.
    pub notices: Vec<Notice>,
}

/// The wishes of a person for the installation of an app of a store.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// The id that it gets on this node instead of its own.
    pub id: Option<&'a str>,
    pub scripts: Scripts,
}

/// An app in a search.
#[derive(Debug, Serialize)]
pub struct Listed {
    pub store: StoreName,
    #[serde(flatten)]
    pub entry: Entry,
}

/// A store in a list.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub name: StoreName,
    pub source: String,
    pub pin: String,
    pub apps: usize,
}

/// Adds a store. Its default name is the last part of its source.
///
/// # Errors
/// When the source cannot be read, or the name is taken.
pub fn add(layout: &Layout, source: &str, name: Option<&str>) -> Result<(StoreName, Store), Error> {
    let name = match name {
        Some(name) => StoreName::parse(name)?,
        None => StoreName::of_source(source)?,
    };
    if name.is_catalog() {
        return Err(stores::Error::Exists(name).into());
    }
    let store = stores::add(layout, &name, source)?;
    Ok((name, store))
}

/// Updates a store.
///
/// # Errors
/// When there is no such store, or its source cannot be read.
pub fn update(layout: &Layout, name: &StoreName) -> Result<(Store, Vec<Change>), Error> {
    Ok(stores::update(layout, name)?)
}

/// The names of the added stores.
///
/// # Errors
/// When they cannot be listed.
pub fn names(layout: &Layout) -> Result<Vec<StoreName>, Error> {
    Ok(stores::names(layout)?)
}

/// Removes a store. The apps installed from it stay.
///
/// # Errors
/// When there is no such store.
pub fn remove(layout: &Layout, name: &str) -> Result<(), Error> {
    Ok(stores::remove(layout, &StoreName::parse(name)?)?)
}

/// All stores, the catalog first.
///
/// # Errors
/// When one cannot be read.
pub fn list(layout: &Layout) -> Result<Vec<Summary>, Error> {
    let mut all = vec![Summary {
        name: StoreName::parse(CATALOG)?,
        source: definition::catalog_folder().display().to_string(),
        pin: String::new(),
        apps: definition::catalog_ids()?.len(),
    }];
    for name in stores::names(layout)? {
        let Store {
            source,
            pin,
            entries,
            left_out: _,
        } = stores::read(layout, &name)?;
        all.push(Summary {
            name,
            source,
            pin,
            apps: entries.len(),
        });
    }
    Ok(all)
}

/// The apps of all stores that contain all words, best match first.
///
/// # Errors
/// When a store cannot be read.
pub fn search(layout: &Layout, words: &[String]) -> Result<Vec<Listed>, Error> {
    let mut all = Vec::new();
    let catalog = StoreName::parse(CATALOG)?;
    for app in definition::catalog_ids()? {
        let files = definition::read_folder(&definition::catalog_folder().join(app.as_str()))?;
        let folder = app.to_string();
        all.push(Listed {
            store: catalog.clone(),
            entry: Entry::read(app, &folder, &files, String::new()),
        });
    }
    for name in stores::names(layout)? {
        let entries = stores::read(layout, &name)?.entries;
        all.extend(entries.into_iter().map(|entry| Listed {
            store: name.clone(),
            entry,
        }));
    }
    let indices = all.iter().map(|listed| &listed.entry).enumerate();
    let order = store::search(indices, words);
    let mut all: Vec<Option<Listed>> = all.into_iter().map(Some).collect();
    let mut taken = order.into_iter();
    let found = std::iter::from_fn(|| taken.next());
    Ok(found.filter_map(|at| all.get_mut(at)?.take()).collect())
}

/// Finds an app: `STORE/APP`, its id in the catalog, or the path of its folder or Compose file.
///
/// # Errors
/// When there is none, or it cannot be accepted.
pub fn find(layout: &Layout, name: &str, manner: Manner<'_>) -> Result<InstallableApp, Error> {
    let Manner { id, scripts } = manner;
    let id = id.map(crate::apps::app_id).transpose()?;
    let is_other = id.is_some() || scripts == Scripts::Skip;
    if let Some(stored) = StoredApp::parse(name) {
        if stored.store.is_catalog() {
            return catalog(stored.app.as_str(), is_other);
        }
        if stores::names(layout)?.contains(&stored.store) {
            return of_store(layout, &stored, id, scripts);
        }
    }
    catalog(name, is_other)
}

/// The definition that the source of an installed app has now. Scripts of a store run if the
/// installed app has some: a person may have left them out.
///
/// # Errors
/// When the source has it no more, or it cannot be accepted.
pub(crate) fn present_definition(
    layout: &Layout,
    app: &AppId,
    source: &str,
    has_scripts: bool,
) -> Result<Definition, Error> {
    if source == CATALOG {
        return Ok(definition::find(app.as_str())?);
    }
    if let Some(stored) = StoredApp::parse(source)
        && stores::names(layout)?.contains(&stored.store)
    {
        let scripts = match has_scripts {
            true => Scripts::Run,
            false => Scripts::Skip,
        };
        return Ok(of_store(layout, &stored, Some(app.clone()), scripts)?.definition);
    }
    Ok(definition::find(source)?)
}

fn catalog(name: &str, is_other: bool) -> Result<InstallableApp, Error> {
    if is_other {
        return Err(Error::OnlyForStores);
    }
    Ok(InstallableApp {
        definition: definition::find(name)?,
        notices: Vec::new(),
    })
}

fn of_store(
    layout: &Layout,
    stored: &StoredApp,
    id: Option<AppId>,
    scripts: Scripts,
) -> Result<InstallableApp, Error> {
    let store = stores::read(layout, &stored.store)?;
    let entry = store.entries.iter().find(|entry| entry.app == stored.app);
    let entry = entry.ok_or_else(|| stores::Error::NoApp {
        store: stored.store.clone(),
        app: stored.app.to_string(),
    })?;
    if let Some(problem) = &entry.problem {
        return Err(Error::Unreadable {
            app: stored.to_string(),
            problem: problem.clone(),
        });
    }
    let app = id.unwrap_or_else(|| stored.app.clone());
    let source = stored.source();
    judge_catalog(&app, &source, &definition::catalog_ids()?)
        .map_err(archipelago_core::operation::Refusal::from)?;
    let files = stores::files(layout, &stored.store, entry)?;
    let surroundings = Surroundings {
        node: facts::for_stores(layout),
        neighbours: neighbours(layout, &stored.store, &store, &files)?,
        scripts,
    };
    let translated = translate(&source, &app, &files, &surroundings)?;
    let definition = Definition::of(translated.files, app.as_str(), source.clone(), source);
    Ok(InstallableApp {
        definition: definition.map_err(definition::Error::from)?,
        notices: translated.notices,
    })
}

/// The files of the apps in a store that one of its apps depends on.
fn neighbours(
    layout: &Layout,
    name: &StoreName,
    store: &Store,
    files: &Files,
) -> Result<BTreeMap<String, Files>, Error> {
    let dependencies = store::dependencies(files);
    let mut all = BTreeMap::new();
    for entry in &store.entries {
        if entry.problem.is_none() && dependencies.contains(entry.app.as_str()) {
            let files = stores::files(layout, name, entry)?;
            all.insert(entry.app.to_string(), files);
        }
    }
    Ok(all)
}
