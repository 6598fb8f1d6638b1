//! The source of a service's image.

use std::collections::BTreeMap;

use super::Files;
use crate::file::File;

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

impl Build {
    /// The Containerfile among the files of the app, and its path there.
    #[must_use]
    pub fn containerfile<'a>(&self, files: &'a Files) -> Option<(&'a str, &'a File)> {
        let candidates = match &self.containerfile {
            Some(path) => std::slice::from_ref(path),
            None => &["Containerfile".to_owned(), "Dockerfile".to_owned()],
        };
        let mut paths = candidates.iter().map(|path| self.inside() + path);
        paths
            .find_map(|path| files.get_key_value(&path))
            .map(|(path, file)| (path.as_str(), file))
    }

    /// The beginning of the paths of the context's files among the files of the app.
    #[must_use]
    pub fn inside(&self) -> String {
        match self.context.as_str() {
            // The whole folder is the commonest context of all.
            "" => String::new(),
            folder => format!("{folder}/"),
        }
    }
}
