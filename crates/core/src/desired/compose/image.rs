//! The image of a service: pulled under its reference on this node, or built from the app's folder.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Work;
use crate::containerfile;
use crate::desired::app::{BaseSource, BuildContext, DesiredImage, Origin};
use crate::desired::error::Error;
use crate::file::{File, FileMode};
use crate::hex::hex;
use crate::image::{Platform, Reference};
use crate::intent::Intent;
use crate::manifest::{Build, Files, ImageSource, Service};

impl Work<'_> {
    pub(super) fn image(&self, name: &str, service: &Service) -> Result<DesiredImage, Error> {
        match &service.image {
            ImageSource::Reference(text) => {
                let (reference, without_tls) = self.pulled(name, text)?;
                Ok(DesiredImage {
                    reference,
                    origin: Origin::Pull {
                        without_tls,
                        platform: service.platform.clone(),
                    },
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

    /// The reference that this node uses for an image in the manifest, and whether it is pulled
    /// without TLS.
    fn pulled(&self, name: &str, text: &str) -> Result<(Reference, bool), Error> {
        let written = Reference::parse(text).map_err(|source| Error::Image {
            service: name.to_owned(),
            source,
        })?;
        let used = self.config.images.get(&written).unwrap_or(&written);
        let reference = self.pinned(used).clone();
        let without_tls = self.config.image_uses_insecure_registry(&reference);
        Ok((reference, without_tls))
    }

    fn with_sources(
        &self,
        bases: BTreeMap<String, Option<Platform>>,
    ) -> BTreeMap<String, BaseSource> {
        let bases = bases.into_iter().map(|(name, platform)| {
            let without_tls = Reference::parse(&name)
                .is_ok_and(|reference| self.config.image_uses_insecure_registry(&reference));
            let source = BaseSource {
                platform,
                without_tls,
            };
            (name, source)
        });
        bases.collect()
    }

    fn intent(&self) -> Option<&Intent> {
        self.inputs.intents.get(self.id)?.as_ref().ok()
    }

    /// The image by the digest that the app is held to, if it is.
    fn pinned<'b>(&'b self, reference: &'b Reference) -> &'b Reference {
        self.intent()
            .and_then(|intent| intent.images.get(reference))
            .unwrap_or(reference)
    }

    fn build_context(&self, name: &str, build: &Build) -> Result<BuildContext, Error> {
        let inside = build.inside();
        let mut files: Files = self
            .definition()
            .iter()
            .filter_map(|(path, file)| Some((path.strip_prefix(&inside)?.to_owned(), file.clone())))
            .collect();
        if files.is_empty() {
            return Err(Error::NoContext {
                service: name.to_owned(),
            });
        }
        let (containerfile, file) = build.containerfile(self.definition()).ok_or_else(|| {
            let service = name.to_owned();
            match &build.containerfile {
                Some(_) => Error::NoSuchContainerfile { service },
                None => Error::NoContainerfile { service },
            }
        })?;
        files.insert(containerfile.clone(), file.clone());
        let text = file.text().unwrap_or_default();
        let bases = containerfile::bases(text, &build.args, build.target.as_deref());
        let intent = self.intent();
        let changed_bases = intent
            .map(|intent| intent.bases.clone())
            .unwrap_or_default();
        let changed_bases = changed_bases
            .into_iter()
            .filter(|(name, _)| bases.contains_key(name));
        Ok(BuildContext {
            changed_bases: changed_bases.collect(),
            bases: self.with_sources(bases),
            containerfile,
            args: build.args.clone(),
            target: build.target.clone(),
            fallback: build
                .fallback
                .as_ref()
                .map(|text| self.pulled(name, text))
                .transpose()?,
            files,
        })
    }
}

/// A tag that changes whenever the build would.
///
/// Version 0.1.0 hashed arguments ambiguously and ignored file modes. A build that its hash
/// identified without ambiguity (no arguments, no target, default modes) keeps that tag, so that
/// updating Archipelago rebuilds nothing. Every other hash starts with an empty part, which no
/// 0.1.0 hash has.
fn digest_of(context: &BuildContext) -> String {
    let BuildContext {
        files,
        containerfile,
        args,
        target,
        changed_bases,
        // They are in the Containerfile.
        bases: _,
        // Another source of the image does not change what is built.
        fallback: _,
    } = context;
    let mut parts = Parts(Sha256::new());
    let has_tag_of_0_1_0 = args.is_empty()
        && target.is_none()
        && changed_bases.is_empty()
        && files.values().all(has_mode_of_0_1_0);
    if has_tag_of_0_1_0 {
        parts.add(containerfile.as_bytes());
        parts.add(b"");
        for (path, file) in files {
            parts.add(path.as_bytes());
            parts.add(&file.content);
        }
        return parts.tag();
    }
    parts.add(b"");
    if !changed_bases.is_empty() {
        // Other builds have the path of the Containerfile in this place, which is not empty.
        parts.add(b"");
        parts.add_count(changed_bases.len());
        for (name, digest) in changed_bases {
            parts.add(name.as_bytes());
            parts.add(digest.as_str().as_bytes());
        }
    }
    parts.add(containerfile.as_bytes());
    parts.add_count(target.iter().len());
    parts.add(target.as_deref().unwrap_or_default().as_bytes());
    parts.add_count(args.len());
    for (name, value) in args {
        parts.add(name.as_bytes());
        parts.add(value.as_bytes());
    }
    for (path, file) in files {
        parts.add(path.as_bytes());
        parts.add(&file.mode.bits().to_le_bytes());
        parts.add(&file.content);
    }
    parts.tag()
}

/// Version 0.1.0 made a file executable if it began with `#!`, and readable by all.
fn has_mode_of_0_1_0(file: &File) -> bool {
    let FileMode {
        executable,
        private,
    } = file.mode;
    executable == file.content.starts_with(b"#!") && !private
}

/// Bytes to hash, each part with its length.
struct Parts(Sha256);

impl Parts {
    fn add(&mut self, bytes: &[u8]) {
        self.add_count(bytes.len());
        self.0.update(bytes);
    }

    fn add_count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }

    fn tag(self) -> String {
        hex(&self.0.finalize()[..6])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ImageDigest;

    /// 0.1.0 gave these tags. The images that bear them are on people's nodes.
    #[test]
    fn a_build_that_0_1_0_told_apart_keeps_its_tag() {
        let context = build(&[
            ("Containerfile", "FROM x\n", 0o644),
            ("run", "#!/bin/sh\n", 0o755),
        ]);
        assert_eq!(digest_of(&context), "7eec51ddc1f3");
    }

    #[test]
    fn no_two_builds_share_a_tag() {
        let containerfile = ("Containerfile", "FROM x\n", 0o644);
        let plain = || build(&[containerfile]);
        let with = |change: fn(&mut BuildContext)| {
            let mut context = plain();
            change(&mut context);
            context
        };
        let file = |path: &'static str, text: &'static str, bits| {
            build(&[containerfile, (path, text, bits)])
        };
        let argument = |context: &mut BuildContext, name: &str, value: &str| {
            context.args.insert(name.to_owned(), value.to_owned());
        };
        let renew = |context: &mut BuildContext, name: &str, digit: &str| {
            let digest = ImageDigest::parse(&format!("sha256:{}", digit.repeat(64))).unwrap();
            context.changed_bases.insert(name.to_owned(), digest);
        };
        let builds = [
            plain(),
            with(|context| context.target = Some("x".to_owned())),
            {
                let mut context = plain();
                renew(&mut context, "x", "a");
                context
            },
            {
                let mut context = plain();
                renew(&mut context, "x", "b");
                context
            },
            {
                let mut context = plain();
                renew(&mut context, "x", "a");
                renew(&mut context, "y", "a");
                context
            },
            with(|context| context.target = Some(String::new())),
            with(|context| context.target = Some("Containerfile".to_owned())),
            with(|context| drop(context.args.insert("A".to_owned(), "B".to_owned()))),
            file("A", "B", 0o644),
            file("A", "B", 0o755),
            file("A", "B", 0o600),
            file("A", "#!B", 0o644),
            file("A", "#!B", 0o755),
            with(|context| {
                context.args.insert("A".to_owned(), "B".to_owned());
                context.target = Some("A".to_owned());
            }),
            {
                // Each argument could stand for a file.
                let mut context = build(&[("C", "D", 0o644), containerfile]);
                argument(&mut context, "A", "B");
                context
            },
            {
                let mut context = plain();
                argument(&mut context, "A", "B");
                argument(&mut context, "C", "D");
                context
            },
        ];
        for (at, context) in builds.iter().enumerate() {
            for other in &builds[at + 1..] {
                assert_ne!(
                    digest_of(context),
                    digest_of(other),
                    "{context:?} and {other:?}"
                );
            }
        }
    }

    fn build(files: &[(&str, &str, u32)]) -> BuildContext {
        BuildContext {
            files: files
                .iter()
                .map(|(path, text, bits)| {
                    let file = File {
                        content: text.as_bytes().into(),
                        mode: FileMode::of_bits(*bits),
                    };
                    ((*path).to_owned(), file)
                })
                .collect(),
            containerfile: "Containerfile".to_owned(),
            args: BTreeMap::new(),
            target: None,
            bases: BTreeMap::new(),
            changed_bases: BTreeMap::new(),
            fallback: None,
        }
    }
}
