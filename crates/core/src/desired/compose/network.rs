//! The networks of an app, and which of its services join which: its own, and those on which apps
//! offer what they export.

use std::collections::BTreeSet;

use super::Work;
use crate::desired::error::Error;
use crate::manifest::{NetworkMode, Service};
use crate::name::AppId;
use crate::quadlet::{self, Kind, NetworkJoin, ServiceSection, Unit};

impl Work<'_> {
    /// The networks that this app has, by Podman's names.
    pub(super) fn own_networks(&self) -> Vec<String> {
        let exports = self.manifest.extension.exports.has_network();
        let exports = exports.then(|| self.id.exports_network());
        [self.id.network()].into_iter().chain(exports).collect()
    }

    pub(super) fn network_unit(&self, name: &str) -> Unit {
        let title = &self.manifest.extension.title;
        let description = if name == self.id.network() {
            format!("{title} network")
        } else {
            format!("{title} exports network")
        };
        Unit {
            stem: name.to_owned(),
            unit: self.described(&description),
            kind: Kind::Network(quadlet::Network {
                name: name.to_owned(),
                isolated: true,
                labels: self.labels(),
            }),
            service: ServiceSection::default(),
            starts_at_boot: false,
        }
    }

    /// The exports networks that a service joins: its app's, if it is exported, and those of the
    /// required apps that it uses.
    fn joined_exports(&self, name: &str) -> Vec<String> {
        let extension = &self.manifest.extension;
        let own = extension.exports.services.contains_key(name);
        let own = own.then(|| self.id.exports_network());
        let used = extension.requires.apps.iter().filter(|app| {
            let required = self.apps.manifest(app);
            extension.requires.lets(name, app)
                && required.is_some_and(|required| required.extension.exports.has_network())
        });
        own.into_iter()
            .chain(used.map(|app| app.exports_network()))
            .collect()
    }

    /// The own networks of the required apps whose definitions are from before exports.
    fn joined_own(&self, name: &str) -> Vec<String> {
        let requires = &self.manifest.extension.requires;
        let used = requires.apps.iter().filter(|app| {
            let required = self.apps.manifest(app);
            requires.lets(name, app) && required.is_some_and(|it| it.extension.exports.all)
        });
        used.map(AppId::network).collect()
    }

    pub(super) fn joins(&self, name: &str, service: &Service) -> Vec<NetworkJoin> {
        match service.network {
            NetworkMode::Host => vec![NetworkJoin::Host],
            NetworkMode::None => vec![NetworkJoin::None],
            NetworkMode::App => {
                let join = |network: String, aliases| NetworkJoin::Unit {
                    unit: format!("{network}.network"),
                    aliases,
                };
                let names = [name.to_owned()].into_iter();
                let names = names.chain(service.aliases.iter().cloned());
                let own = join(self.id.network(), names.collect());
                // There it has no name but its container's, which no other app can have.
                let others = self.joined_exports(name).into_iter();
                let others = others.chain(self.joined_own(name));
                let others = others.map(|network| join(network, Vec::new()));
                [own].into_iter().chain(others).collect()
            }
        }
    }

    /// The same by Podman's names.
    pub(super) fn joined(&self, name: &str, service: &Service) -> BTreeSet<String> {
        match service.network {
            NetworkMode::Host | NetworkMode::None => BTreeSet::new(),
            NetworkMode::App => {
                let others = self.joined_exports(name).into_iter();
                let others = others.chain(self.joined_own(name));
                others.chain([self.id.network()]).collect()
            }
        }
    }

    /// Podman makes a container's host name one of its names on every network that it joins. On an
    /// exports network it could be taken for a service of another app, by chance (`db`) or on
    /// purpose (`archy-bitcoin`).
    pub(super) fn check_hostname(&self, name: &str, service: &Service) -> Result<(), Error> {
        let Some(hostname) = &service.hostname else {
            return Ok(());
        };
        let exports = self.joined_exports(name);
        let own_name = self.manifest.container(name);
        match exports.first() {
            Some(network) if service.network == NetworkMode::App && *hostname != own_name => {
                Err(Error::HeardHostname {
                    service: name.to_owned(),
                    network: network.clone(),
                    own_name,
                })
            }
            _ => Ok(()),
        }
    }
}
