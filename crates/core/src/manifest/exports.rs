//! `x-archipelago.exports`: what an app offers to the apps that require it. Nothing else of it can
//! be read or reached by them.

use std::collections::{BTreeMap, BTreeSet};

use super::field::Field;
use super::{Extension, Manifest, ManifestError, NetworkMode};

/// The services, ports, settings, secrets and files that an app offers to the apps that require it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// The services that others reach, each with the ports that it promises to answer on.
    pub services: BTreeMap<String, BTreeSet<u16>>,
    pub settings: BTreeSet<String>,
    pub secrets: BTreeSet<String>,
    /// Captured files, by the names of their captures.
    pub files: BTreeSet<String>,
    /// The definition is from before exports: others read all of it and join the app's own network.
    pub all: bool,
}

impl Exports {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let mut exports = Self::default();
        field.each(|key, value| {
            match key {
                "services" => exports.services = read_services(value)?,
                "settings" => exports.settings = read_names(value)?,
                "secrets" => exports.secrets = read_names(value)?,
                "files" => exports.files = read_names(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(exports)
    }

    /// All of an app, as version 0.1.0 offered it.
    #[must_use]
    pub fn all(extension: &Extension) -> Self {
        Self {
            services: BTreeMap::new(),
            settings: extension.settings.keys().cloned().collect(),
            secrets: extension.secrets.keys().cloned().collect(),
            files: extension.captures.keys().cloned().collect(),
            all: true,
        }
    }

    /// Whether other apps can reach a service of it, so that it has a network for that.
    #[must_use]
    pub fn has_network(&self) -> bool {
        !self.services.is_empty()
    }

    /// Refuses an export that the app does not have.
    pub(super) fn check_references(
        &self,
        field: &Field<'_>,
        manifest: &Manifest,
    ) -> Result<(), ManifestError> {
        for name in self.services.keys() {
            let at = field.at(&["services", name]);
            let service = manifest
                .services
                .get(name)
                .ok_or_else(|| at.error(format!("there is no service {name:?}")))?;
            if service.network != NetworkMode::App {
                return Err(at.error(format!(
                    "{name:?} has a `network_mode`, so it cannot join the network on which others would reach it; remove one of the two"
                )));
            }
        }
        if self.has_network() && manifest.networks.contains_key("exports") {
            return Err(field.error(
                "the app has a network `exports` of its own already; give that one another name",
            ));
        }
        let extension = &manifest.extension;
        check_names(
            &field.at(&["settings"]),
            &self.settings,
            "setting",
            |name| extension.settings.contains_key(name),
        )?;
        check_names(&field.at(&["secrets"]), &self.secrets, "secret", |name| {
            extension.secrets.contains_key(name)
        })?;
        check_names(&field.at(&["files"]), &self.files, "capture", |name| {
            extension.captures.contains_key(name)
        })
    }
}

/// `{service: [port, …]}`; a service without ports is one that others need by name alone.
fn read_services(field: &Field<'_>) -> Result<BTreeMap<String, BTreeSet<u16>>, ManifestError> {
    let mut services = BTreeMap::new();
    for service in field.entries_or_null()? {
        let mut ports = BTreeSet::new();
        if !service.is_null() {
            for port in service.items()? {
                ports.insert(port.port()?);
            }
        }
        services.insert(service.name().to_owned(), ports);
    }
    Ok(services)
}

fn read_names(field: &Field<'_>) -> Result<BTreeSet<String>, ManifestError> {
    Ok(field.texts()?.into_iter().collect())
}

fn check_names(
    list: &Field<'_>,
    names: &BTreeSet<String>,
    kind: &str,
    is_known: impl Fn(&str) -> bool,
) -> Result<(), ManifestError> {
    match names.iter().find(|name| !is_known(name)) {
        Some(unknown) => {
            let at = list.item(unknown);
            Err(at.error(format!("there is no {kind} of that name")))
        }
        None => Ok(()),
    }
}
