//! The history of an app: what can be gone back to, and how its last changes ended.

use std::collections::BTreeMap;

use archipelago_core::desired::{App, Apps, Inputs, assemble};
use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::Files;
use archipelago_core::name::AppId;
use archipelago_core::operation::{
    Change, Definition, Kept, Refusal, Request, Version, choose, images_of,
};
use archipelago_host::{definition, history, inputs};
use serde::Serialize;

use crate::error::Error;
use crate::stores;

/// The history of an app.
#[derive(Debug, Serialize)]
pub struct History {
    pub app: AppId,
    pub present: Entry,
    /// The latest first.
    pub kept: Vec<KeptEntry>,
    /// The latest first.
    pub changes: Vec<Change>,
}

/// A version of the app.
#[derive(Debug, Serialize)]
pub struct Entry {
    #[serde(flatten)]
    pub version: Version,
    /// By service.
    pub images: BTreeMap<String, String>,
}

impl Entry {
    fn of(app: &AppId, intent: &Intent, files: Option<&Files>) -> Self {
        Self {
            version: Version::of(app, intent, files),
            images: images_of(app, intent, files),
        }
    }
}

/// A version that is kept.
#[derive(Debug, Serialize)]
pub struct KeptEntry {
    pub number: u64,
    /// By the wall clock, in seconds since 1970.
    pub replaced_unix_s: u64,
    #[serde(flatten)]
    pub entry: Entry,
}

fn installed<'a>(known: &'a Inputs, app: &AppId) -> Result<&'a Intent, Refusal> {
    let intent = known.intents.get(app);
    let intent = intent.ok_or_else(|| Refusal::NotInstalled(app.clone()))?;
    Ok(intent.as_ref().map_err(Clone::clone)?)
}

/// The history of an installed app.
///
/// # Errors
/// When it is not installed, or cannot be read.
pub fn of(layout: &Layout, app: &AppId) -> Result<History, Error> {
    let known = inputs::read(layout)?;
    let intent = installed(&known, app)?;
    let files = known.definitions.get(app);
    // An update that was undone has kept what is the present version again.
    let kept = history::earlier(layout, app)?.into_iter().rev();
    let kept = kept.filter(|kept| !kept.intent.is_same_version(intent));
    let mut changes = history::changes(layout, app)?.0;
    changes.reverse();
    Ok(History {
        app: app.clone(),
        present: Entry::of(app, intent, files),
        kept: kept
            .map(|kept| KeptEntry {
                number: kept.number,
                replaced_unix_s: kept.replaced_unix_s,
                entry: Entry::of(app, &kept.intent, kept.files.as_ref()),
            })
            .collect(),
        changes,
    })
}

/// The request to go back to a kept version: the one with this number or release, or the last one
/// that is another than the present one.
///
/// # Errors
/// When there is none, or it is not stored any more.
pub fn rollback(layout: &Layout, app: &AppId, named: Option<&str>) -> Result<Request, Error> {
    let known = inputs::read(layout)?;
    let intent = installed(&known, app)?;
    let kept = history::earlier(layout, app)?;
    let Kept { intent, files, .. } = choose(app, &kept, intent, named)?.clone();
    let folder = intent.definition_folder(layout, app);
    let files = files.unwrap_or_default();
    let folder = folder.display().to_string();
    let definition = Definition::of(files, app.as_str(), intent.source.clone(), folder);
    Ok(Request::Rollback {
        definition: Box::new(definition.map_err(definition::Error::from)?),
        intent: Box::new(intent),
    })
}

/// The request to update an app from the source that it was installed from.
///
/// # Errors
/// When it is not installed, or the source has it no more.
pub fn update(layout: &Layout, app: &AppId) -> Result<Request, Error> {
    let known = inputs::read(layout)?;
    let intent = installed(&known, app)?;
    let desired = assemble(&known, &Apps::read(&known));
    let has_scripts = match desired.apps.get(app) {
        Some(App::Present(present)) => present
            .containers()
            .any(|(_, container)| container.is_script),
        _ => false,
    };
    let definition = stores::present_definition(layout, app, &intent.source, has_scripts)?;
    Ok(Request::Update {
        definition: Box::new(definition),
        images: None,
    })
}
