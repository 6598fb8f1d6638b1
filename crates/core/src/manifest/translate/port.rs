//! Published ports.

use std::net::IpAddr;

use compose::model;

use super::Work;
use crate::manifest::service::{NetworkMode, Service};
use crate::manifest::{Port, Protocol};

const PORT: &str = "expected a port from 1 to 65535";

impl Work<'_, '_> {
    pub(super) fn ports(&mut self, source: &[model::Port]) -> Vec<Port> {
        let mut ports = Vec::new();
        for (index, port) in source.iter().enumerate() {
            let at = self.trail.key("ports").item(index);
            let place = self.report.place(&at);
            match translated(port) {
                Ok(port) => ports.push((place, port)),
                Err(problem) => self.report.error(&at, problem),
            }
        }
        // The reader sorts the ports of a range as text; here they are in the order of their
        // numbers.
        for range in ports.chunk_by_mut(|(place, _), (next, _)| place == next) {
            range.sort_by_key(|(_, port)| port.container);
        }
        ports.into_iter().map(|(_, port)| port).collect()
    }

    pub(super) fn check_ports(&mut self, service: &mut Service) {
        if service.ports.is_empty() {
            return;
        }
        let at = self.trail.key("ports");
        match service.network {
            NetworkMode::App => {}
            NetworkMode::Host => {
                service.ports.clear();
                self.report.warn(
                    &at,
                    "left out: on the node's own network every port of the container is one of the node",
                );
            }
            NetworkMode::None => self.report.error(
                &at,
                "ports are published only from the app's network; remove `ports` or `network_mode`",
            ),
        }
    }
}

fn translated(port: &model::Port) -> Result<Port, &'static str> {
    let model::Port {
        name: _,
        mode: _,
        host_ip,
        target,
        published,
        protocol,
        app_protocol: _,
        extensions: _,
    } = port;
    let host = match published.as_deref() {
        None => {
            return Err(
                "this names only the container's port; write HOST:CONTAINER, or the node's port changes at each start",
            );
        }
        Some(range) if range.contains('-') => {
            return Err(
                "of a range Compose chooses a port at each start; write the one that the node is to have",
            );
        }
        Some(text) => text.parse().ok().filter(|port| *port > 0).ok_or(PORT)?,
    };
    let address = host_ip.as_deref().map(str::parse::<IpAddr>).transpose();
    Ok(Port {
        address: address.map_err(|_| "expected an IP address of this node")?,
        host,
        container: Some(*target).filter(|port| *port > 0).ok_or(PORT)?,
        protocol: match protocol.as_deref() {
            None | Some("tcp") => Protocol::Tcp,
            Some("udp") => Protocol::Udp,
            Some(_) => return Err("expected tcp or udp"),
        },
    })
}
