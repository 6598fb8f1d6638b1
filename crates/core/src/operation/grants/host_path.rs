//! Judges mounts of paths of this host: what a container can reach through each, and which paths no
//! app may mount. A path that goes over links counts as their target.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use crate::desired::HostFacts;
use crate::layout::Layout;
use crate::name::AppId;

/// A path of this host that an app mounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPath {
    pub exposes: Exposure,
    /// The path, without links.
    pub path: PathBuf,
    pub read_only: bool,
    /// The path in the manifest, if it goes over a link.
    pub link: Option<PathBuf>,
    /// The treatment of a path that does not exist; `None` if it exists.
    pub if_missing: Option<IfMissing>,
}

/// The treatment of a path that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IfMissing {
    /// The folder is made, as in Compose.
    Make,
    /// It looks like a file, and a folder in its place would only mislead the app.
    RefuseFile,
    /// It is the system's business.
    Leave,
}

impl HostPath {
    /// The path in the manifest.
    pub(super) fn written(&self) -> &Path {
        self.link.as_deref().unwrap_or(&self.path)
    }
}

/// The things that a container can reach through a mounted path, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exposure {
    /// The path contains the user's home, or a folder of Archipelago or systemd.
    Everything,
    /// Hidden files of the user's home, such as keys, settings and start files of shells.
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
            exposes,
            path,
            read_only,
            link,
            if_missing,
        } = self;
        let verb = if *read_only {
            "read"
        } else {
            "read and change"
        };
        write!(formatter, "{verb} {}", path.display())?;
        if let Some(link) = link {
            write!(formatter, " (to which the link {} leads)", link.display())?;
        }
        if *if_missing == Some(IfMissing::Make) {
            formatter.write_str(" (a folder that is made now)")?;
        }
        formatter.write_str(match exposes {
            Exposure::Everything if *read_only => {
                ": this user's own files or the secrets of apps are in it"
            }
            Exposure::Everything => {
                ": the files that start this user's programs are in it, so it may do all that this user may"
            }
            Exposure::Home => ": this user's own keys and settings are there",
            Exposure::Sockets => ": it can control programs through the sockets there",
            Exposure::System => ": devices and running programs are visible there",
            Exposure::Plain => "",
        })
    }
}

/// The folders of this host by which mounts are judged.
pub(super) struct Host<'a> {
    pub layout: &'a Layout,
    pub found: &'a HostFacts,
}

impl Host<'_> {
    /// A path of the host as a mount names it.
    pub(super) fn on_host(&self, path: &str) -> String {
        self.layout.on_host(path).display().to_string()
    }

    /// A mounted path, from the text of the manifest; `None` for Podman's socket.
    pub(super) fn path(&self, source: &str, read_only: bool) -> Option<HostPath> {
        let written = plain(source);
        let path = self.end(&written);
        let is_plain = !self.is_podman_socket(&path);
        let exposes = self.exposure(&path);
        let is_missing = self.found.missing.contains(&written);
        is_plain.then(|| HostPath {
            exposes,
            if_missing: is_missing.then(|| if_missing(&path, exposes)),
            link: (path != written).then_some(written),
            path,
            read_only,
        })
    }

    /// The reason why this app may never mount the path.
    pub(super) fn refuses(&self, app: &AppId, source: &str) -> Option<String> {
        let Layout {
            home: _,
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
                "no app may mount the folders from which Archipelago and systemd start programs, nor anything in them"
                    .to_owned(),
            );
        }
        let own = [self.layout.volumes(app), self.layout.files(app)];
        if lies_in(data) && !own.iter().any(lies_in) {
            return Some(
                "no app may mount the data, secrets or rendered files of other apps; an app offers them under `x-archipelago.exports`"
                    .to_owned(),
            );
        }
        if lies_in(runtime) && !self.is_podman_socket(&path) {
            let socket = Layout::podman_socket_in(runtime);
            return Some(format!(
                "no app may mount the folder of this user's sockets, nor anything in it but {}",
                socket.display()
            ));
        }
        None
    }

    fn end(&self, path: &Path) -> PathBuf {
        let trail = self.found.trails.get(path).and_then(|trail| trail.last());
        trail.map_or_else(|| path.to_owned(), Clone::clone)
    }

    /// Whether a folder, or a link on its way, is in the path or is the path itself.
    fn is_reached(&self, path: &Path, folder: &Path) -> bool {
        let trail = self.found.trails.get(folder).into_iter().flatten();
        let mut points = trail.map(PathBuf::as_path).chain([folder]);
        points.any(|point| point.starts_with(path))
    }

    fn is_podman_socket(&self, path: &Path) -> bool {
        path == Layout::podman_socket_in(&self.end(&self.layout.runtime))
    }

    fn exposure(&self, path: &Path) -> Exposure {
        let mut folders = self.layout.folders().into_iter();
        if folders.any(|folder| self.is_reached(path, folder)) {
            return Exposure::Everything;
        }
        let inside_home = path.strip_prefix(self.end(&self.layout.home));
        if inside_home.is_ok_and(|inside| inside.components().any(is_dotted)) {
            return Exposure::Home;
        }
        let is_in = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
        let is_socket = path
            .extension()
            .is_some_and(|extension| extension == "sock" || extension == "socket");
        if is_socket || is_in(&["/run", "/var/run"]) {
            return Exposure::Sockets;
        }
        if is_in(&["/dev", "/proc", "/sys"]) {
            return Exposure::System;
        }
        Exposure::Plain
    }
}

/// The path without double slashes and single dots.
fn plain(source: &str) -> PathBuf {
    Path::new(source).components().collect()
}

fn if_missing(path: &Path, exposes: Exposure) -> IfMissing {
    // `conf.d` and `v1.2` are names of folders.
    let is_extension = |extension: &str| {
        extension.len() > 1 && extension.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    let extension = path.extension().and_then(|extension| extension.to_str());
    match exposes {
        Exposure::Everything | Exposure::Sockets | Exposure::System => IfMissing::Leave,
        Exposure::Home | Exposure::Plain if extension.is_some_and(is_extension) => {
            IfMissing::RefuseFile
        }
        Exposure::Home | Exposure::Plain => IfMissing::Make,
    }
}

fn is_dotted(component: Component<'_>) -> bool {
    matches!(component, Component::Normal(name) if name.as_encoded_bytes().starts_with(b"."))
}
