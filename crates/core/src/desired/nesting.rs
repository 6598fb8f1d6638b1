//! Refuses a mount whose source lies beneath a folder that a container can write.
//!
//! A container can replace anything in a folder that it writes by a symbolic link, and Podman
//! follows that link at the next start, with the rights of the operator. The same source mounted
//! twice is fine: nothing can be replaced above it. A container that can write the folders from
//! which systemd starts the operator's programs can do all that the operator can, so a link gives
//! it nothing more: it is not judged here, but is to be agreed to before it is installed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::apps::Apps;
use super::inputs::Inputs;
use crate::layout::Layout;
use crate::manifest::{Manifest, ManifestError, Mount, MountSource};
use crate::name::AppId;

/// The mounts of an app, as they appear on the node.
struct Source<'a> {
    app: &'a AppId,
    mount: &'a Mount,
    path: PathBuf,
}

/// Every path on the node that a mount of these apps names, and the folders by which they are
/// judged.
pub(super) fn paths(layout: &Layout, apps: &Apps) -> Vec<PathBuf> {
    let own = layout.folders().into_iter().map(Path::to_owned);
    let mounted = sources(layout, apps).into_iter().flat_map(|source| {
        let top = source.top(layout);
        top.into_iter().chain([source.path])
    });
    own.chain(mounted).collect()
}

impl Source<'_> {
    /// Of a folder inside a folder of the app's files, the outer one: an earlier version of the app
    /// may have let a container write it.
    fn top(&self, layout: &Layout) -> Option<PathBuf> {
        let MountSource::Data(path) = &self.mount.source else {
            return None;
        };
        let (first, _) = path.split_once('/')?;
        Some(layout.files(self.app).join(first))
    }
}

/// The apps that cannot be accepted for this, each with the first cause.
pub(super) fn refusals(inputs: &Inputs, apps: &Apps) -> BTreeMap<AppId, ManifestError> {
    let sources = sources(&inputs.layout, apps);
    let judge = Judge { inputs };
    let mut writers: BTreeMap<PathBuf, &Source<'_>> = BTreeMap::new();
    for source in sources.iter().filter(|source| judge.is_judged(source)) {
        writers.entry(judge.end(&source.path)).or_insert(source);
    }
    let mut refusals = BTreeMap::new();
    for source in &sources {
        let cause = judge
            .nested(source, &writers)
            .or_else(|| judge.leads_away(source))
            .or_else(|| judge.holds_ours(source));
        if let Some(cause) = cause {
            refusals.entry(source.app.clone()).or_insert(cause);
        }
    }
    refusals
}

fn sources<'a>(layout: &Layout, apps: &'a Apps) -> Vec<Source<'a>> {
    let mounts = |manifest: &'a Manifest| {
        let services = manifest.services.values();
        services.flat_map(|service| &service.mounts)
    };
    apps.manifests()
        .flat_map(|(id, manifest)| mounts(manifest).map(move |mount| (id, mount)))
        .filter_map(|(id, mount)| {
            Some(Source {
                app: id,
                mount,
                path: path_of(layout, id, mount)?,
            })
        })
        .collect()
}

/// The path on the node of a mount's source. Only Podman knows that of a volume that is no app's.
fn path_of(layout: &Layout, id: &AppId, mount: &Mount) -> Option<PathBuf> {
    let path = match &mount.source {
        MountSource::Volume(volume) => layout.volumes(id).join(volume),
        MountSource::Data(path) => layout.files(id).join(path),
        MountSource::External(_) => return None,
        MountSource::Definition(path) => layout.definition(id).join(path),
        MountSource::Config { name, .. } => layout.definition(id).join("configs").join(name),
        MountSource::PodmanSocket => layout.podman_socket(),
        MountSource::Host(path) => layout.on_host(path),
    };
    // Without double slashes and single dots.
    Some(path.components().collect())
}

/// The source of a mount as the person wrote it.
fn written(mount: &Mount) -> String {
    match &mount.source {
        MountSource::Volume(volume) | MountSource::External(volume) => {
            format!("the volume {volume}")
        }
        MountSource::Data(path) | MountSource::Definition(path) => format!("./{path}"),
        MountSource::Config { name, .. } => format!("the config {name}"),
        MountSource::PodmanSocket => "Podman's socket".to_owned(),
        MountSource::Host(path) => path.clone(),
    }
}

/// Whether only root can make, remove and replace files in a folder (file-hierarchy(7)). Then no
/// container of a user can replace it, although the folder above is mounted writable.
fn is_of_the_system(folder: &Path) -> bool {
    const SYSTEM: [&str; 8] = [
        "/boot", "/dev", "/etc", "/proc", "/run", "/sys", "/var/lib", "/var/run",
    ];
    SYSTEM.iter().any(|system| folder == Path::new(system))
}

