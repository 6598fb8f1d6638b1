//! Published ports of a service.

use std::fmt;
use std::net::IpAddr;

/// One published port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// The address on the node; `None` means the node's `publish_address`.
    pub address: Option<IpAddr>,
    /// The port on the node. For a range it is the first port until one is chosen.
    pub host: u16,
    /// The last port of the range from which the node's port is chosen; `None` for a fixed port.
    pub until: Option<u16>,
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
    /// The key of its range in the intent, which keeps the chosen port: `web:8000-8010:80/tcp`.
    #[must_use]
    pub fn word(&self, service: &str) -> String {
        let protocol = self.protocol;
        let last = self.until.unwrap_or(self.host);
        format!(
            "{service}:{}-{last}:{}/{protocol}",
            self.host, self.container
        )
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}
