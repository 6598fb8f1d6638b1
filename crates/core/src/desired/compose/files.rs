//! The files that an app's templates become, and what they are rendered from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Work;
use crate::desired::error::Error;
use crate::hex::hex;
use crate::layout::Layout;
use crate::manifest::{Encoding, Manifest};
use crate::name::AppId;
use crate::template;

static NO_SECRETS: BTreeMap<String, String> = BTreeMap::new();

/// The files that an app's captures name.
pub(in crate::desired) fn capture_paths(
    layout: &Layout,
    id: &AppId,
    manifest: &Manifest,
) -> BTreeMap<String, PathBuf> {
    manifest
        .extension
        .captures
        .iter()
        .map(|(name, capture)| {
            (
                name.clone(),
                layout.volumes(id).join(&capture.volume).join(&capture.path),
            )
        })
        .collect()
}

impl Work<'_> {
    pub(super) fn rendered_files(&self) -> Result<BTreeMap<PathBuf, String>, Error> {
        let context = template::Context {
            app: template::AppContext { id: self.id },
            settings: &self.manifest.settings,
            secrets: self.inputs.secrets.get(self.id).unwrap_or(&NO_SECRETS),
            captures: self.captures(self.id, self.manifest, |_| true)?,
            apps: self.other_apps()?,
        };
        let mut files = BTreeMap::new();
        for template in &self.manifest.extension.templates {
            let folder = self.inputs.definition_folder(self.id);
            let file = folder.join(&template.source);
            let name = file.display().to_string();
            let content = self.definition().get(&template.source);
            let content = content.ok_or_else(|| Error::NoTemplate { file: name.clone() })?;
            let source = content.text();
            let source = source.ok_or_else(|| Error::NotText { file: name.clone() })?;
            let rendered = template::render(&name, source, &context)?;
            let stem = self.manifest.container(&template.service);
            files.insert(
                self.inputs
                    .layout
                    .rendered(&stem)
                    .join(template.file_name()),
                rendered,
            );
        }
        Ok(files)
    }

    /// The apps that this one requires.
    fn other_apps(&self) -> Result<BTreeMap<&AppId, template::OtherApp<'_>>, Error> {
        let mut others = BTreeMap::new();
        for id in &self.manifest.extension.requires.apps {
            let Some(manifest) = self.apps.manifest(id) else {
                continue;
            };
            let other = template::OtherApp {
                exports: &manifest.extension.exports,
                settings: &manifest.settings,
                secrets: self.inputs.secrets.get(id).unwrap_or(&NO_SECRETS),
                captures: self.captures(id, manifest, |name| {
                    manifest.extension.exports.files.contains(name)
                })?,
            };
            others.insert(id, other);
        }
        Ok(others)
    }

    fn captures<'a>(
        &self,
        id: &AppId,
        manifest: &'a Manifest,
        is_read: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<&'a str, String>, Error> {
        let paths = capture_paths(&self.inputs.layout, id, manifest);
        let mut captures = BTreeMap::new();
        let read = manifest.extension.captures.iter();
        for (name, capture) in read.filter(|(name, _)| is_read(name)) {
            let path = paths.get(name);
            let unreadable = path.and_then(|path| self.inputs.found.unreadable.get(path));
            if let Some(cause) = unreadable {
                // Rendered as if it were absent, what is shown or reached with it would be gone.
                return Err(Error::Capture {
                    app: id.clone(),
                    name: name.clone(),
                    cause: Box::new(cause.clone()),
                });
            }
            let content = path.and_then(|path| self.inputs.captured.get(path));
            let captured = match (content, capture.encoding) {
                (None, _) => String::new(),
                (Some(bytes), Encoding::Hex) => hex(bytes),
                (Some(bytes), Encoding::Text) => std::str::from_utf8(bytes)
                    .map_err(|_| Error::CaptureNotText {
                        app: id.clone(),
                        name: name.clone(),
                    })?
                    .trim_end_matches('\n')
                    .to_owned(),
            };
            captures.insert(name.as_str(), captured);
        }
        Ok(captures)
    }
}
