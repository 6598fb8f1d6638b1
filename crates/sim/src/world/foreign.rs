//! Files and objects of others, with names that begin like ours.

use std::collections::BTreeSet;
use std::path::PathBuf;

use archipelago_core::layout::Layout;

use crate::host::disk::{Bytes, Disk};
use crate::host::podman::{Object, Podman};

/// The files and objects that must stay as they are.
#[derive(Clone, Debug, Default)]
pub struct Foreign {
    files: Vec<(PathBuf, Bytes)>,
    /// Podman's objects: kind and name.
    objects: BTreeSet<(&'static str, String)>,
}

impl Foreign {
    /// Adds some of each kind to the host.
    pub(crate) fn add(layout: &Layout, disk: &mut Disk, podman: &mut Podman) -> Self {
        let mut foreign = Self::default();
        let files = [
            (
                layout.unit("archy-stranger.container"),
                "[Container]\nImage=x\n",
            ),
            (
                layout.systemd.join("archy-shop.service.d/own.conf"),
                "[Service]\nNice=5\n",
            ),
            (layout.data.join("volumes/stranger/data"), "theirs"),
        ];
        for (path, text) in files {
            disk.put(&path, text.as_bytes(), 0o644);
            foreign.files.push((path, text.as_bytes().into()));
        }
        for kind in ["image", "container", "network", "volume", "secret"] {
            let name = format!("archy-shop-stranger-{kind}");
            let objects = podman.objects_mut(kind);
            objects.insert(name.clone(), Object::default());
            foreign.objects.insert((kind, name));
        }
        foreign
    }

    pub(crate) fn containers(&self) -> impl Iterator<Item = &String> {
        let objects = self.objects.iter();
        objects
            .filter(|(kind, _)| *kind == "container")
            .map(|(_, name)| name)
    }

    /// A sentence about the first changed file or object, which is not checked any more afterwards.
    pub(crate) fn take_changed(&mut self, disk: &Disk, podman: &Podman) -> Option<String> {
        let mut files = self.files.iter();
        let file = files.position(|(path, content)| {
            !disk.is_unmounted(path) && disk.read(path).as_ref() != Some(content)
        });
        if let Some(at) = file {
            let (path, _) = self.files.remove(at);
            return Some(format!("the foreign file {} was changed", path.display()));
        }
        let changed = self.objects.iter().find(|(kind, name)| {
            let object = podman.objects(kind).get(name);
            object.is_none_or(|object| object.label.is_some())
        });
        let changed = changed.cloned()?;
        self.objects.remove(&changed);
        Some(format!(
            "the foreign {} {} was changed",
            changed.0, changed.1
        ))
    }

    /// `podman system prune` may remove objects of others that nothing uses.
    pub(crate) fn allow_pruned(&mut self, podman: &Podman) {
        self.objects.retain(|(kind, name)| match *kind {
            "image" | "network" | "volume" => podman.objects(kind).contains_key(name),
            _ => true,
        });
    }

    /// `podman system reset` removes all objects.
    pub(crate) fn allow_reset(&mut self) {
        self.objects.clear();
    }
}