struct Judge<'a> {
    inputs: &'a Inputs,
}

impl Judge<'_> {
    /// Each link on the way of a path, then the path that it leads to.
    fn trail(&self, path: &Path) -> Vec<PathBuf> {
        let known = self.inputs.found.trails.get(path);
        known.cloned().unwrap_or_else(|| vec![path.to_owned()])
    }

    fn end(&self, path: &Path) -> PathBuf {
        self.trail(path).pop().unwrap_or_else(|| path.to_owned())
    }

    /// Whether the mount is writable and does not already give all the operator's rights.
    fn is_judged(&self, source: &Source<'_>) -> bool {
        let Layout {
            units,
            systemd,
            runtime,
            ..
        } = &self.inputs.layout;
        let end = self.end(&source.path);
        let is_all = [units, systemd, runtime]
            .into_iter()
            .any(|folder| folder.starts_with(&end));
        !source.mount.read_only && !is_all
    }

    fn nested(
        &self,
        source: &Source<'_>,
        writers: &BTreeMap<PathBuf, &Source<'_>>,
    ) -> Option<ManifestError> {
        self.trail(&source.path).into_iter().find_map(|point| {
            let mut above = point.ancestors().skip(1);
            if point.parent().is_some_and(is_of_the_system) {
                return None;
            }
            let writer = above.find_map(|folder| writers.get(folder))?;
            Some(self.nested_in(source, &point, writer))
        })
    }

    fn nested_in(&self, source: &Source<'_>, point: &Path, writer: &Source<'_>) -> ManifestError {
        let inner = written(source.mount);
        let led = if point == source.path {
            String::new()
        } else {
            format!("leads through {}, which ", point.display())
        };
        let by = if writer.app == source.app {
            format!("{} (line {})", writer.mount.key, writer.mount.place.line)
        } else {
            format!("{} of the app {}", self.place_of(writer), writer.app)
        };
        self.error(
            source,
            format!(
                "{inner} {led}lies in {}, which {by} lets a container write: the container could replace it by a link to any \
                 place, and Podman would follow the link. Mount {} read-only (`:ro`), or move one of the two out of the other",
                written(writer.mount),
                written(writer.mount),
            ),
        )
    }

    /// A link inside a folder that a container may have written before.
    fn leads_away(&self, source: &Source<'_>) -> Option<ManifestError> {
        let top = self.end(&source.top(&self.inputs.layout)?);
        let trail = self.trail(&source.path);
        let (_, links) = trail.split_last()?;
        let link = links
            .iter()
            .find(|link| **link != top && link.starts_with(&top))?;
        Some(self.error(
            source,
            format!(
                "{} leads over the link {}, which a container may have put there. Remove the link, or mount a folder beside it",
                written(source.mount),
                link.display()
            ),
        ))
    }

    /// A container that writes Archipelago's own folders could mislead Archipelago. Apps may write
    /// their own volumes and files inside them.
    fn holds_ours(&self, source: &Source<'_>) -> Option<ManifestError> {
        let MountSource::Host(_) = source.mount.source else {
            return None;
        };
        if !self.is_judged(source) {
            return None;
        }
        let end = self.end(&source.path);
        let Layout { data, config, .. } = &self.inputs.layout;
        let own = [data, config].into_iter().find(|folder| {
            let holds = self
                .trail(folder)
                .iter()
                .any(|point| point.starts_with(&end));
            holds || self.is_within(&end, folder)
        })?;
        Some(self.error(
            source,
            format!(
                "a container must not write {}, where Archipelago keeps the files that it starts apps with. Mount it read-only (`:ro`), or \
                 mount another folder",
                own.display()
            ),
        ))
    }

    /// Whether a path lies in a folder of ours and is not of an app's own data there.
    fn is_within(&self, path: &Path, folder: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(self.end(folder)) else {
            return false;
        };
        let parts: Vec<_> = inside.iter().collect();
        let is_data =
            matches!(parts.as_slice(), [kind, _, _, ..] if *kind == "volumes" || *kind == "files");
        !(is_data && *folder == self.inputs.layout.data)
    }

    fn place_of(&self, source: &Source<'_>) -> String {
        let Mount {
            file, place, key, ..
        } = source.mount;
        format!("{file}:{}:{}: {key}", place.line, place.column)
    }

    fn error(&self, source: &Source<'_>, problem: String) -> ManifestError {
        let Mount {
            file, place, key, ..
        } = source.mount;
        ManifestError::new(file, *place, key, problem)
    }
}
