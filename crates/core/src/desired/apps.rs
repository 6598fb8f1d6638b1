//! The installed apps, parsed: each intent with the manifest that it names.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::inputs::Inputs;
use crate::file_error::FileError;
use crate::intent::{Intent, WantedState};
use crate::manifest::{
    COMPOSE_FILE, Exports, Extension, Files, Manifest, ManifestError, Recipe, Schema, SettingValue,
    Settings,
};
use crate::name::AppId;
use crate::releases::{Damage, Unusable};

/// The installed apps, parsed.
#[derive(Clone, Debug)]
pub struct Apps(pub(super) BTreeMap<AppId, Result<Installed, Unreadable>>);

/// An app whose intent or definition cannot be read.
#[derive(Clone, Debug)]
pub(super) struct Unreadable {
    pub cause: Error,
    /// The apps that it requires, as far as that can be read. They must not be removed under it.
    pub requires: BTreeSet<AppId>,
}

#[derive(Clone, Debug)]
pub(super) struct Installed {
    pub intent: Intent,
    /// `None` for an app that is to be removed and whose definition cannot be read any more.
    pub manifest: Option<Manifest>,
}

impl Apps {
    /// Parses the installed apps.
    #[must_use]
    pub fn read(inputs: &Inputs) -> Self {
        let readable = inputs
            .intents
            .iter()
            .filter_map(|(id, intent)| Some((id, intent.as_ref().ok()?)));
        let opened: Opened<'_> = readable
            .map(|(id, intent)| (id, open(inputs, id, intent)))
            .collect();
        let apps = inputs
            .intents
            .iter()
            .map(|(id, intent)| {
                let unreadable = |cause| Unreadable {
                    cause,
                    requires: requires(inputs, id),
                };
                let app = read_app(inputs, id, intent, &opened).map_err(unreadable);
                (id.clone(), app)
            })
            .collect();
        Self(apps)
    }

    /// The secrets that the manifests ask for, each with its app and with how its text comes
    /// about.
    pub fn recipes(&self) -> impl Iterator<Item = (&AppId, &String, Recipe)> {
        self.manifests().flat_map(|(id, manifest)| {
            let recipes = manifest.recipes();
            recipes.map(move |(name, recipe)| (id, name, recipe))
        })
    }

    /// The warnings of the manifests.
    pub fn warnings(&self) -> impl Iterator<Item = &ManifestError> {
        self.manifests()
            .flat_map(|(_, manifest)| &manifest.warnings)
    }

    pub(super) fn manifests(&self) -> impl Iterator<Item = (&AppId, &Manifest)> {
        self.0
            .iter()
            .filter_map(|(id, app)| Some((id, app.as_ref().ok()?.manifest.as_ref()?)))
    }

    pub(crate) fn manifest(&self, id: &AppId) -> Option<&Manifest> {
        self.0.get(id)?.as_ref().ok()?.manifest.as_ref()
    }

    /// An app that this one requires and that, directly or not, requires this one.
    pub(super) fn in_a_circle(&self, id: &AppId) -> Option<AppId> {
        let direct = &self.manifest(id)?.extension.requires.apps;
        direct
            .iter()
            .find(|other| self.all_required(other).contains(id))
            .cloned()
    }

    /// The apps that this one requires, directly or not.
    pub(super) fn all_required<'a>(&'a self, id: &'a AppId) -> BTreeSet<&'a AppId> {
        let mut required = BTreeSet::new();
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            if let Some(manifest) = self.manifest(id) {
                let direct = manifest.extension.requires.apps.iter();
                next.extend(direct.filter(|other| required.insert(*other)));
            }
        }
        required
    }

    /// Whether an app that this one requires, directly or indirectly, is stopped.
    pub(super) fn has_stopped_requirement(&self, id: &AppId) -> bool {
        self.all_required(id).into_iter().any(|other| {
            let installed = self.0.get(other).and_then(|app| app.as_ref().ok());
            installed.is_some_and(|installed| installed.intent.state == WantedState::Stopped)
        })
    }

    /// The apps that require this one and are to stay.
    #[must_use]
    pub fn dependants(&self, id: &AppId) -> BTreeSet<AppId> {
        let mut dependants = self.required_by(id);
        dependants.retain(|other| {
            let installed = self.0.get(other).and_then(|app| app.as_ref().ok());
            installed.is_none_or(|installed| installed.intent.state != WantedState::Removed)
        });
        dependants
    }

    pub(super) fn required_by(&self, id: &AppId) -> BTreeSet<AppId> {
        let requires = |app: &Result<Installed, Unreadable>| match app {
            Ok(Installed { manifest, .. }) => manifest
                .as_ref()
                .is_some_and(|manifest| manifest.extension.requires.apps.contains(id)),
            Err(unreadable) => unreadable.requires.contains(id),
        };
        let apps = self.0.iter().filter(|(_, app)| requires(app));
        apps.map(|(other, _)| other.clone()).collect()
    }
}

