//! The networks of an app, and a service's place on each.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

/// A network of an app. Nobody else joins it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Whether it leads to no other network, nor to the outside.
    pub internal: bool,
    /// Whether it has IPv6 as well.
    pub ipv6: bool,
    /// Its addresses, where the file chooses them.
    pub subnets: Vec<Subnet>,
}

/// Addresses of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub net: IpNet,
    pub gateway: Option<IpAddr>,
    /// The part from which containers without an address of their own get theirs.
    pub range: Option<IpNet>,
}

/// A service's place on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// Its names there, beside the service's and those of [`Service::aliases`].
    ///
    /// [`Service::aliases`]: super::Service
    pub aliases: BTreeSet<String>,
    /// Its address, at most one of each kind.
    pub addresses: Vec<IpAddr>,
    /// Its hardware address.
    pub mac: Option<String>,
}
