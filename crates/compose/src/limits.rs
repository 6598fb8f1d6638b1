//! Every bound of the reader, and the counters of those that hold for a whole load.
//!
//! A Compose file may come from anywhere: no file may make the reader use memory or time out of
//! proportion to its size.

/// The longest file that is read.
pub const FILE_BYTES_MAX: usize = 4 << 20;
/// Files read for one app, each time anew: Compose files, those they include or extend, and files
/// of variables.
pub const FILES_MAX: usize = 500;
/// Values of all files together, once aliases are followed and short forms expanded.
pub const NODES_MAX: usize = 200_000;
/// Bytes of text of all files together, once aliases are followed and variables filled in.
pub const TEXT_BYTES_MAX: usize = 32 << 20;
/// Levels that YAML may nest.
pub const DEPTH_MAX: usize = 64;
/// Services that extend each other in one chain, and files that include each other in one chain.
pub const CHAIN_MAX: usize = 32;
/// Diagnostics that are kept; a broken file needs no more to be repaired.
pub const DIAGNOSTICS_MAX: usize = 200;

/// The values and bytes that a load may still use.
#[derive(Debug)]
pub(crate) struct Budget {
    files: usize,
    nodes: usize,
    text: usize,
}

/// The bound that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`FILE_BYTES_MAX`]
    FileBytes,
    /// [`FILES_MAX`]
    Files,
    /// [`NODES_MAX`]
    Nodes,
    /// [`TEXT_BYTES_MAX`]
    TextBytes,
    /// [`DEPTH_MAX`]
    Depth,
    /// [`CHAIN_MAX`]
    Chain,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::FileBytes => write!(f, "a file longer than {FILE_BYTES_MAX} bytes"),
            Self::Files => write!(f, "more than {FILES_MAX} files for one app"),
            Self::Nodes => write!(
                f,
                "more than {NODES_MAX} values once aliases are followed and ranges expanded"
            ),
            Self::TextBytes => write!(
                f,
                "more than {TEXT_BYTES_MAX} bytes of text once aliases are followed and variables filled in"
            ),
            Self::Depth => write!(f, "values nested more than {DEPTH_MAX} levels deep"),
            Self::Chain => write!(f, "a chain of more than {CHAIN_MAX} services or files"),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            files: FILES_MAX,
            nodes: NODES_MAX,
            text: TEXT_BYTES_MAX,
        }
    }
}

impl Budget {
    pub(crate) fn file(&mut self) -> Result<(), Limit> {
        spend(&mut self.files, 1, Limit::Files)
    }

    pub(crate) fn nodes(&mut self, count: usize) -> Result<(), Limit> {
        spend(&mut self.nodes, count, Limit::Nodes)
    }

    pub(crate) fn text(&mut self, bytes: usize) -> Result<(), Limit> {
        spend(&mut self.text, bytes, Limit::TextBytes)
    }
}

fn spend(left: &mut usize, amount: usize, limit: Limit) -> Result<(), Limit> {
    match left.checked_sub(amount) {
        Some(rest) => {
            *left = rest;
            Ok(())
        }
        None => {
            *left = 0;
            Err(limit)
        }
    }
}
