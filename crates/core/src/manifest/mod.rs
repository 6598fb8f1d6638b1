//! The app manifest: a `compose.yaml` and its `x-archipelago`, read once at the door into types
//! that can be trusted.
//!
//! The crate `compose` reads what Compose describes; `translate` makes the services of an app of
//! its model. `x-archipelago` is read here, as it is written. Every key is translated, or refused
//! with file, line, column and the way out. A key that may be left out without harm gives a
//! [`Warning`]. `docs/manifest.md` describes the format for people. This module reads text; it
//! never looks at a disk, and it knows nothing of Quadlet.

mod annotation;
mod build;
mod error;
mod exports;
mod extension;
mod field;
mod file_name;
mod folder;
mod follow;
mod healthcheck;
mod hook;
mod job;
mod mount;
mod networks;
mod port;
mod references;
mod report;
mod requires;
mod schema;
mod secret;
mod service;
mod settings;
#[cfg(test)]
mod tests;
mod translate;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use annotation::{Obeyed, obeyed};
pub use build::{Build, ImageSource};
pub use error::{ManifestError, ManifestErrors, Place};
pub use exports::Exports;
pub use extension::{Capture, Encoding, Extension, Probe, ProbeKind, Template, Url};
pub use follow::Followed;
pub use healthcheck::Health;
pub use hook::Hook;
pub use job::{Awaited, Job};
pub(crate) use mount::volume_at;
pub use mount::{Mount, MountSource};
pub use networks::{AppNetwork, Join, OwnNetwork, Subnet};
pub use port::{Port, Protocol};
pub use requires::Requires;
pub use schema::Schema;
pub(crate) use schema::documents;
pub use secret::{GivenText, Joint, Part, Recipe, Secret, SecretMount, SecretOrigin};
pub use service::{Blocks, Limits, Namespace, NetworkMode, Service};
pub use settings::{Setting, SettingError, SettingKind, SettingValue, Settings};
pub use translate::{capability, keys};

use crate::name::AppId;

pub use crate::file::Files;

/// The name of the one file that makes a folder an app.
pub const COMPOSE_FILE: &str = "compose.yaml";

/// Something that was left out because that is harmless; said once, at install.
pub type Warning = ManifestError;

/// A manifest with its settings filled in.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The key `x-archipelago`.
    pub extension: Extension,
    /// The chosen settings.
    pub settings: Settings,
    /// The services by name.
    pub services: BTreeMap<String, Service>,
    /// The secrets whose texts come from variables, by the names under which they are kept.
    pub given_secrets: BTreeMap<String, GivenText>,
    /// The networks by their names in the file, as far as a service joins them.
    pub networks: BTreeMap<String, AppNetwork>,
    /// The named volumes.
    pub volumes: BTreeSet<String>,
    /// The service that bears the app's own name, if one does.
    pub main: Option<String>,
    /// The keys that were left out.
    pub warnings: Vec<Warning>,
}

impl Manifest {
    /// The id.
    #[must_use]
    pub fn id(&self) -> &AppId {
        &self.extension.id
    }

    /// All secrets of the app, each with how its text comes about.
    pub fn recipes(&self) -> impl Iterator<Item = (&String, Recipe)> {
        let generated = self.extension.kept_secrets();
        let generated = generated.map(|(name, recipe)| (name, recipe.clone()));
        let given = self.given_secrets.iter();
        generated.chain(given.map(|(name, text)| (name, Recipe::Given(text.clone()))))
    }

    /// Whether `service` is a companion.
    #[must_use]
    pub fn is_companion(&self, service: &str) -> bool {
        self.extension.companions.contains(service)
    }

    /// The ports that are chosen from a range, each with its word and its service.
    pub fn chosen_ports(&mut self) -> impl Iterator<Item = (String, &mut Port)> {
        self.services.iter_mut().flat_map(|(name, service)| {
            let ports = service.ports.iter_mut();
            ports
                .filter(|port| port.until.is_some())
                .map(move |port| (port.word(name), port))
        })
    }

    /// Takes the ports that were chosen before, as far as they are in their ranges.
    pub fn keep_ports(&mut self, chosen: &BTreeMap<String, u16>) {
        for (word, port) in self.chosen_ports() {
            let last = port.until.unwrap_or(port.host);
            if let Some(known) = chosen.get(&word)
                && (port.host..=last).contains(known)
            {
                port.host = *known;
            }
        }
    }

    /// The unit stem and container name of a service.
    #[must_use]
    pub fn container(&self, service: &str) -> String {
        self.id()
            .container(service, self.main.as_deref() == Some(service))
    }
}
