//! The networks of a service.

use std::collections::BTreeMap;
use std::net::IpAddr;

use compose::Trail;
use compose::model::{Hosts, ServiceNetwork};

use super::Work;
use super::app_network::{DEFAULT, add_alias};
use crate::manifest::networks::Join;
use crate::manifest::service::{NetworkMode, Service};
use crate::name::check_part;

impl Work<'_, '_> {
    /// Podman writes each into `/etc/hosts`, where a line break would begin another entry.
    pub(super) fn extra_hosts(&mut self, source: &Hosts) -> Vec<String> {
        let mut hosts = Vec::new();
        for (name, addresses) in &source.0 {
            for address in addresses {
                let is_plain = |text: &str| {
                    let stands_out = |c: char| c.is_control() || c.is_whitespace() || c == '#';
                    !text.is_empty() && !text.contains(stands_out)
                };
                let bare = address.trim_start_matches('[').trim_end_matches(']');
                let is_address = address == "host-gateway" || bare.parse::<IpAddr>().is_ok();
                if is_plain(name) && is_address {
                    hosts.push(format!("{name}:{address}"));
                } else {
                    self.report.error(
                        &self.trail.key("extra_hosts"),
                        "write NAME=ADDRESS: a name without white space, `#` or control characters, and an IP address or `host-gateway`",
                    );
                }
            }
        }
        hosts
    }

    pub(super) fn network_mode(&mut self, service: &mut Service, mode: Option<&str>) {
        service.network = match mode {
            None | Some("bridge" | "default") => NetworkMode::App,
            Some("host") => NetworkMode::Host,
            Some("none") => NetworkMode::None,
            Some(mode) => match mode.strip_prefix("service:") {
                // The reader has checked that it is there.
                Some(other) => NetworkMode::Service(other.to_owned()),
                None => {
                    self.report.error(
                        &self.trail.key("network_mode"),
                        "a container of another program cannot be joined; there are host, none, bridge and service:NAME, and without this key the app's own network",
                    );
                    NetworkMode::App
                }
            },
        };
    }

    pub(super) fn networks(
        &mut self,
        service: &mut Service,
        source: &BTreeMap<String, Option<ServiceNetwork>>,
    ) {
        for (name, joined) in source {
            let join = match joined {
                Some(joined) => self.join(name, joined),
                None => Join::default(),
            };
            service.networks.insert(name.clone(), join);
        }
        if service.network == NetworkMode::App && service.networks.is_empty() {
            // The mode `bridge` names none.
            service.networks.insert(DEFAULT.to_owned(), Join::default());
        }
    }

    fn join(&mut self, network: &str, source: &ServiceNetwork) -> Join {
        let ServiceNetwork {
            aliases,
            driver_opts,
            // Podman has no order of networks.
            gw_priority: _,
            priority: _,
            interface_name,
            ipv4_address,
            ipv6_address,
            link_local_ips,
            mac_address,
            use_service_name_alias: _,
            extensions: _,
        } = source;
        let at = self.trail.key("networks").key(network);
        let mut join = Join::default();
        for (index, alias) in aliases.iter().enumerate() {
            let at = at.key("aliases").item(index);
            match check_part("a container", alias) {
                Ok(()) if alias == self.name => {}
                Ok(()) => drop(join.aliases.insert(alias.clone())),
                Err(error) => self.report.error(&at, error.to_string()),
            }
        }
        for (key, text) in [
            ("ipv4_address", ipv4_address),
            ("ipv6_address", ipv6_address),
        ] {
            let Some(text) = text.as_ref().filter(|text| !text.is_empty()) else {
                continue;
            };
            let is_kind = |address: &IpAddr| address.is_ipv4() == (key == "ipv4_address");
            match text.parse().ok().filter(is_kind) {
                Some(address) => join.addresses.push(address),
                None => {
                    let problem = "expected an IP address of this kind";
                    self.report.error(&at.key(key), problem);
                }
            }
        }
        if let Some(text) = mac_address {
            join.hardware_address = self.checked_hardware_address(text, &at.key("mac_address"));
        }
        if !link_local_ips.is_empty() {
            let problem =
                "Podman gives containers no more addresses than one of each kind; remove this key";
            self.report.error(&at.key("link_local_ips"), problem);
        }
        for (key, is_written) in [
            ("driver_opts", !driver_opts.0.is_empty()),
            ("interface_name", interface_name.is_some()),
        ] {
            if is_written {
                self.report
                    .warn(&at.key(key), "left out: Podman chooses it");
            }
        }
        join
    }

    /// Of the service itself: its address on the first of its networks.
    pub(super) fn hardware_address(&mut self, service: &mut Service, text: &str) {
        let at = self.trail.key("mac_address");
        let address = self.checked_hardware_address(text, &at);
        if let Some(join) = service.networks.values_mut().next() {
            join.hardware_address = join.hardware_address.take().or(address);
        }
    }

    fn checked_hardware_address(&mut self, text: &str, at: &Trail) -> Option<String> {
        let parts: Vec<&str> = text.split([':', '-']).collect();
        let is_byte = |part: &&str| part.len() == 2 && u8::from_str_radix(part, 16).is_ok();
        if parts.len() == 6 && parts.iter().all(is_byte) {
            return Some(parts.join(":"));
        }
        let problem = "expected a hardware address like 02:42:ac:11:00:02";
        self.report.error(at, problem);
        None
    }

    /// Gives the service one more name on the app's networks.
    pub(super) fn alias(&mut self, service: &mut Service, alias: &str, at: &Trail) {
        add_alias(self.report, self.name, service, alias, at);
    }
}
