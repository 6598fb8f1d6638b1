//! The networks of a service.

use std::collections::BTreeMap;
use std::net::IpAddr;

use compose::Trail;
use compose::model::ServiceNetwork;

use super::Work;
use super::app_network::{add_alias, is_bridge};
use crate::manifest::network::Joined;
use crate::manifest::service::{NetworkMode, Service};
use crate::name::DEFAULT_NETWORK;

impl Work<'_, '_> {
    pub(super) fn network_mode(&mut self, service: &mut Service, mode: Option<&str>) {
        let at = self.trail.key("network_mode");
        if is_bridge(mode) {
            let name = DEFAULT_NETWORK.to_owned();
            service.networks.insert(name, Joined::default());
        }
        service.network = match mode {
            None => NetworkMode::App,
            mode if is_bridge(mode) => NetworkMode::App,
            Some("host") => NetworkMode::Host,
            Some("none") => NetworkMode::None,
            Some(other) => match other.strip_prefix("service:") {
                Some(name) => self.network_of(name, &at),
                None => {
                    self.report.error(
                        &at,
                        "this mode is not supported; there are host, none, service:NAME and bridge, and without this key the app's networks",
                    );
                    NetworkMode::App
                }
            },
        };
    }

    /// The reader has checked that the service is there.
    fn network_of(&mut self, name: &str, at: &Trail) -> NetworkMode {
        let other = self.project.services.get(name);
        let mode = other.and_then(|other| other.container.network_mode.as_deref());
        if mode.is_some_and(|mode| mode.starts_with("service:")) {
            self.report.error(
                at,
                "that service has its network from another one; name that other one here",
            );
        }
        NetworkMode::Of(name.to_owned())
    }

    pub(super) fn networks(
        &mut self,
        service: &mut Service,
        source: &BTreeMap<String, Option<ServiceNetwork>>,
    ) {
        for (name, joined) in source {
            let at = self.trail.key("networks").key(name);
            let joined = match joined {
                Some(joined) => self.joined(name, joined, &at),
                None => Joined::default(),
            };
            service.networks.insert(name.clone(), joined);
        }
    }

    fn joined(&mut self, network: &str, source: &ServiceNetwork, at: &Trail) -> Joined {
        let ServiceNetwork {
            aliases,
            driver_opts,
            gw_priority,
            priority: _,
            interface_name,
            ipv4_address,
            ipv6_address,
            link_local_ips,
            mac_address,
            use_service_name_alias: _,
            extensions: _,
        } = source;
        let mut joined = Joined {
            mac: mac_address.clone(),
            ..Joined::default()
        };
        for (index, alias) in aliases.iter().enumerate() {
            let at = at.key("aliases").item(index);
            add_alias(self.report, self.name, &mut joined.aliases, alias, &at);
        }
        for (key, address) in [
            ("ipv4_address", ipv4_address.as_deref()),
            ("ipv6_address", ipv6_address.as_deref()),
        ] {
            let address = address.filter(|address| !address.is_empty());
            if let Some(address) = address {
                let found = self.address(network, key, address, &at.key(key));
                joined.addresses.extend(found);
            }
        }
        if !link_local_ips.is_empty() {
            self.report.error(
                &at.key("link_local_ips"),
                "Podman gives a container no such address; remove this key",
            );
        }
        let harmless = [
            ("driver_opts", !driver_opts.0.is_empty()),
            ("gw_priority", *gw_priority != 0),
            ("interface_name", interface_name.is_some()),
        ];
        for (key, _) in harmless.iter().filter(|(_, is_written)| *is_written) {
            self.report
                .warn(&at.key(key), "left out: Podman chooses it");
        }
        joined
    }

    /// An address of a container must be one of its network's, which Podman chooses unless the file
    /// does.
    fn address(&mut self, network: &str, key: &str, text: &str, at: &Trail) -> Option<IpAddr> {
        let is_kind = |address: &IpAddr| address.is_ipv4() == (key == "ipv4_address");
        let Some(address) = text.parse().ok().filter(is_kind) else {
            self.report.error(at, "expected an IP address of this kind");
            return None;
        };
        let known = self.networks.get(network).map(|known| &known.subnets);
        let is_in = known.is_some_and(|subnets| {
            let mut subnets = subnets.iter();
            subnets.any(|subnet| subnet.net.contains(&address))
        });
        if !is_in {
            self.report.error(
                at,
                &*format!(
                    "no subnet of the network holds this address; give it one under `networks.{network}.ipam.config`, or let the others use the service's name"
                ),
            );
        }
        Some(address)
    }

    /// Gives the service one more name on all its networks.
    pub(super) fn alias(&mut self, service: &mut Service, alias: &str, at: &Trail) {
        add_alias(self.report, self.name, &mut service.aliases, alias, at);
    }
}
