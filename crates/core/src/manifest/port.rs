//! Published ports of a service.

use std::fmt;
use std::net::IpAddr;

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

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}
