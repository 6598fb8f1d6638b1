//! The index of a store: its apps, for lists and searches.

use serde::{Deserialize, Serialize};

use super::compose_file::{ComposeFile, text_at};
use super::{casaos, clean, umbrel};
use crate::error::chain;
use crate::file::Files;
use crate::name::AppId;

/// The format of an app's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A Compose file with `x-archipelago`.
    Archipelago,
    /// A Compose file alone.
    Compose,
    Umbrel,
    CasaOs,
}

/// An app in the index of a store. All texts are cleaned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the store, which becomes its id on the node.
    pub app: AppId,
    /// Its folder, relative to the store, with `/` as separator.
    pub folder: String,
    pub format: Format,
    pub title: String,
    pub version: String,
    /// One sentence.
    pub description: String,
    pub category: String,
    /// The address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The port of its page on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// A hash of the app's files.
    pub revision: String,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Format {
    pub(super) fn of(files: &Files, source: &ComposeFile<'_>) -> Self {
        if files.contains_key(umbrel::MANIFEST) {
            Self::Umbrel
        } else if source.get("x-archipelago").is_some() {
            Self::Archipelago
        } else if source.get(casaos::EXTENSION).is_some() {
            Self::CasaOs
        } else {
            Self::Compose
        }
    }
}

impl Entry {
    /// An app whose files cannot be read.
    #[must_use]
    pub fn unreadable(app: AppId, folder: &str, problem: &str) -> Self {
        let mut entry = Self::read(app, folder, &Files::new(), String::new());
        entry.problem = Some(clean::text(problem));
        entry
    }

    /// Reads an app's files. `folder` is its path in the store. An error becomes part of the entry.
    #[must_use]
    pub fn read(app: AppId, folder: &str, files: &Files, revision: String) -> Self {
        let mut entry = Self {
            title: app.to_string(),
            app,
            folder: folder.to_owned(),
            format: Format::Compose,
            version: String::new(),
            description: String::new(),
            category: "other".to_owned(),
            icon: None,
            port: None,
            revision,
            problem: None,
        };
        if let Err(error) = entry.fill(folder, files) {
            entry.problem = Some(clean::text(&chain(&error)));
        }
        entry
    }

    fn fill(&mut self, folder: &str, files: &Files) -> Result<(), super::Error> {
        let source = ComposeFile::find(folder, files)?;
        self.format = Format::of(files, &source);
        let [title, version, description, category] = match self.format {
            Format::Umbrel => {
                let about = umbrel::About::read(folder, files)?;
                self.icon = about.icon;
                self.port = about.port;
                [about.name, about.version, about.tagline, about.category]
            }
            Format::CasaOs => {
                let about = casaos::About::read(&source);
                let version = casaos::version(&source, &about);
                self.icon = about.icon;
                self.port = about.port;
                [about.title, version, about.tagline, about.category]
            }
            Format::Archipelago => ["title", "version", "description", "category"].map(|key| {
                let text = source.get("x-archipelago");
                let text = text.and_then(|own| text_at(own, &[key]));
                clean::line(&text.unwrap_or_default())
            }),
            Format::Compose => Default::default(),
        };
        self.version = version;
        self.description = description;
        for (field, text) in [(&mut self.title, title), (&mut self.category, category)] {
            if !text.is_empty() {
                *field = text;
            }
        }
        Ok(())
    }
}
