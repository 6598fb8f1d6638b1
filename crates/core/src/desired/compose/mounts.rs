//! The mounts of a container: volumes, folders of the node, and parts of the definition.

use std::collections::BTreeSet;
use std::path::Path;

use super::Work;
use super::image_volumes::ImageVolume;
use crate::desired::app::{Present, Role};
use crate::desired::error::Error;
use crate::layout::Layout;
use crate::manifest::{Files, MountSource, Service};
use crate::quadlet::{self, Kind, ServiceSection, Unit};
use crate::release::ReleaseId;

impl Work<'_> {
    pub(super) fn volume_unit(&self, volume: &str, folder: &Path) -> Result<Unit, Error> {
        Ok(Unit {
            stem: self.id.volume(volume),
            unit: self.described(&format!(
                "{} volume {volume}",
                self.manifest.extension.title
            )),
            kind: Kind::Volume(quadlet::Volume {
                name: self.id.volume(volume),
                folder: Some(text(folder)?),
                labels: self.labels(),
            }),
            service: ServiceSection::default(),
            starts_at_boot: false,
        })
    }

    pub(super) fn add_volume(&self, present: &mut Present, volume: &str) -> Result<(), Error> {
        let folder = self.inputs.layout.volumes(self.id).join(volume);
        let unit = self.volume_unit(volume, &folder)?;
        self.add(present, &unit, Role::Volume(self.id.volume(volume)), &[])?;
        present.folders.insert(folder);
        Ok(())
    }

    pub(super) fn add_image_volume(
        &self,
        present: &mut Present,
        container: &mut quadlet::Container,
        volume: &ImageVolume,
    ) -> Result<(), Error> {
        self.add_volume(present, &volume.name)?;
        container.volumes.push(quadlet::VolumeMount {
            source: format!("{}.volume", self.id.volume(&volume.name)),
            target: volume.target.clone(),
            read_only: false,
            no_copy: false,
            relabel: true,
        });
        Ok(())
    }

    /// Podman's names of the volumes that a service mounts.
    pub(super) fn volumes_of(&self, service: &Service) -> Vec<String> {
        let volumes: BTreeSet<String> = service
            .mounts
            .iter()
            .filter_map(|mount| match &mount.source {
                MountSource::Volume(volume) => Some(self.id.volume(volume)),
                MountSource::External(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        volumes.into_iter().collect()
    }

    /// Those of them that are no app's.
    pub(super) fn foreign_volumes(service: &Service) -> BTreeSet<String> {
        let sources = service.mounts.iter().map(|mount| &mount.source);
        let foreign = sources.filter_map(|source| match source {
            MountSource::External(name) => Some(name.clone()),
            _ => None,
        });
        foreign.collect()
    }

    pub(super) fn add_mounts(
        &self,
        present: &mut Present,
        container: &mut quadlet::Container,
        inputs: &mut Vec<Vec<u8>>,
        name: &str,
        service: &Service,
    ) -> Result<(), Error> {
        let layout = &self.inputs.layout;
        for mount in &service.mounts {
            let (source, relabel) = match &mount.source {
                MountSource::Volume(volume) => (format!("{}.volume", self.id.volume(volume)), true),
                // Its labels are its owner's business, as those of a folder of the operator's.
                MountSource::External(name) => (name.clone(), false),
                MountSource::Data(path) => {
                    let folder = layout.files(self.id).join(path);
                    let source = text(&folder)?;
                    if let Some(owner) = service.owner().filter(|_| !mount.read_only) {
                        present.owners.entry(folder.clone()).or_insert(owner);
                    }
                    present.folders.insert(folder);
                    (source, true)
                }
                MountSource::Definition(path) => {
                    (self.stored(present, path, self.beneath(path))?, true)
                }
                MountSource::Config { name, file } => {
                    let path = format!("configs/{name}");
                    let files = Files::from([(path.clone(), file.clone())]);
                    (self.stored(present, &path, files)?, true)
                }
                MountSource::PodmanSocket => (text(&layout.podman_socket())?, false),
                // The operator's own folder: its labels are the operator's business.
                MountSource::Host(path) => (text(&layout.on_host(path))?, false),
            };
            container.volumes.push(quadlet::VolumeMount {
                source,
                target: mount.target.clone(),
                read_only: mount.read_only,
                no_copy: mount.no_copy,
                relabel,
            });
        }
        let stem = self.manifest.container(name);
        for file in self
            .manifest
            .extension
            .templates
            .iter()
            .filter(|template| template.service == name)
        {
            let path = layout.rendered(&stem).join(file.file_name());
            if let Some(content) = present.files.get(&path) {
                inputs.push(content.as_bytes().to_vec());
            }
            container.volumes.push(quadlet::VolumeMount {
                source: text(&path)?,
                target: file.target.clone(),
                read_only: true,
                no_copy: false,
                relabel: true,
            });
        }
        Ok(())
    }

    /// Where a file or folder is that is stored for mounts, beside the releases of definitions.
    fn stored(&self, present: &mut Present, path: &str, files: Files) -> Result<String, Error> {
        let release = ReleaseId::of_mounted(&files);
        let source = text(&self.inputs.layout.release(&release).join(path))?;
        present.mounted.insert(release, files);
        Ok(source)
    }

    /// A file of the definition, or all files in a folder of it.
    pub(super) fn beneath(&self, path: &str) -> Files {
        let inside = format!("{path}/");
        let files = self.definition().iter();
        let files = files.filter(|(name, _)| *name == path || name.starts_with(&inside));
        files
            .map(|(name, file)| (name.clone(), file.clone()))
            .collect()
    }
}

fn text(path: &Path) -> Result<String, Error> {
    Ok(Layout::text(path)?.to_owned())
}
