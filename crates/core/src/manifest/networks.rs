//! The networks that an app declares, in addition to its default network.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

/// A network that an app's file declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppNetwork {
    /// The app's own.
    Own(OwnNetwork),
    /// An existing network of Podman, by its name there. The app joins it only with a person's
    /// consent.
    External(String),
}

/// A network of the app's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnNetwork {
    /// Whether it has no way to the outside.
    pub internal: bool,
    pub ipv6: bool,
    /// The addresses that the file chooses; if there are none, Podman chooses.
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

/// The names and addresses of a service on one of its networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Join {
    /// Its names on this network, in addition to those on all of its networks.
    pub aliases: BTreeSet<String>,
    /// Its static addresses on this network.
    pub addresses: Vec<IpAddr>,
    /// Its static hardware address on this network.
    pub hardware_address: Option<String>,
}
