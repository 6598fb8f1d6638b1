//! A manifest before its settings are chosen, and the way from there to the manifest.

use std::collections::{BTreeMap, BTreeSet};

use compose::{Document, Request};

use super::error::{ManifestErrors, sort};
use super::extension::EXTENSION;
use super::field::{Field, Scope};
use super::folder::{FOLDER, Folder};
use super::report::Report;
use super::translate::{Translated, translate};
use super::{
    Awaited, Extension, Files, Health, Manifest, ManifestError, Place, Service, Settings,
    references,
};
use crate::name::check_part;

/// A manifest whose settings are not chosen yet: what the catalog shows and `install` asks.
#[derive(Clone, Debug)]
pub struct Schema {
    file: String,
    text: String,
    root: Document,
    /// The key `x-archipelago`.
    pub extension: Extension,
}

impl Schema {
    /// Reads a manifest. `file` is how the person knows it, and stands in every error; `default_id`
    /// is the name of the folder, for a Compose file that says neither `x-archipelago.id` nor
    /// `name`.
    ///
    /// # Errors
    /// Everything in the file that is no YAML, or everything in `x-archipelago` that cannot be
    /// accepted.
    pub fn read(file: &str, text: &str, default_id: &str) -> Result<Self, ManifestErrors> {
        let root = own_document(file, text)?;
        let scope = Scope::literal(file);
        let top = Field::root(&scope, root.top());
        let extension = Extension::read(&top, default_id)?;
        Ok(Self {
            file: file.to_owned(),
            text: text.to_owned(),
            root,
            extension,
        })
    }

    /// Fills in the settings and reads the rest.
    ///
    /// # Errors
    /// Everything that cannot be accepted.
    pub fn manifest(&self, settings: &Settings, files: &Files) -> Result<Manifest, ManifestErrors> {
        let folder = Folder {
            file: &self.file,
            text: &self.text,
            files,
        };
        let variables = settings.variables();
        let secrets: BTreeSet<String> = self.extension.secrets.keys().cloned().collect();
        let loaded = compose::load(&Request {
            name: self.extension.id.as_str(),
            folder: FOLDER,
            files: &folder.compose_files(),
            variables: &variables,
            home: None,
            set_aside: &[EXTENSION],
            secrets: &secrets,
            lenient: true,
            profiles: &[],
            read: &|path| folder.read(path),
        });
        let scope = Scope::with_variables(&self.file, variables);
        let top = Field::root(&scope, self.root.top());
        let is_ours = top.get(EXTENSION).is_some();
        let mut report = Report::new(folder, &loaded.places, &secrets);
        for found in &loaded.diagnostics {
            report.take(found, is_ours.then_some(scope.variables()));
        }
        let project = loaded.project.as_ref();
        let translated = project.map(|project| translate(project, &mut report));
        let extension = match self.extension.interpolated(&top) {
            Ok(extension) => extension,
            Err(error) => {
                report.errors.push(error);
                self.extension.clone()
            }
        };
        let Translated {
            mut services,
            given_secrets,
            networks,
            volumes,
        } = translated.unwrap_or_default();
        ask_awaited_often(&mut services);
        let mut manifest = Manifest {
            main: self.main_service(&services),
            extension,
            settings: settings.clone(),
            services,
            given_secrets,
            networks,
            volumes,
            warnings: Vec::new(),
        };
        if project.is_some() {
            references::check(&manifest, &top, &mut report);
        }
        let Report {
            errors, warnings, ..
        } = report;
        ManifestErrors::none_of(errors, &self.file)?;
        manifest.warnings = warnings;
        sort(&mut manifest.warnings, &self.file);
        Ok(manifest)
    }

    /// The folders beside the app's own that its builds name (`build: ../shared-ui`): the loader
    /// brings them along.
    #[must_use]
    pub fn sibling_contexts(&self) -> BTreeSet<String> {
        let scope = Scope::literal(&self.file);
        let services = Field::root(&scope, self.root.top()).at(&["services"]);
        let services = services.entries_or_null().unwrap_or_default();
        services
            .iter()
            .filter_map(|service| {
                let build = service.get("build")?;
                let text = build.get("context").unwrap_or(build).text().ok()?;
                let folder = text.strip_prefix("../")?.trim_end_matches('/');
                check_part("a folder", folder).ok()?;
                Some(folder.to_owned())
            })
            .collect()
    }

    fn main_service(&self, services: &BTreeMap<String, Service>) -> Option<String> {
        let id = self.extension.id.as_str();
        if services.contains_key(id) {
            return Some(id.to_owned());
        }
        let mut others = services.iter().filter(|(name, service)| {
            !self.extension.companions.contains(*name) && service.script.is_none()
        });
        match (others.next(), others.next()) {
            (Some((only, _)), None) => Some(only.clone()),
            _ => None,
        }
    }
}

/// The document with `x-archipelago`, or the first one: Compose lays later documents of a file over
/// those before them.
fn own_document(file: &str, text: &str) -> Result<Document, ManifestErrors> {
    let error = |problem: &str| of_file(file, problem);
    let documents = documents(file, text)?;
    let has_own = |document: &Document| document.top().get(EXTENSION).is_some();
    let own = documents.iter().position(has_own).unwrap_or_default();
    let mut documents = documents.into_iter();
    let document = documents
        .nth(own)
        .ok_or_else(|| error("the file is empty"))?;
    if documents.any(|document| has_own(&document)) {
        return Err(error(
            "two YAML documents with `x-archipelago`; one file is one app",
        ));
    }
    Ok(document)
}

/// The YAML documents of a file. `file` is its name in messages.
///
/// # Errors
/// For everything in the file that is not YAML.
pub(crate) fn documents(file: &str, text: &str) -> Result<Vec<Document>, ManifestErrors> {
    Document::read_all(file, text).map_err(|found| {
        let told = found.iter().map(|found| {
            let (reason, way_out) = found.words();
            let (place, key) = ((&found.place).into(), found.trail.to_string());
            ManifestError::new(file, place, &key, format!("{reason}; {way_out}"))
        });
        let errors = ManifestErrors::none_of(told.collect(), file);
        errors
            .err()
            .unwrap_or_else(|| of_file(file, "this is not YAML"))
    })
}

fn of_file(file: &str, problem: &str) -> ManifestErrors {
    let start = Place { line: 1, column: 1 };
    ManifestError::new(file, start, "", problem).into()
}

/// A service whose health others wait for is asked often while it starts.
fn ask_awaited_often(services: &mut BTreeMap<String, Service>) {
    let awaited: BTreeSet<String> = services
        .values()
        .flat_map(|service| &service.depends_on)
        .filter(|(_, awaited)| **awaited == Awaited::Healthy)
        .map(|(dependency, _)| dependency.clone())
        .collect();
    for name in awaited {
        let health = services
            .get_mut(&name)
            .and_then(|service| service.health.as_mut());
        if let Some(health) = health {
            health.start_interval.get_or_insert(Health::START_INTERVAL);
        }
    }
}
