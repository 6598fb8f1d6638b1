//! The networks of an app, and which of its services join which: its own, and those on which apps
//! offer what they export.

use std::collections::BTreeSet;

use super::Work;
use crate::desired::app::{Present, Role};
use crate::desired::error::Error;
use crate::manifest::{Joined, Network, NetworkMode, Service, Subnet};
use crate::name::DEFAULT_NETWORK;
use crate::quadlet::{self, Kind, NetworkJoin, ServiceSection, Unit};

impl Work<'_> {
    pub(super) fn add_networks(&self, present: &mut Present) -> Result<(), Error> {
        for (name, network) in &self.manifest.networks {
            let description = match name.as_str() {
                DEFAULT_NETWORK => "network".to_owned(),
                name => format!("network {name}"),
            };
            let subnets = network.subnets.iter().map(|subnet| subnet.net);
            present.subnets.extend(subnets);
            self.add_network(present, self.id.network(name), &description, network)?;
        }
        if self.manifest.extension.exports.has_network() {
            let (name, network) = (self.id.exports_network(), Network::default());
            self.add_network(present, name, "exports network", &network)?;
        }
        Ok(())
    }

    fn add_network(
        &self,
        present: &mut Present,
        name: String,
        description: &str,
        network: &Network,
    ) -> Result<(), Error> {
        let Network {
            internal,
            ipv6,
            subnets,
        } = network;
        let subnet = |subnet: &Subnet| quadlet::Subnet {
            net: subnet.net.to_string(),
            gateway: subnet.gateway.map(|gateway| gateway.to_string()),
            range: subnet.range.map(|range| range.to_string()),
        };
        let title = &self.manifest.extension.title;
        let unit = Unit {
            stem: name.clone(),
            unit: self.described(&format!("{title} {description}")),
            kind: Kind::Network(quadlet::Network {
                name: name.clone(),
                isolated: true,
                internal: *internal,
                ipv6: *ipv6,
                subnets: subnets.iter().map(subnet).collect(),
                labels: self.labels(),
            }),
            service: ServiceSection::default(),
            starts_at_boot: false,
        };
        self.add(present, &unit, Role::Network(name), &[])
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
            requires.lets(name, app)
                && required.is_some_and(|required| {
                    let exports = &required.extension.exports;
                    exports.all && required.networks.contains_key(DEFAULT_NETWORK)
                })
        });
        used.map(|app| app.network(DEFAULT_NETWORK)).collect()
    }

    pub(super) fn joins(&self, name: &str, service: &Service) -> Vec<NetworkJoin> {
        match &service.network {
            NetworkMode::Host => vec![NetworkJoin::Host],
            NetworkMode::None => vec![NetworkJoin::None],
            NetworkMode::Of(other) => vec![NetworkJoin::Of(self.manifest.container(other))],
            NetworkMode::App => {
                let own = service.networks.iter().map(|(network, joined)| {
                    let Joined {
                        aliases,
                        addresses,
                        mac,
                    } = joined;
                    let names = [name].into_iter();
                    let more = service.aliases.union(aliases).map(String::as_str);
                    NetworkJoin::Unit {
                        unit: unit_of(&self.id.network(network)),
                        aliases: names.chain(more).map(str::to_owned).collect(),
                        addresses: addresses.clone(),
                        mac: mac.clone(),
                    }
                });
                // There it has no name but its container's, which no other app can have.
                let others = self.joined_exports(name).into_iter();
                let others = others.chain(self.joined_own(name));
                let others = others.map(|network| NetworkJoin::Unit {
                    unit: unit_of(&network),
                    aliases: Vec::new(),
                    addresses: Vec::new(),
                    mac: None,
                });
                own.chain(others).collect()
            }
        }
    }

    /// The same by Podman's names.
    pub(super) fn joined(&self, name: &str, service: &Service) -> BTreeSet<String> {
        match &service.network {
            NetworkMode::Host | NetworkMode::None => BTreeSet::new(),
            NetworkMode::Of(other) => match self.manifest.services.get(other) {
                Some(found) if !matches!(found.network, NetworkMode::Of(_)) => {
                    self.joined(other, found)
                }
                _ => BTreeSet::new(),
            },
            NetworkMode::App => {
                let own = service.networks.keys();
                let own = own.map(|network| self.id.network(network));
                let others = self.joined_exports(name).into_iter();
                own.chain(others).chain(self.joined_own(name)).collect()
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

fn unit_of(network: &str) -> String {
    format!("{network}.network")
}
