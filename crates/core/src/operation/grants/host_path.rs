//! What a mount of a path of this host shows to a container, and which paths no app may mount.
//!
//! A path counts as the place to which its links lead.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use crate::layout::Layout;
use crate::name::AppId;

/// A path of this host that an app mounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPath {
    pub shows: Shows,
    /// Where it is.
    pub path: PathBuf,
    pub read_only: bool,
    /// The path in the manifest, if that leads here over a link.
    pub link: Option<PathBuf>,
}

/// What can be reached through a mounted path, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shows {
    /// Podman's own socket.
    Podman,
    /// The folders of this user, or of Archipelago, lie in it.
    Everything,
    /// Hidden files of the user's home: keys, settings, what a shell runs.
    Home,
    /// Sockets of programs.
    Sockets,
    /// The kernel's files and the devices.
    System,
    Plain,
}

/// Completes "it may …".
impl fmt::Display for HostPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            shows,
            path,
            read_only,
            link,
        } = self;
        let verb = if *read_only {
            "read"
        } else {
            "read and change"
        };
        write!(formatter, "{verb} {}", path.display())?;
        if let Some(link) = link {
            write!(formatter, " (to which {} leads)", link.display())?;
        }
        formatter.write_str(match shows {
            Shows::Everything if *read_only => {
                ": this user's own files and the secrets of all apps lie in it"
            }
            Shows::Everything => {
                ": what this user's programs are started from lies in it, so it may do all that this user may"
            }
            Shows::Home => ": this user's own keys and settings lie there",
            Shows::Podman | Shows::Sockets => ": through sockets there it can control programs",
            Shows::System => ": the devices and all running programs show there",
            Shows::Plain => "",
        })
    }
}

/// The paths of this host, as far as mounts are judged by them.
pub(super) struct Host<'a> {
    pub layout: &'a Layout,
    /// Where paths lead that go over links, as in [`Found::trails`](crate::desired::Found).
    pub trails: &'a BTreeMap<PathBuf, Vec<PathBuf>>,
}

impl Host<'_> {
    /// A mounted path, `source` being the text of the manifest.
    pub(super) fn path(&self, source: &str, read_only: bool) -> HostPath {
        let written = plain(source);
        let path = self.end(&written);
        HostPath {
            shows: self.shows(&path),
            link: (path != written).then_some(written),
            path,
            read_only,
        }
    }

    /// Why this app may not mount the path, whatever a person agrees to.
    pub(super) fn refuses(&self, app: &AppId, source: &str) -> Option<String> {
        let Layout {
            config,
            data,
            units,
            systemd,
            runtime,
        } = self.layout;
        let path = self.end(&plain(source));
        let lies_in = |folder: &PathBuf| path.starts_with(self.end(folder));
        if [config, units, systemd].into_iter().any(lies_in) {
            return Some(
                "no app may mount the folders that Archipelago and systemd start programs from, nor anything in them"
                    .to_owned(),
            );
        }
        let own = [self.layout.volumes(app), self.layout.files(app)];
        if lies_in(data) && !own.iter().any(lies_in) {
            return Some(
                "no app may mount the data, secrets or rendered files of others; an app offers them under `x-archipelago.exports`"
                    .to_owned(),
            );
        }
        if lies_in(runtime) && self.shows(&path) != Shows::Podman {
            let socket = podman_socket(runtime);
            return Some(format!(
                "no app may mount the folder of this user's sockets, nor anything in it but {}",
                socket.display()
            ));
        }
        None
    }

    fn end(&self, path: &Path) -> PathBuf {
        let trail = self.trails.get(path).and_then(|trail| trail.last());
        trail.map_or_else(|| path.to_owned(), Clone::clone)
    }

    fn shows(&self, path: &Path) -> Shows {
        let Layout {
            config,
            data,
            units,
            systemd,
            runtime,
        } = self.layout;
        if path == podman_socket(&self.end(runtime)) {
            return Shows::Podman;
        }
        let home = home(units);
        let own = [config, data, units, systemd, runtime].map(PathBuf::as_path);
        let mut all = own.into_iter().chain(home);
        if all.any(|folder| folder.starts_with(path) || self.end(folder).starts_with(path)) {
            return Shows::Everything;
        }
        let is_hidden = home
            .and_then(|home| path.strip_prefix(home).ok())
            .is_some_and(|inside| inside.components().any(is_dotted));
        if is_hidden {
            return Shows::Home;
        }
        let is_in = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
        let is_socket = path
            .extension()
            .is_some_and(|extension| extension == "sock" || extension == "socket");
        if is_socket || is_in(&["/run", "/var/run"]) {
            return Shows::Sockets;
        }
        if is_in(&["/dev", "/proc", "/sys"]) {
            return Shows::System;
        }
        Shows::Plain
    }
}

/// Podman's socket of this user (podman-system-service(1)).
fn podman_socket(runtime: &Path) -> PathBuf {
    runtime.join("podman/podman.sock")
}

/// Without double slashes and single dots.
fn plain(source: &str) -> PathBuf {
    Path::new(source).components().collect()
}

/// The user's home: what is above the first hidden folder of Quadlet's
/// (`~/.config/containers/systemd`).
fn home(units: &Path) -> Option<&Path> {
    let hidden = units.ancestors().filter(|folder| {
        let last = folder.components().next_back();
        last.is_some_and(is_dotted)
    });
    hidden.last()?.parent()
}

fn is_dotted(component: Component<'_>) -> bool {
    matches!(component, Component::Normal(name) if name.as_encoded_bytes().starts_with(b"."))
}
