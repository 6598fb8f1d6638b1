//! `x-archipelago`: what Compose cannot say.

use std::collections::{BTreeMap, BTreeSet};

use super::field::Field;
use super::mount::relative;
use super::{Exports, Followed, ManifestError, ManifestErrors, Recipe, Requires, Secret, Setting};
use crate::name::{AppId, check_part};

/// The key of a manifest that Archipelago reads itself.
pub(super) const EXTENSION: &str = "x-archipelago";

/// The content of `x-archipelago`.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    /// The app's id.
    pub id: AppId,
    /// Its name for people.
    pub title: String,
    /// Its version, as its authors count.
    pub version: String,
    /// The catalog's category.
    pub category: String,
    /// One sentence.
    pub description: String,
    /// The services that are companions.
    pub companions: BTreeSet<String>,
    /// The settings by name.
    pub settings: BTreeMap<String, Setting>,
    /// The variables that follow settings of other apps, by name.
    pub variables: BTreeMap<String, Followed>,
    /// The secrets by name.
    pub secrets: BTreeMap<String, Secret>,
    /// The files that are rendered before a service starts.
    pub templates: Vec<Template>,
    /// The files that are read from the app's volumes.
    pub captures: BTreeMap<String, Capture>,
    /// The exports to the apps that require this one.
    pub exports: Exports,
    pub requires: Requires,
    /// The pages that people open.
    pub urls: Vec<Url>,
    /// The probes that must all succeed before the app is ready.
    pub readiness: Vec<Probe>,
}

/// A file that is rendered and mounted read-only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The template, relative to the app's folder.
    pub source: String,
    /// The service that gets it.
    pub service: String,
    /// An absolute path in the container.
    pub target: String,
}

/// A file that the app writes into a volume and that templates may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The named volume.
    pub volume: String,
    /// The path in it.
    pub path: String,
    pub encoding: Encoding,
}

/// The encoding in which a captured file becomes text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As UTF-8, without the line end at its end.
    Text,
    /// As lower-case hexadecimal digits.
    Hex,
}

/// A page of the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub title: String,
    /// The service that serves it.
    pub service: String,
    /// The port in the container; it must be published.
    pub port: u16,
    /// The path, starting with `/`.
    pub path: String,
}

/// A question whose answer says that the app is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The service that is asked.
    pub service: String,
    /// The port in the container; it must be published.
    pub port: u16,
    pub kind: ProbeKind,
}

/// The request of a probe.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeKind {
    /// A TCP connection is accepted.
    Tcp,
    /// `GET` of this path answers with a status below 400.
    Http(String),
}

impl Extension {
    /// All keys are read, so that all errors are told at once.
    pub(super) fn read(top: &Field<'_>, default_id: &str) -> Result<Self, ManifestErrors> {
        let absent = top.absent(EXTENSION);
        let field = top.get(EXTENSION).unwrap_or(absent);
        let mut extension = Self {
            id: read_id(top, &field, default_id)?,
            title: String::new(),
            version: String::new(),
            category: "other".to_owned(),
            description: String::new(),
            companions: BTreeSet::new(),
            settings: BTreeMap::new(),
            variables: BTreeMap::new(),
            secrets: BTreeMap::new(),
            templates: Vec::new(),
            captures: BTreeMap::new(),
            exports: Exports::default(),
            requires: Requires::default(),
            urls: Vec::new(),
            readiness: Vec::new(),
        };
        let mut errors = Vec::new();
        for entry in field.entries_or_null()? {
            errors.extend(extension.read_key(&entry).err());
        }
        ManifestErrors::none_of(errors, top.file())?;
        if extension.title.is_empty() {
            extension.title = extension.id.to_string();
        }
        Ok(extension)
    }

    fn read_key(&mut self, value: &Field<'_>) -> Result<(), ManifestError> {
        match value.name() {
            "id" => {}
            "title" => self.title = value.line()?,
            "version" => self.version = value.line()?,
            "category" => self.category = value.line()?,
            "description" => self.description = value.line()?,
            "companions" => self.companions = value.texts()?.into_iter().collect(),
            "settings" => {
                for setting in value.entries_or_null()? {
                    setting_name(&setting)?;
                    self.settings
                        .insert(setting.name().to_owned(), Setting::read(&setting)?);
                }
            }
            "variables" => {
                for variable in value.entries_or_null()? {
                    setting_name(&variable)?;
                    self.variables
                        .insert(variable.name().to_owned(), Followed::read(&variable)?);
                }
            }
            "secrets" => {
                for secret in value.entries_or_null()? {
                    variable_name(&secret, "the secret")?;
                    self.secrets
                        .insert(secret.name().to_owned(), Secret::read(&secret)?);
                }
            }
            "templates" => {
                self.templates = value
                    .items()?
                    .iter()
                    .map(Template::read)
                    .collect::<Result<_, _>>()?;
            }
            "captures" => {
                for capture in value.entries_or_null()? {
                    variable_name(&capture, "the capture")?;
                    self.captures
                        .insert(capture.name().to_owned(), Capture::read(&capture)?);
                }
            }
            "exports" => self.exports = Exports::read(value)?,
            "requires" => self.requires = Requires::read(value)?,
            "urls" => {
                self.urls = value
                    .items()?
                    .iter()
                    .map(Url::read)
                    .collect::<Result<_, _>>()?
            }
            "readiness" => {
                self.readiness = value
                    .items()?
                    .iter()
                    .map(Probe::read)
                    .collect::<Result<_, _>>()?;
            }
            _ => return Err(value.unknown()),
        }
        Ok(())
    }

