//! The ports, pages and probes through which the node reaches an app.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Work;
use crate::desired::app::DesiredProbe;
use crate::manifest::{Port, Protocol, Service};

impl Work<'_> {
    fn published(&self, service: &str, port: u16) -> Option<SocketAddr> {
        let port = self.manifest.services.get(service)?.published(port)?;
        Some(SocketAddr::new(
            reachable(port.address.unwrap_or(self.config.publish_address)),
            port.host,
        ))
    }

    pub(super) fn probes(&self) -> Vec<DesiredProbe> {
        let readiness = &self.manifest.extension.readiness;
        readiness
            .iter()
            .filter_map(|probe| {
                Some(DesiredProbe {
                    service: format!("{}.service", self.manifest.container(&probe.service)),
                    address: self.published(&probe.service, probe.port)?,
                    kind: probe.kind.clone(),
                })
            })
            .collect()
    }

    /// The addresses that people open, each with a title: those that `urls` lists, or else every
    /// TCP port that a service publishes.
    pub(super) fn urls(&self) -> Vec<(String, String)> {
        let urls = &self.manifest.extension.urls;
        if urls.is_empty() {
            return self.published_addresses();
        }
        urls.iter()
            .filter_map(|url| {
                let address = self.published(&url.service, url.port)?;
                Some((url.title.clone(), format!("http://{address}{}", url.path)))
            })
            .collect()
    }

    fn published_addresses(&self) -> Vec<(String, String)> {
        let services = self.manifest.services.iter();
        let tcp = services.flat_map(|(name, service)| {
            let ports = service.ports.iter();
            ports
                .filter(|port| port.protocol == Protocol::Tcp)
                .map(move |port| (name, port))
        });
        tcp.map(|(name, port)| {
            let address = port.address.unwrap_or(self.config.publish_address);
            let address = SocketAddr::new(reachable(address), port.host);
            (name.clone(), format!("http://{address}/"))
        })
        .collect()
    }

    pub(super) fn ports(&self) -> BTreeSet<(SocketAddr, Protocol)> {
        let services = self.manifest.services.values();
        services
            .flat_map(|service| self.ports_of(service))
            .collect()
    }

    /// The ports of the node that a service publishes.
    pub(super) fn ports_of(&self, service: &Service) -> BTreeSet<(SocketAddr, Protocol)> {
        let published = |port: &Port| {
            let address = port.address.unwrap_or(self.config.publish_address);
            (SocketAddr::new(address, port.host), port.protocol)
        };
        service.ports.iter().map(published).collect()
    }
}

/// The address at which the node itself reaches a port published on `address`.
fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(v6) if v6.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}
