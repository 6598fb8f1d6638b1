//! The networks of a service.

use std::collections::BTreeMap;

use compose::Trail;
use compose::model::ServiceNetwork;

use super::Work;
use super::app_network::add_alias;
use crate::manifest::service::{NetworkMode, Service};

impl Work<'_, '_> {
    pub(super) fn network_mode(&mut self, service: &mut Service, mode: Option<&str>) {
        service.network = match mode {
            None | Some("bridge" | "default") => NetworkMode::App,
            Some("host") => NetworkMode::Host,
            Some("none") => NetworkMode::None,
            Some(_) => {
                self.report.error(
                    &self.trail.key("network_mode"),
                    "this mode is not supported; there are host, none and bridge, and without this key the app's own network",
                );
                NetworkMode::App
            }
        };
    }

    pub(super) fn networks(
        &mut self,
        service: &mut Service,
        source: &BTreeMap<String, Option<ServiceNetwork>>,
    ) {
        for (name, joined) in source {
            let Some(joined) = joined else { continue };
            let ServiceNetwork {
                aliases,
                driver_opts,
                // One network has no order.
                gw_priority: _,
                priority: _,
                interface_name,
                ipv4_address,
                ipv6_address,
                link_local_ips,
                mac_address,
                use_service_name_alias: _,
                extensions: _,
            } = joined;
            let at = self.trail.key("networks").key(name);
            for (index, alias) in aliases.iter().enumerate() {
                self.alias(service, alias, &at.key("aliases").item(index));
            }
            let fixed = [
                ("ipv4_address", ipv4_address.is_some()),
                ("ipv6_address", ipv6_address.is_some()),
                ("link_local_ips", !link_local_ips.is_empty()),
                ("mac_address", mac_address.is_some()),
            ];
            for (key, _) in fixed.iter().filter(|(_, is_written)| *is_written) {
                self.report.error(
                    &at.key(key),
                    "a container has no address of its own choice; let the others use its service's name",
                );
            }
            let harmless = [
                ("driver_opts", !driver_opts.0.is_empty()),
                ("interface_name", interface_name.is_some()),
            ];
            for (key, _) in harmless.iter().filter(|(_, is_written)| *is_written) {
                self.report
                    .warn(&at.key(key), "left out: Podman chooses it");
            }
        }
    }

    /// Gives the service one more name on the app's network.
    pub(super) fn alias(&mut self, service: &mut Service, alias: &str, at: &Trail) {
        add_alias(self.report, self.name, service, alias, at);
    }
}