    /// The same with the settings filled in where they may stand.
    pub(super) fn interpolated(&self, top: &Field<'_>) -> Result<Self, ManifestError> {
        let mut extension = self.clone();
        for (name, capture) in &mut extension.captures {
            *capture = Capture::read(&top.at(&["x-archipelago", "captures", name]))?;
        }
        Ok(extension)
    }

    /// The secrets that are made once and kept, with the way in which they are made.
    pub fn kept_secrets(&self) -> impl Iterator<Item = (&String, &Recipe)> {
        let secrets = self.secrets.iter();
        secrets.filter_map(|(name, secret)| Some((name, secret.recipe()?)))
    }

    /// Exports of all that it has, as version 0.1.0 offered it.
    #[must_use]
    pub fn all_exports(&self) -> Exports {
        Exports {
            services: BTreeMap::new(),
            settings: self.settings.keys().cloned().collect(),
            secrets: self.kept_secrets().map(|(name, _)| name.clone()).collect(),
            files: self.captures.keys().cloned().collect(),
            all: true,
        }
    }
}

fn read_id(top: &Field<'_>, field: &Field<'_>, default_id: &str) -> Result<AppId, ManifestError> {
    let (own, name) = (field.get("id"), top.get("name"));
    let (id, at) = match (&own, &name) {
        (Some(value), _) => (AppId::parse(&value.text()?), value),
        // Compose takes names that are no ids.
        (None, Some(value)) => (AppId::of_folder(&value.text()?), value),
        (None, None) => (AppId::of_folder(default_id), top),
    };
    id.map_err(|error| at.error(error.to_string()))
}

/// Settings are Compose's variables, so they may have the names that those have.
fn setting_name(field: &Field<'_>) -> Result<(), ManifestError> {
    let name = field.name();
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let valid = name.len() <= 64
        && name.starts_with(is_letter)
        && name.chars().all(|c| is_letter(c) || c.is_ascii_digit());
    if valid {
        Ok(())
    } else {
        Err(field.error(format!(
            "the setting {name:?} is not usable as a variable: use letters, digits and underscores, starting with a letter"
        )))
    }
}

/// Names that stand in templates.
fn variable_name(field: &Field<'_>, what: &str) -> Result<(), ManifestError> {
    let name = field.name();
    let valid = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if valid {
        Ok(())
    } else {
        Err(field.error(format!(
            "{what} {name:?} is not usable in templates: use lower-case letters, digits and underscores, starting with a letter"
        )))
    }
}

impl Template {
    fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let source = field.required("source")?;
        let target_field = field.required("target")?;
        let template = Self {
            source: relative(&source, &source.text()?)?,
            service: field.required("service")?.text()?,
            target: target_field.text()?,
        };
        field.each(|key, _| Ok(matches!(key, "source" | "service" | "target")))?;
        check_part("a file", template.file_name())
            .map_err(|error| target_field.error(error.to_string()))?;
        if !template.target.starts_with('/') {
            return Err(target_field.error("the path in the container must be absolute"));
        }
        Ok(template)
    }

    /// The last part of the target: the name of the rendered file.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.target.rsplit('/').next().unwrap_or_default()
    }
}

impl Capture {
    fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let path = field.required("path")?;
        let mut encoding = Encoding::Text;
        field.each(|key, value| {
            match key {
                "volume" | "path" => {}
                "encoding" => {
                    encoding = match value.text()?.as_str() {
                        "text" => Encoding::Text,
                        "hex" => Encoding::Hex,
                        _ => return Err(value.error("expected text or hex")),
                    };
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            volume: field.required("volume")?.text()?,
            path: relative(&path, &path.text()?)?,
            encoding,
        })
    }
}

impl Url {
    fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let mut url = Self {
            title: String::new(),
            service: field.required("service")?.text()?,
            port: field.required("port")?.port()?,
            path: "/".to_owned(),
        };
        field.each(|key, value| {
            match key {
                "service" | "port" => {}
                "title" => url.title = value.line()?,
                "path" => url.path = http_path(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(url)
    }
}

impl Probe {
    fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let mut probe = Self {
            service: field.required("service")?.text()?,
            port: field.required("port")?.port()?,
            kind: ProbeKind::Tcp,
        };
        field.each(|key, value| {
            match key {
                "service" | "port" => {}
                "http" => probe.kind = ProbeKind::Http(http_path(value)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(probe)
    }
}

fn http_path(field: &Field<'_>) -> Result<String, ManifestError> {
    let path = field.line()?;
    if path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(path)
    } else {
        Err(field
            .error("expected a path that starts with `/`, with special characters percent-encoded"))
    }
}
