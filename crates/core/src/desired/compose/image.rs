//! Where the image of a service comes from.

use sha2::{Digest, Sha256};

use super::Work;
use crate::desired::{BuildContext, DesiredImage, Origin};
use crate::image::Reference;
use crate::manifest::{Build, Files, ImageSource, Service};
use crate::quadlet::hex;

impl Work<'_> {
    pub(super) fn image(&self, name: &str, service: &Service) -> Result<DesiredImage, String> {
        match &service.image {
            ImageSource::Reference(text) => {
                let (reference, without_tls) = self.pulled(name, text)?;
                Ok(DesiredImage {
                    reference,
                    origin: Origin::Pull { without_tls },
                })
            }
            ImageSource::Build(build) => {
                let context = self.build_context(name, build)?;
                let tag = digest_of(&context);
                Ok(DesiredImage {
                    reference: Reference::local(
                        &self.manifest.container(name).to_ascii_lowercase(),
                        &tag,
                    ),
                    origin: Origin::Build(Box::new(context)),
                })
            }
        }
    }

    /// What this node uses for an image that the manifest names, and whether without TLS.
    fn pulled(&self, name: &str, text: &str) -> Result<(Reference, bool), String> {
        let written =
            Reference::parse(text).map_err(|error| format!("services.{name}.image: {error}"))?;
        let reference = self.config.images.get(&written).cloned().unwrap_or(written);
        let without_tls = self.config.image_uses_insecure_registry(&reference);
        Ok((reference, without_tls))
    }

    fn build_context(&self, name: &str, build: &Build) -> Result<BuildContext, String> {
        // The whole folder is the commonest context of all.
        let inside = match build.context.as_str() {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        let files: Files = self
            .definition()
            .iter()
            .filter_map(|(path, content)| {
                Some((path.strip_prefix(&inside)?.to_owned(), content.clone()))
            })
            .collect();
        if files.is_empty() {
            return Err(format!(
                "services.{name}.build: the folder of its context is missing or empty"
            ));
        }
        let candidates: &[&str] = match &build.containerfile {
            Some(path) => &[path.as_str()],
            None => &["Containerfile", "Dockerfile"],
        };
        let containerfile = candidates
            .iter()
            .find(|path| files.contains_key(**path))
            .ok_or_else(|| {
                let wanted = match &build.containerfile {
                    Some(_) => "file of the name that `dockerfile` gives",
                    None => "Containerfile or Dockerfile",
                };
                format!("services.{name}.build: there is no {wanted} in its context")
            })?;
        Ok(BuildContext {
            containerfile: (*containerfile).to_owned(),
            args: build.args.clone(),
            target: build.target.clone(),
            otherwise: build
                .otherwise
                .as_ref()
                .map(|text| self.pulled(name, text))
                .transpose()?,
            files,
        })
    }
}

/// A tag that changes whenever the build would.
fn digest_of(context: &BuildContext) -> String {
    let BuildContext {
        files,
        containerfile,
        args,
        target,
        // Where else it could come from does not change what it is.
        otherwise: _,
    } = context;
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    part(containerfile.as_bytes());
    part(target.as_deref().unwrap_or_default().as_bytes());
    for (name, value) in args {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    for (path, content) in files {
        part(path.as_bytes());
        part(content);
    }
    hex(&digest.finalize()[..6])
}