/// The apps that this one requires, by its definition alone.
fn requires(inputs: &Inputs, id: &AppId) -> BTreeSet<AppId> {
    let schema = inputs
        .definitions
        .get(id)
        .and_then(|files| read_schema(COMPOSE_FILE, files, id.as_str()).ok());
    let apps = schema.map(|schema| schema.extension.requires.apps);
    apps.into_iter().flatten().collect()
}

/// The apps whose settings are chosen and whose services are not read yet.
type Opened<'a> = BTreeMap<&'a AppId, Result<OpenedApp<'a>, Error>>;

struct OpenedApp<'a> {
    schema: Schema,
    files: &'a Files,
    settings: Settings,
    exports: Exports,
}

fn read_app(
    inputs: &Inputs,
    id: &AppId,
    intent: &Result<Intent, FileError>,
    opened: &Opened<'_>,
) -> Result<Installed, Error> {
    let intent = intent.clone()?;
    let manifest = read_manifest(id, &intent, opened);
    if intent.state == WantedState::Removed {
        return Ok(Installed {
            intent,
            manifest: manifest.ok(),
        });
    }
    inputs.config.as_ref().map_err(Clone::clone)?;
    Ok(Installed {
        intent,
        manifest: Some(manifest?),
    })
}

fn open<'a>(inputs: &'a Inputs, id: &AppId, intent: &Intent) -> Result<OpenedApp<'a>, Error> {
    if let Some(cause) = inputs.releases.unusable.get(id) {
        return Err(cause.clone().into());
    }
    let folder = inputs.definition_folder(id);
    let files = inputs
        .definitions
        .get(id)
        .ok_or_else(|| Unusable::new(Damage::Missing, &folder, id, &intent.source))?;
    let file = folder.join(COMPOSE_FILE).display().to_string();
    let schema = read_schema(&file, files, id.as_str())?;
    if schema.extension.id != *id {
        return Err(Error::OtherName {
            file,
            app: schema.extension.id,
            intent: id.clone(),
        });
    }
    let settings = Settings::settle(id.as_str(), &schema.extension.settings, &intent.settings)
        .map_err(|source| Error::Setting {
            intent: inputs.layout.intent(id),
            source,
        })?;
    let is_from_before = intent.exports_all || intent.release.is_none();
    let exports = &schema.extension.exports;
    let exports = if is_from_before && *exports == Exports::default() {
        schema.extension.all_exports()
    } else {
        exports.clone()
    };
    Ok(OpenedApp {
        schema,
        files,
        settings,
        exports,
    })
}

fn read_manifest(id: &AppId, intent: &Intent, all: &Opened<'_>) -> Result<Manifest, Error> {
    let opened = all.get(id).ok_or_else(|| Error::Requires(id.clone()))?;
    let OpenedApp {
        schema,
        files,
        settings,
        exports,
    } = opened.as_ref().map_err(Clone::clone)?;
    let mut settings = settings.clone();
    follow(&schema.extension, &mut settings, |other| {
        let other = all.get(other)?.as_ref().ok()?;
        Some((&other.exports, &other.settings))
    })?;
    let mut manifest = schema.manifest(&settings, files)?;
    manifest.keep_ports(&intent.ports);
    manifest.extension.exports = exports.clone();
    Ok(manifest)
}

/// Gives the variables of an app the values of the settings that they follow. `other` tells the
/// exports and the settings of another app.
pub(crate) fn follow<'a>(
    extension: &Extension,
    settings: &mut Settings,
    other: impl Fn(&AppId) -> Option<(&'a Exports, &'a Settings)>,
) -> Result<(), Error> {
    for (name, followed) in &extension.variables {
        let app = &followed.app;
        let (exports, values) = other(app).ok_or_else(|| Error::Requires(app.clone()))?;
        let value = values.0.get(&followed.setting);
        let value = value.filter(|_| exports.settings.contains(&followed.setting));
        let value = value.ok_or_else(|| Error::NotExported {
            app: app.clone(),
            list: "settings",
            name: followed.setting.clone(),
        })?;
        let word = followed.word(value.to_string());
        settings.0.insert(name.clone(), SettingValue::Text(word));
    }
    Ok(())
}

/// Reads the schema from an app's files; `file` is how the person knows the Compose file.
///
/// # Errors
/// When there is no Compose file, or it cannot be accepted.
pub fn read_schema(file: &str, files: &Files, default_id: &str) -> Result<Schema, Error> {
    let content = files
        .get(COMPOSE_FILE)
        .ok_or_else(|| Error::NoComposeFile {
            file: file.to_owned(),
        })?;
    let text = content.text().ok_or_else(|| Error::NotText {
        file: file.to_owned(),
    })?;
    Ok(Schema::read(file, text, default_id)?)
}
