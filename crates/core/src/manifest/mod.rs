//! The app manifest: a `compose.yaml` and its `x-archipelago`, read once at the door into types
//! that can be trusted.
//!
//! Every key is translated, or refused with file, line, column and the way out. A key that may be
//! left out without harm gives a [`Warning`]. `docs/manifest.md` describes the format for people.
//! This module reads text; it never looks at a disk, and it knows nothing of Quadlet.

mod build;
mod duration;
mod environment;
mod error;
mod exports;
mod extension;
mod field;
mod healthcheck;
mod interpolate;
mod mount;
mod port;
mod privileges;
mod requires;
mod secret;
mod service;
mod settings;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

pub use build::{Build, ImageSource};
pub use error::{ManifestError, Place};
pub use exports::Exports;
pub use extension::{Capture, Encoding, Extension, Probe, ProbeKind, Template, Url};
pub use healthcheck::Health;
pub use mount::{Mount, MountSource};
pub use port::{Port, Protocol};
pub use privileges::capability;
pub use requires::Requires;
pub use secret::SecretMount;
pub use service::{NetworkMode, Service};
pub use settings::{Setting, SettingError, SettingKind, SettingValue, Settings};

use crate::name::{AppId, check_part};
use field::{Field, Scope};

pub use crate::file::Files;

/// The name of the one file that makes a folder an app.
pub const COMPOSE_FILE: &str = "compose.yaml";

/// Something that was left out because that is harmless; said once, at install.
pub type Warning = ManifestError;

/// A manifest whose settings are not chosen yet: what the catalog shows and `install` asks.
#[derive(Clone, Debug)]
pub struct Schema {
    file: String,
    root: yaml::Node,
    /// The key `x-archipelago`.
    pub extension: Extension,
}

/// A manifest with its settings filled in.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The key `x-archipelago`.
    pub extension: Extension,
    /// The chosen settings.
    pub settings: Settings,
    /// The services by name.
    pub services: BTreeMap<String, Service>,
    /// The named volumes.
    pub volumes: BTreeSet<String>,
    /// The service that bears the app's own name, if one does.
    pub main: Option<String>,
    /// The keys that were left out.
    pub warnings: Vec<Warning>,
}

impl Schema {
    /// Reads a manifest. `file` is how the person knows it, and stands in every error; `default_id`
    /// is the name of the folder, for a Compose file that says neither `x-archipelago.id` nor
    /// `name`.
    ///
    /// # Errors
    /// The first thing that cannot be accepted.
    pub fn read(file: &str, text: &str, default_id: &str) -> Result<Self, ManifestError> {
        let root = yaml::parse(file, text)?;
        let scope = Scope::literal(file);
        let top = Field::root(&scope, &root);
        top.entries()?;
        let extension = Extension::read(&top, default_id)?;
        Ok(Self {
            file: file.to_owned(),
            root,
            extension,
        })
    }

    /// Fills in the settings and reads the rest.
    ///
    /// # Errors
    /// The first thing that cannot be accepted.
    pub fn manifest(&self, settings: &Settings, files: &Files) -> Result<Manifest, ManifestError> {
        let scope = Scope::with_variables(&self.file, settings.variables());
        let top = Field::root(&scope, &self.root);
        let mut warnings = Vec::new();
        let mut services = BTreeMap::new();
        let mut volumes = BTreeSet::new();
        for entry in top.entries()? {
            match entry.name() {
                "services" => {
                    for field in entry.entries()? {
                        let service = Service::read(&field, files, &mut warnings)?;
                        services.insert(field.name().to_owned(), service);
                    }
                }
                "volumes" => volumes = read_volumes(&entry)?,
                "networks" => refuse_networks(&entry)?,
                "secrets" => refuse_secret_sources(&entry, &self.extension)?,
                "version" => warnings.push(entry.error("obsolete in Compose, and ignored")),
                name if name == "name" || name.starts_with("x-") => {}
                _ => return Err(entry.error("no key of a Compose file; remove it")),
            }
        }
        if services.is_empty() {
            return Err(top.error("no services: an app has at least one"));
        }
        ask_awaited_often(&mut services);
        let main = self.main_service(&services);
        let extension = self
            .extension
            .interpolated(&Field::root(&scope, &self.root))?;
        let manifest = Manifest {
            extension,
            settings: settings.clone(),
            services,
            volumes,
            main,
            warnings,
        };
        self.check_references(&top, &manifest)?;
        Ok(manifest)
    }

