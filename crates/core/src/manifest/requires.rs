//! `x-archipelago.requires`: what an app needs from the node.

use std::collections::{BTreeMap, BTreeSet};

use super::ManifestError;
use super::field::Field;
use crate::name::AppId;

/// The key `x-archipelago.requires`: what the app needs of the node and of other apps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requires {
    /// Apps that must be installed. Services of this app join the networks on which those offer
    /// theirs.
    pub apps: BTreeSet<AppId>,
    /// Of an app in `apps`: the services that join, where not all of them do.
    pub services: BTreeMap<AppId, BTreeSet<String>>,
    /// Free space on the data folder's disk, in MiB.
    pub disk_mib: u64,
}

impl Requires {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let mut requires = Self::default();
        field.each(|key, value| {
            match key {
                "apps" => {
                    for item in value.items()? {
                        requires.read_app(&item)?;
                    }
                }
                "disk_mib" => requires.disk_mib = value.count()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(requires)
    }

    /// An app's id, or `{app: ID, services: [NAME, …]}`.
    fn read_app(&mut self, item: &Field<'_>) -> Result<(), ManifestError> {
        let (name, services) = if item.is_map() {
            item.each(|key, _| Ok(matches!(key, "app" | "services")))?;
            let services = item.get("services");
            let services = services.map(|services| services.texts()).transpose()?;
            (item.required("app")?, services)
        } else {
            (item.clone(), None)
        };
        let id = AppId::parse(&name.text()?).map_err(|error| name.error(error.to_string()))?;
        if !self.apps.insert(id.clone()) {
            return Err(name.error(format!("{id} is required twice")));
        }
        if let Some(services) = services {
            self.services.insert(id, services.into_iter().collect());
        }
        Ok(())
    }

    /// Whether a service of this app is to reach what a required one offers.
    #[must_use]
    pub fn lets(&self, service: &str, app: &AppId) -> bool {
        let named = self.services.get(app);
        self.apps.contains(app) && named.is_none_or(|named| named.contains(service))
    }
}
