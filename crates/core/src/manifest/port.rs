//! Published ports of a service: Compose's short and long form.

use std::net::IpAddr;

use super::ManifestError;
use super::field::Field;

/// One published port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// The address on the node; `None` means the node's `publish_address`.
    pub address: Option<IpAddr>,
    /// The port on the node.
    pub host: u16,
    /// The port in the container.
    pub container: u16,
    /// TCP unless said otherwise.
    pub protocol: Protocol,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Port {
    pub(super) fn read(field: &Field<'_>) -> Result<Vec<Self>, ManifestError> {
        if field.is_map() {
            Ok(vec![Self::read_long(field)?])
        } else {
            Self::read_short(field)
        }
    }

    fn read_long(field: &Field<'_>) -> Result<Self, ManifestError> {
        let container = field.required("target")?.port()?;
        let host = field
            .required("published")
            .map_err(|_| field.error("`published` is missing: a port of the node must be chosen, or it changes at each start"))?
            .port()?;
        let mut port = Self {
            address: None,
            host,
            container,
            protocol: Protocol::Tcp,
        };
        field.each(|key, value| {
            match key {
                "target" | "published" | "name" | "app_protocol" => {}
                "host_ip" => port.address = Some(address(value, &value.text()?)?),
                "protocol" => port.protocol = protocol(value, &value.text()?)?,
                "mode" => {
                    value.text()?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(port)
    }

    /// `[ADDRESS:]HOST:CONTAINER[/PROTOCOL]`, both sides a port or a range of the same length.
    fn read_short(field: &Field<'_>) -> Result<Vec<Self>, ManifestError> {
        let text = field.text()?;
        let (ports, protocol) = match text.rsplit_once('/') {
            Some((ports, name)) => (ports, protocol(field, name)?),
            None => (text.as_str(), Protocol::Tcp),
        };
        let Some((before, container)) = ports.rsplit_once(':') else {
            return Err(field.error(
                "this names only the container's port; write HOST:CONTAINER, or the node's port changes at each start",
            ));
        };
        let (address, host) = match before.rsplit_once(':') {
            Some((text, host)) => {
                let bare = text.trim_start_matches('[').trim_end_matches(']');
                (Some(address(field, bare)?), host)
            }
            None => (None, before),
        };
        let hosts = range(field, host)?;
        let containers = range(field, container)?;
        if hosts.len() != containers.len() {
            return Err(field.error("the two ranges differ in length"));
        }
        Ok(hosts
            .zip(containers)
            .map(|(host, container)| Self {
                address,
                host,
                container,
                protocol,
            })
            .collect())
    }
}

fn protocol(field: &Field<'_>, text: &str) -> Result<Protocol, ManifestError> {
    match text {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        _ => Err(field.error("expected tcp or udp")),
    }
}

fn address(field: &Field<'_>, text: &str) -> Result<IpAddr, ManifestError> {
    text.parse()
        .map_err(|_| field.error("expected an IP address of this node"))
}

fn range(field: &Field<'_>, text: &str) -> Result<std::ops::RangeInclusive<u16>, ManifestError> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(field.error("expected a port from 1 to 65535")),
    };
    match text.split_once('-') {
        None => {
            let port = port(text)?;
            Ok(port..=port)
        }
        Some((first, last)) => {
            let (first, last) = (port(first)?, port(last)?);
            if first > last {
                return Err(field.error("the range runs backwards"));
            }
            Ok(first..=last)
        }
    }
}
