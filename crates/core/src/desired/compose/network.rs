//! The networks of an app, and which of its services join which: its own, and those on which apps
//! offer what they export.

use std::collections::{BTreeMap, BTreeSet};

use super::Work;
use crate::desired::error::Error;
use crate::manifest::{AppNetwork, Join, NetworkMode, OwnNetwork, Service, Subnet};
use crate::name::AppId;
use crate::quadlet::{self, Kind, NetworkJoin, ServiceSection, Unit};

impl Work<'_> {
    /// The networks that this app has, by Podman's names: the one that every app has, those that
    /// its file declares, and the one of its exports.
    pub(super) fn own_networks(&self) -> BTreeMap<String, OwnNetwork> {
        let declared = self.manifest.networks.iter();
        let declared = declared.filter_map(|(name, network)| match network {
            AppNetwork::Own(network) => Some((self.network_name(name), network.clone())),
            AppNetwork::External(_) => None,
        });
        let exports = self.manifest.extension.exports.has_network();
        let exports = exports.then(|| self.id.exports_network());
        [self.id.network()]
            .into_iter()
            .chain(exports)
            .map(|name| (name, OwnNetwork::default()))
            .chain(declared)
            .collect()
    }

    /// Podman's name of a network of the app.
    fn network_name(&self, name: &str) -> String {
        match name {
            "default" => self.id.network(),
            _ => self.id.named_network(name),
        }
    }

    pub(super) fn network_unit(&self, name: &str, network: &OwnNetwork) -> Unit {
        let title = &self.manifest.extension.title;
        let description = match self.id.name_of_network(name) {
            None => format!("{title} network"),
            Some(own) => format!("{title} {own} network"),
        };
        let OwnNetwork {
            internal,
            ipv6,
            subnets,
        } = network;
        let subnet = |subnet: &Subnet| quadlet::Subnet {
            subnet: subnet.net.to_string(),
            gateway: subnet.gateway.map(|gateway| gateway.to_string()),
            range: subnet.range.map(|range| range.to_string()),
        };
        Unit {
            stem: name.to_owned(),
            unit: self.described(&description),
            kind: Kind::Network(quadlet::Network {
                name: name.to_owned(),
                isolated: true,
                internal: *internal,
                ipv6: *ipv6,
                subnets: subnets.iter().map(subnet).collect(),
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
        match &service.network {
            NetworkMode::Host => vec![NetworkJoin::Host],
            NetworkMode::None => vec![NetworkJoin::None],
            NetworkMode::Service(other) => {
                vec![NetworkJoin::Container(self.manifest.container(other))]
            }
            NetworkMode::App => {
                let join = |network: String, aliases, joined: &Join| NetworkJoin::Named {
                    network,
                    aliases,
                    addresses: joined.addresses.clone(),
                    hardware_address: joined.hardware_address.clone(),
                };
                let unit = |network: &str| format!("{network}.network");
                let own = service.networks.iter().map(|(network, joined)| {
                    let written: BTreeSet<&String> =
                        service.aliases.iter().chain(&joined.aliases).collect();
                    let written = written.into_iter().cloned();
                    match self.manifest.networks.get(network) {
                        // Only the names that the file gives: `db` may be another's there.
                        Some(AppNetwork::External(network)) => {
                            join(network.clone(), written.collect(), joined)
                        }
                        _ => {
                            let aliases = [name.to_owned()].into_iter().chain(written);
                            join(unit(&self.network_name(network)), aliases.collect(), joined)
                        }
                    }
                });
                // There it has no name but its container's, which no other app can have.
                let others = self.joined_exports(name).into_iter();
                let others = others.chain(self.joined_own(name));
                let others =
                    others.map(|network| join(unit(&network), Vec::new(), &Join::default()));
                own.chain(others).collect()
            }
        }
    }

    /// The networks of apps that a service joins, by Podman's names.
    pub(super) fn joined(&self, name: &str, service: &Service) -> BTreeSet<String> {
        match &service.network {
            NetworkMode::Host | NetworkMode::None | NetworkMode::Service(_) => BTreeSet::new(),
            NetworkMode::App => {
                let networks = service.networks.keys();
                let own = networks.filter(|name| {
                    let network = self.manifest.networks.get(*name);
                    !matches!(network, Some(AppNetwork::External(_)))
                });
                let others = self.joined_exports(name).into_iter();
                let others = others.chain(self.joined_own(name));
                others
                    .chain(own.map(|name| self.network_name(name)))
                    .collect()
            }
        }
    }

    /// The networks of Podman's that a service joins and that are no app's.
    pub(super) fn foreign_networks(&self, service: &Service) -> BTreeSet<String> {
        let networks = service.networks.keys();
        let foreign = networks.filter_map(|name| match self.manifest.networks.get(name)? {
            AppNetwork::External(name) => Some(name.clone()),
            AppNetwork::Own(_) => None,
        });
        foreign.collect()
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
