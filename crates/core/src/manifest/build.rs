//! The source of a service's image.

use std::collections::BTreeMap;

/// The source of a service's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// A reference to pull.
    Reference(String),
    /// A folder to build.
    Build(Build),
}

/// A local build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The folder, relative to the app's folder; empty for the whole of it.
    pub context: String,
    /// The Containerfile in it; `None` looks for `Containerfile`, then `Dockerfile`.
    pub containerfile: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The stage to build.
    pub target: Option<String>,
    /// The image to pull when it cannot be built: the service's `image`.
    pub otherwise: Option<String>,
}
