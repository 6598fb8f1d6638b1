//! The source of a service's image: `image` and `build`.

use std::collections::BTreeMap;

use compose::model;

use super::Work;
use super::keys::{BUILD, left_out};
use crate::image::Platform;
use crate::manifest::build::{Build, ImageSource};
use crate::manifest::folder::{Location, locate};

impl Work<'_, '_> {
    pub(super) fn platform(&mut self, text: &str) -> Option<Platform> {
        // Other names of the same.
        let text = text.replace("x86_64", "amd64").replace("aarch64", "arm64");
        let platform = Platform::parse(&text).filter(|platform| platform.os == "linux");
        if platform.is_none() {
            self.report.error(
                &self.trail.key("platform"),
                "expected a platform of Linux, such as linux/arm64",
            );
        }
        platform
    }

    /// The reader has checked that there is one of the two, or a provider instead.
    pub(super) fn image(
        &mut self,
        image: Option<&str>,
        build: Option<&model::Build>,
    ) -> Option<ImageSource> {
        let image = image.map(str::to_owned);
        match build {
            Some(build) => self.build(build, image).map(ImageSource::Build),
            None => image.map(ImageSource::Reference),
        }
    }

    fn build(&mut self, source: &model::Build, fallback: Option<String>) -> Option<Build> {
        let model::Build {
            context,
            dockerfile,
            dockerfile_inline,
            entitlements,
            args,
            provenance,
            sbom,
            ssh,
            labels,
            cache_from: _,
            cache_to: _,
            no_cache: _,
            no_cache_filter: _,
            additional_contexts,
            pull,
            extra_hosts,
            isolation,
            network,
            target,
            secrets,
            shm_size,
            tags,
            ulimits,
            platforms,
            privileged,
            extensions: _,
        } = source;
        let at = self.trail.key("build");
        for (key, is_written) in [
            ("entitlements", !entitlements.is_empty()),
            ("provenance", provenance.is_some()),
            ("sbom", sbom.is_some()),
            ("ssh", !ssh.0.is_empty()),
            ("labels", !labels.0.is_empty()),
            ("additional_contexts", !additional_contexts.0.is_empty()),
            ("pull", *pull),
            ("extra_hosts", !extra_hosts.0.is_empty()),
            ("isolation", isolation.is_some()),
            ("network", network.is_some()),
            ("secrets", !secrets.is_empty()),
            ("shm_size", shm_size.0 != 0),
            ("tags", !tags.is_empty()),
            ("ulimits", !ulimits.is_empty()),
            ("platforms", !platforms.is_empty()),
            ("privileged", *privileged),
        ] {
            left_out(self.report, BUILD, &at, key, is_written);
        }
        let context = match folder(context.as_deref().unwrap_or_default()) {
            Ok(context) => context,
            Err(problem) => {
                let at = match self.report.places.is_written(&at.key("context")) {
                    true => at.key("context"),
                    false => at,
                };
                self.report.error(&at, problem.to_string());
                return None;
            }
        };
        // Without the key, a file of either name is looked for.
        let file = at.key("dockerfile");
        let containerfile = match dockerfile {
            Some(path) if self.report.places.is_written(&file) => match named(path) {
                Ok(path) => Some(path),
                Err(problem) => {
                    self.report.error(&file, problem.to_string());
                    return None;
                }
            },
            _ => None,
        };
        let args = args.0.iter();
        let args: BTreeMap<String, String> = args
            .map(|(name, value)| (name.clone(), value.clone().unwrap_or_default()))
            .collect();
        Some(Build {
            context,
            containerfile,
            inline: dockerfile_inline.clone(),
            args,
            target: target.clone(),
            fallback,
        })
    }
}

/// A path of a build that is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum PathProblem {
    #[error("this path leads out of the app's folder")]
    OutOfApp,
    #[error("a folder from elsewhere is not fetched; copy it into the app's folder")]
    Elsewhere,
    #[error("this path leads out of the folder that the image is built from")]
    OutOfContext,
    #[error(
        "a Containerfile whose name ends with .in can include files of this host; remove its preprocessor directives and rename it"
    )]
    Preprocessed,
}

/// A folder of the app, the whole of it (the empty text), or one beside it, which the loader brings
/// along under its own name.
fn folder(path: &str) -> Result<String, PathProblem> {
    match locate(path) {
        Location::Inside(folder) => Ok(folder.to_owned()),
        Location::Beside(folder) => Ok(folder.to_owned()),
        Location::Outside => Err(PathProblem::OutOfApp),
        Location::Elsewhere(path) if path.starts_with('/') => Err(PathProblem::OutOfApp),
        Location::Elsewhere(_) => Err(PathProblem::Elsewhere),
    }
}

/// The path of a Containerfile in the context.
fn named(path: &str) -> Result<String, PathProblem> {
    let path = inside(path)?;
    // Podman runs the C preprocessor on such a file, and `#include` reads any file of the user.
    if path.ends_with(".in") {
        return Err(PathProblem::Preprocessed);
    }
    Ok(path)
}

/// A path inside the context, as it is written.
fn inside(path: &str) -> Result<String, PathProblem> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if path.starts_with('/') || parts.contains(&"..") || parts.is_empty() {
        return Err(PathProblem::OutOfContext);
    }
    Ok(parts.join("/"))
}