    /// The folders beside the app's own that its builds name (`build: ../shared-ui`): the loader
    /// brings them along.
    #[must_use]
    pub fn sibling_contexts(&self) -> BTreeSet<String> {
        let scope = Scope::literal(&self.file);
        let services = Field::root(&scope, &self.root).at(&["services"]);
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
        let mut others = services
            .keys()
            .filter(|name| !self.extension.companions.contains(*name));
        match (others.next(), others.next()) {
            (Some(only), None) => Some(only.clone()),
            _ => None,
        }
    }

    /// Refuses a reference from one part of the file to a part that is not there.
    fn check_references(&self, top: &Field<'_>, manifest: &Manifest) -> Result<(), ManifestError> {
        let known = |name: &str| manifest.services.contains_key(name);
        for (name, service) in &manifest.services {
            let field = top.at(&["services", name]);
            for (dependency, healthy) in &service.depends_on {
                if !known(dependency) {
                    return Err(field.at(&["depends_on"]).error(no_service(manifest)));
                }
                if *healthy && !manifest.services[dependency].starts_healthy() {
                    return Err(field
                        .at(&["depends_on", dependency, "condition"])
                        .error(format!(
                            "{dependency} has no `healthcheck`, so its health cannot be waited for"
                        )));
                }
                if manifest.extension.companions.contains(dependency)
                    && !manifest.extension.companions.contains(name)
                {
                    return Err(field.at(&["depends_on"]).error(format!(
                        "{dependency} is a companion; a companion depends on its app, never the other way round"
                    )));
                }
            }
            for mount in &service.mounts {
                if let MountSource::Volume(volume) = &mount.source
                    && !manifest.volumes.contains(volume)
                {
                    return Err(field.at(&["volumes"]).error(
                        "a volume here is not declared; add it under the top-level `volumes`",
                    ));
                }
            }
            let secrets = service
                .secrets
                .iter()
                .map(|mount| &mount.secret)
                .chain(service.environment_secrets.values());
            for secret in secrets {
                if !manifest.extension.secrets.contains_key(secret) {
                    return Err(field.error(
                        "a secret here is not declared; add its name, not its text, under `x-archipelago.secrets`",
                    ));
                }
            }
        }
        manifest
            .extension
            .check_references(&top.at(&["x-archipelago"]), manifest)
    }
}

/// The words for a name that no service has. They list the services and leave the name out, because
/// it is a value.
pub(super) fn no_service(manifest: &Manifest) -> String {
    let names: Vec<&str> = manifest.services.keys().map(String::as_str).collect();
    format!(
        "there is no service of that name; the services are {}",
        names.join(", ")
    )
}

/// A service whose health others wait for is asked often while it starts.
fn ask_awaited_often(services: &mut BTreeMap<String, Service>) {
    let awaited: BTreeSet<String> = services
        .values()
        .flat_map(|service| &service.depends_on)
        .filter(|(_, healthy)| **healthy)
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

fn read_volumes(field: &Field<'_>) -> Result<BTreeSet<String>, ManifestError> {
    let mut volumes = BTreeSet::new();
    for volume in field.entries()? {
        volume.check_name("a volume")?;
        if let Some(option) = volume.entries_or_null()?.first() {
            return Err(option.error(
                "volumes take no options here: their data lie in the node's data folder (docs/manifest.md)",
            ));
        }
        volumes.insert(volume.name().to_owned());
    }
    Ok(volumes)
}

fn refuse_networks(field: &Field<'_>) -> Result<(), ManifestError> {
    for network in field.entries_or_null()? {
        if network.name() != "default" {
            return Err(network.error("each app has one network of its own; remove this one"));
        }
        if let Some(option) = network.entries_or_null()?.first() {
            return Err(option.error("the app's network takes no options; remove this key"));
        }
    }
    Ok(())
}

/// Compose's top-level `secrets` names files of the folder; here a secret is generated, so only an
/// empty declaration passes.
fn refuse_secret_sources(field: &Field<'_>, extension: &Extension) -> Result<(), ManifestError> {
    for secret in field.entries_or_null()? {
        if !extension.secrets.contains_key(secret.name()) {
            return Err(secret.error(
                "declare it under `x-archipelago.secrets` instead: secrets are generated per node, not kept in the app's folder",
            ));
        }
        if let Some(source) = secret.entries_or_null()?.first() {
            return Err(
                source.error("secrets are generated per node, from no source; remove this key")
            );
        }
    }
    Ok(())
}

impl Manifest {
    /// The id.
    #[must_use]
    pub fn id(&self) -> &AppId {
        &self.extension.id
    }

    /// Whether `service` is a companion.
    #[must_use]
    pub fn is_companion(&self, service: &str) -> bool {
        self.extension.companions.contains(service)
    }

    /// The unit stem and container name of a service.
    #[must_use]
    pub fn container(&self, service: &str) -> String {
        self.id()
            .container(service, self.main.as_deref() == Some(service))
    }
}
