//! Published ports.

use std::net::IpAddr;

use compose::model;

use super::Work;
use crate::manifest::service::{NetworkMode, Service};
use crate::manifest::{Port, Protocol};

/// The first port that a user may open (ip_unprivileged_port_start in ip-sysctl).
const FIRST_OF_USERS: u16 = 1024;
/// The offset for a port below that: 80 becomes 8080.
const OFFSET: u16 = 8000;
/// The number of ports to try above the first one.
const TRIES: u16 = 999;

/// A part of a published port that cannot be understood: what is expected instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Expected {
    #[error("expected a port from 1 to 65535")]
    Port,
    #[error("expected an IP address of this node")]
    Address,
    #[error("expected tcp or udp")]
    Protocol,
}

impl Work<'_, '_> {
    pub(super) fn ports(&mut self, source: &[model::Port]) -> Vec<Port> {
        let mut ports = Vec::new();
        for (index, port) in source.iter().enumerate() {
            let at = self.trail.key("ports").item(index);
            let place = self.report.place(&at);
            match translated(port) {
                Ok(port) => ports.push((place, port)),
                Err(expected) => self.report.error(&at, expected.to_string()),
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
        match &service.network {
            NetworkMode::App => {}
            NetworkMode::Host => {
                service.ports.clear();
                self.report.warn(
                    &at,
                    "left out: on the node's own network every port of the container is one of the node",
                );
            }
            NetworkMode::None | NetworkMode::Service(_) => self.report.error(
                &at,
                "ports are published only from the app's network; remove `ports` or `network_mode`",
            ),
        }
    }
}

fn translated(port: &model::Port) -> Result<Port, Expected> {
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
    let container = Some(*target)
        .filter(|port| *port > 0)
        .ok_or(Expected::Port)?;
    let number = |text: &str| {
        text.parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or(Expected::Port)
    };
    let (host, until) = match published.as_deref() {
        // Compose chooses a random port at each start. Here the port is chosen once, near a
        // well-known number.
        None => {
            let first = match container < FIRST_OF_USERS {
                true => container + OFFSET,
                false => container,
            };
            (first, Some(first.saturating_add(TRIES)))
        }
        Some(text) => match text.split_once('-') {
            Some((first, last)) => (number(first)?, Some(number(last)?)),
            None => (number(text)?, None),
        },
    };
    if until.is_some_and(|until| until < host) {
        return Err(Expected::Port);
    }
    let address = host_ip.as_deref().map(str::parse::<IpAddr>).transpose();
    Ok(Port {
        address: address.map_err(|_| Expected::Address)?,
        host,
        until,
        container,
        protocol: match protocol.as_deref() {
            None | Some("tcp") => Protocol::Tcp,
            Some("udp") => Protocol::Udp,
            Some(_) => return Err(Expected::Protocol),
        },
    })
}
