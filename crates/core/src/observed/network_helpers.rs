//! The processes that serve the containers' networks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The observation of the helpers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The helpers that Podman has started and that do not run any more.
    pub gone: BTreeSet<Helper>,
    /// The containers on Podman's networks, by name. Looked for only when a helper is gone.
    pub members: BTreeSet<String>,
    /// The published addresses on which nothing listens, by service. Only of services that are up.
    pub closed: BTreeMap<String, BTreeSet<SocketAddr>>,
}

/// A process that all networks of a user share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Helper {
    /// Resolves the names of containers.
    Resolver,
    /// Connects the networks with the world outside of the host.
    Uplink,
}

impl Helper {
    /// Its program, and what does not work without it.
    #[must_use]
    pub fn loss(self) -> &'static str {
        match self {
            Self::Resolver => {
                "aardvark-dns does not run, so containers cannot resolve each other's names"
            }
            Self::Uplink => {
                "the process that connects the containers' networks (pasta or slirp4netns) does not run, so containers reach nothing \
                 outside"
            }
        }
    }
}
