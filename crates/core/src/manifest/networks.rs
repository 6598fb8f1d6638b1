//! The networks that an app names, beside the one that it has in any case.

use std::collections::BTreeSet;
use std::net::IpAddr;

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
    /// The addresses to choose from, where a service has one of its own choice; else Podman chooses.
    pub pools: Vec<Pool>,
}

/// A range of addresses of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    pub subnet: String,
    pub gateway: Option<String>,
    /// The part of the subnet that Podman chooses from.
    pub range: Option<String>,
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
