//! Commands that are run in a container at a turn of its life.

use std::collections::BTreeMap;

/// A command in a running container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hook {
    pub command: Vec<String>,
    /// User, optionally `:group`; else the container's.
    pub user: Option<String>,
    /// The folder that it starts in, instead of the container's.
    pub working_dir: Option<String>,
    /// More variables than the container's.
    pub environment: BTreeMap<String, String>,
    /// Whether it has all capabilities and devices that the operator has.
    pub privileged: bool,
}
