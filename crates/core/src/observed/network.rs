//! A network as Podman has it, which is not always what its unit says: a changed unit does not
//! change a network that exists.

use std::collections::BTreeSet;

use crate::name::AppId;

/// The value of the option `isolate` with which a network lets nothing from or to any other bridge
/// through.
const STRICT: &str = "strict";

/// A network of Podman's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodmanNetwork {
    /// The app of its label.
    pub owner: Option<AppId>,
    /// Whether it is kept from all other networks.
    pub isolated: bool,
    /// The containers that joined it, whether they run or not.
    pub containers: BTreeSet<String>,
}

/// Whether a network with this value of the option `isolate` is kept from all others; `true` keeps
/// it only from those that have the option as well.
#[must_use]
pub fn is_isolated(isolate: Option<&str>) -> bool {
    isolate == Some(STRICT)
}
