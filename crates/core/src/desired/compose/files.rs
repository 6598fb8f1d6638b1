//! The files that an app's templates become, and what they are rendered from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Work;
use crate::layout::Layout;
use crate::manifest::{Encoding, Manifest};
use crate::name::AppId;
use crate::quadlet::hex;
use crate::template;

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
    pub(super) fn rendered_files(&self) -> Result<BTreeMap<PathBuf, String>, String> {
        let none = BTreeMap::new();
        let secrets_of = |id: &AppId| self.inputs.secrets.get(id).unwrap_or(&none);
        let context = template::Context {
            app: template::AppContext { id: self.id },
            settings: &self.manifest.settings,
            secrets: secrets_of(self.id),
            captures: self.captures()?,
            apps: self
                .manifest
                .extension
                .requires
                .apps
                .iter()
                .filter_map(|id| {
                    let other = template::OtherApp {
                        settings: &self.apps.manifest(id)?.settings,
                        secrets: secrets_of(id),
                    };
                    Some((id.as_str(), other))
                })
                .collect(),
        };
        let mut files = BTreeMap::new();
        for template in &self.manifest.extension.templates {
            let folder = self.inputs.definition_folder(self.id);
            let file = folder.join(&template.source);
            let name = file.display().to_string();
            let content = self.definition().get(&template.source).ok_or_else(|| {
                format!("{name} is missing, but x-archipelago.templates names it")
            })?;
            let source = content
                .text()
                .ok_or_else(|| format!("{name} is not UTF-8 text"))?;
            let rendered =
                template::render(&name, source, &context).map_err(|error| error.to_string())?;
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

    fn captures(&self) -> Result<BTreeMap<&str, String>, String> {
        let paths = capture_paths(&self.inputs.layout, self.id, self.manifest);
        let mut captures = BTreeMap::new();
        for (name, capture) in &self.manifest.extension.captures {
            let content = paths
                .get(name)
                .and_then(|path| self.inputs.captured.get(path));
            let captured = match (content, capture.encoding) {
                (None, _) => String::new(),
                (Some(bytes), Encoding::Hex) => hex(bytes),
                (Some(bytes), Encoding::Text) => std::str::from_utf8(bytes)
                    .map_err(|_| {
                        format!("the captured file {name} is not UTF-8 text; use `encoding: hex`")
                    })?
                    .trim_end_matches('\n')
                    .to_owned(),
            };
            captures.insert(name.as_str(), captured);
        }
        Ok(captures)
    }
}
