//! `x-archipelago.exports`: what an app offers to the apps that require it. Nothing else of it can
//! be read or reached by them.

use std::collections::{BTreeMap, BTreeSet};

use super::ManifestError;
use super::field::Field;

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

    /// Whether other apps can reach a service of it, so that it has a network for that.
    #[must_use]
    pub fn has_network(&self) -> bool {
        !self.services.is_empty()
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
