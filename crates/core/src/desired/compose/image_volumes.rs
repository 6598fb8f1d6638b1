//! The paths that an image declares as volumes and that nothing else is mounted at: each gets a
//! volume of ours.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::Work;
use crate::hex::hex;
use crate::image_facts::{ImageFacts, normal};
use crate::manifest::Service;

/// Longer names are cut: systemd takes a unit's name of 255 bytes.
const NAME_MAX: usize = 40;

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
            name: volume_name(name, path),
            target: path.clone(),
        })
        .collect()
    }
}

/// A name by which a person finds the folder, with a part of a hash so that no other path or volume
/// has it.
fn volume_name(service: &str, path: &str) -> String {
    let readable: String = path
        .chars()
        .skip(1)
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(NAME_MAX)
        .collect();
    let hash = hex(&Sha256::digest(format!("{service}:{path}"))[..4]);
    format!("{service}-{readable}-{hash}")
}
