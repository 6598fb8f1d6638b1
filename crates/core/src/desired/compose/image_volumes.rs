//! The paths that an image declares as volumes and that nothing else is mounted at: each gets a
//! volume of ours.

use std::collections::BTreeSet;

use super::Work;
use crate::image_facts::{ImageFacts, normal};
use crate::manifest::{Service, volume_at};

/// A volume that a service has because of its image.
pub(super) struct ImageVolume {
    /// Its name, as if the manifest declared it.
    pub(super) name: String,
    /// The path in the container.
    pub(super) target: String,
}

impl Work<'_> {
    /// As Podman does it, a mount at a folder above covers nothing: the declared path is a mount of
    /// its own inside it.
    pub(super) fn image_volumes(
        &self,
        name: &str,
        service: &Service,
        facts: &ImageFacts,
    ) -> Vec<ImageVolume> {
        let mounts = service.mounts.iter().map(|mount| mount.target.as_str());
        let tmpfs = service.tmpfs.iter().map(|tmpfs| {
            let path = tmpfs.split_once(':');
            path.map_or(tmpfs.as_str(), |(path, _)| path)
        });
        let templates = self.manifest.extension.templates.iter();
        let rendered = templates
            .filter(|template| template.service == name)
            .map(|template| template.target.as_str());
        let taken: BTreeSet<String> = mounts
            .chain(tmpfs)
            .chain(rendered)
            .filter_map(normal)
            .collect();
        let free = facts.volumes.iter().filter(|path| !taken.contains(*path));
        free.map(|path| ImageVolume {
            name: volume_at(name, path),
            target: path.clone(),
        })
        .collect()
    }
}
