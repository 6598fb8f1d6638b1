//! The keys `image` and `build` of a service.

use std::collections::BTreeMap;

use super::field::Field;
use super::mount::relative;
use super::{Files, ManifestError};
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

pub(super) fn read_image(field: &Field<'_>) -> Result<ImageSource, ManifestError> {
    match (field.get("build"), field.get("image")) {
        (Some(build), image) => Ok(ImageSource::Build(Build {
            otherwise: image.map(|image| image.text()).transpose()?,
            ..Build::read(&build)?
        })),
        (None, Some(image)) => Ok(ImageSource::Reference(image.text()?)),
        (None, None) => Err(field.error("needs `image` or `build`")),
    }
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

    fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let mut build = Self {
            context: String::new(),
            containerfile: None,
            args: BTreeMap::new(),
            target: None,
            otherwise: None,
        };
        if !field.is_map() {
            build.context = context(field)?;
            return Ok(build);
        }
        build.context = context(&field.required("context")?)?;
        field.each(|key, value| {
            match key {
                "context" => {}
                "dockerfile" => build.containerfile = Some(containerfile(value)?),
                "args" => build.args = value.pairs()?,
                "target" => build.target = Some(value.text()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(build)
    }
}

fn containerfile(field: &Field<'_>) -> Result<String, ManifestError> {
    let path = relative(field, &field.text()?)?;
    // Podman runs the C preprocessor on such a file, and `#include` reads any file of the user.
    if path.ends_with(".in") {
        return Err(field.error(
            "a Containerfile whose name ends with .in can include files of this host; remove its preprocessor directives and rename it",
        ));
    }
    Ok(path)
}

/// A folder of the app, the whole of it (`.`, which becomes the empty text), or one beside it
/// (`../shared-ui`), which the loader brings along under its own name.
fn context(field: &Field<'_>) -> Result<String, ManifestError> {
    let text = field.text()?;
    if matches!(text.as_str(), "." | "./") {
        return Ok(String::new());
    }
    let inside = text.strip_prefix("../").unwrap_or(&text);
    relative(field, inside)
}
