//! The YAML document that changes an app's own Compose file, and the definition of the two.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::compose_file::ComposeFile;
use super::error::Error;
use super::ignored::is_ignored;
use crate::file::{File, FileMode, Files};
use crate::manifest::COMPOSE_FILE;
use crate::name::AppId;

/// The files that Compose would merge over ours.
const OVERRIDES: [&str; 4] = [
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The changes to an app's own Compose file.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// The services to remove.
    pub removed: BTreeSet<String>,
    pub services: BTreeMap<String, ServiceOverlay>,
    /// The key `x-archipelago`.
    pub extension: Map<String, Value>,
    /// The settings in it.
    pub settings: Map<String, Value>,
    /// The variables in it that follow settings of other apps.
    pub followed: Map<String, Value>,
    /// The secrets in it.
    pub secrets: Map<String, Value>,
    /// Variables for the Compose file.
    pub variables: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
pub(super) struct ServiceOverlay {
    /// The keys to merge into those of the file.
    pub added: Map<String, Value>,
    /// The keys that replace those of the file.
    pub instead: Map<String, Value>,
    /// The variables to remove.
    pub without: BTreeSet<String>,
}

impl Overlay {
    pub(super) fn service(&mut self, name: &str) -> &mut ServiceOverlay {
        self.services.entry(name.to_owned()).or_default()
    }

    /// Adds a page of the app, and the wait until it answers.
    pub(super) fn page(&mut self, service: &str, port: u16, path: &str) {
        let urls = json!([{"title": "Open", "service": service, "port": port, "path": path}]);
        self.extension.insert("urls".to_owned(), urls);
        let probes = json!([{"service": service, "port": port}]);
        self.extension.insert("readiness".to_owned(), probes);
    }

    /// The app's files with the document in their Compose file.
    pub(super) fn laid_over(
        mut self,
        app: &AppId,
        source: &ComposeFile<'_>,
        files: &Files,
    ) -> Result<Files, Error> {
        if source.get("x-archipelago").is_some() {
            return Err(Error::OwnKey {
                file: source.file.clone(),
            });
        }
        let mut laid = own_files(source, files);
        self.extension.insert("id".to_owned(), json!(app));
        for (key, map) in [
            ("settings", self.settings),
            ("variables", self.followed),
            ("secrets", self.secrets),
        ] {
            if !map.is_empty() {
                self.extension.insert(key.to_owned(), Value::Object(map));
            }
        }
        let document = document(&self.removed, &self.services, &self.extension);
        let text = format!("{}\n{document}", source.text.trim_end());
        laid.insert(COMPOSE_FILE.to_owned(), text.into_bytes().into());
        if !self.variables.is_empty() {
            let theirs = laid.get(".env").and_then(File::text).unwrap_or_default();
            let text = format!("{}\n{}", theirs.trim_end(), dotenv(&self.variables));
            let file = File {
                content: text.trim_start().as_bytes().into(),
                mode: FileMode {
                    executable: false,
                    private: true,
                },
            };
            laid.insert(".env".to_owned(), file);
        }
        Ok(laid)
    }
}

/// The files that belong to the definition, without the Compose file.
fn own_files(source: &ComposeFile<'_>, files: &Files) -> Files {
    let files = files.iter().filter(|(path, _)| {
        *path != source.name && !is_ignored(path) && !OVERRIDES.contains(&path.as_str())
    });
    files
        .map(|(path, file)| (path.clone(), file.clone()))
        .collect()
}

/// JSON is YAML; only its marks `!reset` and `!override` are not JSON.
fn document(
    removed: &BTreeSet<String>,
    services: &BTreeMap<String, ServiceOverlay>,
    extension: &Map<String, Value>,
) -> String {
    let mut text = String::from("---\n# Written by Archipelago, and laid over the file above.\n");
    if !removed.is_empty() || !services.is_empty() {
        text.push_str("services:\n");
    }
    for name in removed {
        text.push_str(&format!("  {}: !reset null\n", json!(name)));
    }
    for (name, service) in services {
        let ServiceOverlay {
            added,
            instead,
            without,
        } = service;
        if added.is_empty() && instead.is_empty() && without.is_empty() {
            continue;
        }
        text.push_str(&format!("  {}:\n", json!(name)));
        for (key, value) in added {
            text.push_str(&format!("    {}: {value}\n", json!(key)));
        }
        for (key, value) in instead {
            text.push_str(&format!("    {}: !override {value}\n", json!(key)));
        }
        if !without.is_empty() {
            text.push_str("    environment:\n");
        }
        for variable in without {
            text.push_str(&format!("      {}: !reset null\n", json!(variable)));
        }
    }
    text.push_str("x-archipelago:\n");
    for (key, value) in extension {
        text.push_str(&format!("  {}: {value}\n", json!(key)));
    }
    text
}

/// The lines of a `.env`. Single quotes keep every character literal.
fn dotenv(variables: &BTreeMap<String, String>) -> String {
    let line = |(name, value): (&String, &String)| {
        let value = value.replace(['\'', '\n'], "");
        format!("{name}='{value}'\n")
    };
    variables.iter().map(line).collect()
}
