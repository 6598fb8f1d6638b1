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
    /// The text of the Containerfile, where that stands in the Compose file.
    pub inline: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The stage to build.
    pub target: Option<String>,
    /// The image to pull when it cannot be built: the service's `image`.
    pub fallback: Option<String>,
}

/// The name in the context of a Containerfile that stands in the Compose file.
const INLINE: &str = ".dockerfile_inline";

impl Build {
    /// The path of the Containerfile in the context, and the file. `files` are those of the app.
    #[must_use]
    pub fn containerfile(&self, files: &Files) -> Option<(String, File)> {
        if let Some(text) = &self.inline {
            return Some((INLINE.to_owned(), text.as_bytes().into()));
        }
        let candidates = match &self.containerfile {
            Some(path) => std::slice::from_ref(path),
            None => &["Containerfile".to_owned(), "Dockerfile".to_owned()],
        };
        candidates.iter().find_map(|path| {
            let file = files.get(&(self.inside() + path))?;
            Some((path.clone(), file.clone()))
        })
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
