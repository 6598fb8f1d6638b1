//! The networks that an app names, beside the one that it has in any case.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

/// A network that an app's file declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppNetwork {
    /// The app's own.
    Own(OwnNetwork),
    /// One that somebody else made in Podman, by its name there. The app joins it only with a
    /// person's consent.
    External(String),
}

/// A network of the app's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnNetwork {
    /// Whether the outside cannot be reached on it.
    pub internal: bool,
    pub ipv6: bool,
    /// Its addresses, where the file chooses them; else Podman does.
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

/// What a service is on one of its networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Join {
    /// Its names there, beside those that it has on all of its networks.
    pub aliases: BTreeSet<String>,
    /// Its addresses there, if it chooses them.
    pub addresses: Vec<IpAddr>,
    /// Its hardware address there, if it chooses that.
    pub hardware_address: Option<String>,
}
