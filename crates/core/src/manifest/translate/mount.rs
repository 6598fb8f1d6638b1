//! Mounts: volumes, files of the app, folders of the node, memory.

use compose::Trail;
use compose::model::{self, BindOptions, MountTmpfs, MountVolume};

use super::Work;
use super::volume::{self, Kind};
use crate::manifest::file_name::looks_like_a_file;
use crate::manifest::folder::{Location, locate};
use crate::manifest::mount::volume_at;
use crate::manifest::service::Service;
use crate::manifest::{Files, Mount, MountSource};
use crate::name::{NameError, check_part};

/// Why something cannot be mounted. A source may be the value of a setting, so it is not quoted.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("expected volume, bind or tmpfs")]
    Kind,
    #[error(
        "the files of an image cannot be mounted; let a job of that image copy them into a volume (`service_completed_successfully`)"
    )]
    Image,
    #[error("this is the app's folder itself; name a file or folder in it")]
    OwnFolder,
    #[error("this path is in the home of another user; write the absolute path")]
    Home,
    #[error("this path leads out of the app's folder")]
    Outside,
    #[error("this path has `..` in it; write the path without")]
    Dots,
    #[error("a path with a colon cannot be mounted; rename the folder")]
    Colon,
    #[error("this is no path of Linux; start it with `/` or `./`")]
    NotOfLinux,
    #[error(
        "this looks like a file, and the app's folder has none of that name; put it there, from where it is mounted read-only, or mount the folder in which the container is to write it"
    )]
    NoFile,
}

impl Work<'_, '_> {
    pub(super) fn mounts(&mut self, service: &mut Service, source: &[model::Mount]) {
        for (index, mount) in source.iter().enumerate() {
            let at = self.trail.key("volumes").item(index);
            self.mount(service, mount, &at);
        }
    }

    fn mount(&mut self, service: &mut Service, mount: &model::Mount, at: &Trail) {
        let model::Mount {
            kind,
            source,
            target,
            read_only,
            consistency: _,
            bind,
            volume: options,
            tmpfs,
            image: _,
            extensions: _,
        } = mount;
        if !target.starts_with('/') {
            self.report
                .error(at, "the path in the container must be absolute");
            return;
        }
        self.options(bind.as_ref(), options.as_ref(), at);
        let mut read_only = *read_only;
        let found = match (kind.as_str(), source.as_deref()) {
            ("volume", Some(name)) => {
                let found = self.project.volumes.get(name);
                match found.map(|found| volume::kind(name, found)) {
                    Some(Ok(Kind::External(name))) => Ok(MountSource::External(name)),
                    Some(Ok(Kind::Folder {
                        path,
                        read_only: all,
                    })) => {
                        read_only |= all;
                        bound(&path, target, self.report.folder.files)
                    }
                    Some(Ok(Kind::Memory(options))) => {
                        service.tmpfs.push(with_options(target, &options));
                        return;
                    }
                    // The declaration of the volume reports its own faults.
                    Some(Err(_)) => return,
                    Some(Ok(Kind::Own)) | None => self.volume(name),
                }
            }
            ("volume", None) => {
                let name = volume_at(self.name, target);
                self.volumes.insert(name.clone());
                Ok(MountSource::Volume(name))
            }
            ("bind", Some(path)) => bound(path, target, self.report.folder.files),
            ("tmpfs", _) => {
                service.tmpfs.push(memory(target, tmpfs.as_ref()));
                return;
            }
            ("image", _) => Err(Problem::Image),
            _ => Err(Problem::Kind),
        };
        if let Ok(MountSource::Definition(path)) = &found
            && !read_only
            && self.report.folder.files.contains_key(path)
        {
            read_only = true;
            self.report.warn(
                at,
                "mounted read-only, because this file comes with the app; for a file that the container is to write, mount its folder",
            );
        }
        match found {
            Ok(MountSource::Definition(_)) if !read_only => self.report.error(
                at,
                "this folder comes with the app, so mount it read-only (`:ro`): what the container writes belongs into a volume",
            ),
            Ok(source) => {
                let (file, place) = self.report.place(at);
                let is_volume =
                    matches!(source, MountSource::Volume(_) | MountSource::External(_));
                service.mounts.push(Mount {
                    source,
                    target: target.clone(),
                    read_only,
                    no_copy: is_volume && options.as_ref().is_some_and(|options| options.nocopy),
                    file,
                    place,
                    key: at.to_string(),
                });
            }
            Err(problem) => self.report.error(at, problem.to_string()),
        }
    }

    /// `use_api_socket`: Podman's socket where programs look for Docker's.
    pub(super) fn api_socket(&mut self, service: &mut Service) {
        const TARGET: &str = "/var/run/docker.sock";
        if service.mounts.iter().any(|mount| mount.target == TARGET) {
            return;
        }
        let at = self.trail.key("use_api_socket");
        let (file, place) = self.report.place(&at);
        service.mounts.push(Mount {
            source: MountSource::PodmanSocket,
            target: TARGET.to_owned(),
            read_only: false,
            no_copy: false,
            file,
            place,
            key: at.to_string(),
        });
    }

    fn volume(&self, name: &str) -> Result<MountSource, Problem> {
        check_part("a volume", name)?;
        Ok(MountSource::Volume(name.to_owned()))
    }

    fn options(&mut self, bind: Option<&BindOptions>, volume: Option<&MountVolume>, at: &Trail) {
        if let Some(bind) = bind {
            let BindOptions {
                // Relabelling for SELinux is done for what lies in the data directory anyway.
                selinux: _,
                propagation,
                // A folder of the app is made; one of the node when a person agrees to it.
                create_host_path: _,
                recursive,
                extensions: _,
            } = bind;
            let is_default = matches!(propagation.as_deref(), None | Some("rprivate" | "private"));
            if !is_default {
                self.report.error(
                    at,
                    "this mount option is not supported: mounts are not passed on between node and container; there are ro and rw",
                );
            }
            if recursive.is_some() {
                self.report.error(
                    &at.key("bind").key("recursive"),
                    "a folder is mounted with all that is mounted in it; remove this key",
                );
            }
        }
        if let Some(volume) = volume {
            let MountVolume {
                labels: _,
                // Of the mount.
                nocopy: _,
                subpath,
                extensions: _,
            } = volume;
            if subpath.is_some() {
                self.report.error(
                    &at.key("volume").key("subpath"),
                    "a part of a volume cannot be mounted; make it a volume of its own",
                );
            }
        }
    }
}

fn bound(path: &str, target: &str, files: &Files) -> Result<MountSource, Problem> {
    match locate(path) {
        Location::Inside("") => Err(Problem::OwnFolder),
        Location::Inside(inside) if inside == "~" || inside.starts_with("~/") => {
            Ok(MountSource::Host(inside.to_owned()))
        }
        Location::Inside(inside) if inside.starts_with('~') => Err(Problem::Home),
        Location::Inside(inside) => of_the_app(inside, target, files),
        Location::Beside(_) | Location::Outside => Err(Problem::Outside),
        // Behind a link, `..` leads elsewhere than it reads.
        Location::Elsewhere(path) if path.split('/').any(|part| part == "..") => Err(Problem::Dots),
        Location::Elsewhere(path) if !path.starts_with('/') => Err(Problem::NotOfLinux),
        Location::Elsewhere(path) if is_engine_socket(path) => Ok(MountSource::PodmanSocket),
        // Podman takes the text after a colon for the path in the container.
        Location::Elsewhere(path) if path.contains(':') => Err(Problem::Colon),
        Location::Elsewhere(path) => Ok(MountSource::Host(path.to_owned())),
    }
}

/// Whether a path is where a Docker or a Podman has its socket, whoever's: an app that asks for it
/// gets that of this user's Podman, which answers Docker's commands too. A Compose file may name it
/// by `XDG_RUNTIME_DIR`, which is empty here.
fn is_engine_socket(path: &str) -> bool {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let inside = match parts.as_slice() {
        ["run", "user", id, inside @ ..] if id.bytes().all(|byte| byte.is_ascii_digit()) => inside,
        ["var", "run", inside @ ..] | ["run", inside @ ..] => inside,
        inside => inside,
    };
    matches!(inside, ["docker.sock"] | ["podman", "podman.sock"])
}

/// A file or folder that comes with the app, or a folder of its data. A folder that is made in
/// place of a file would be mounted as one, and the program not find its file.
fn of_the_app(path: &str, target: &str, files: &Files) -> Result<MountSource, Problem> {
    let inside = format!("{path}/");
    let known = files.contains_key(path) || files.keys().any(|file| file.starts_with(&inside));
    if known {
        return Ok(MountSource::Definition(path.to_owned()));
    }
    match looks_like_a_file(path) || looks_like_a_file(target) {
        true => Err(Problem::NoFile),
        false => Ok(MountSource::Data(path.to_owned())),
    }
}

fn memory(target: &str, options: Option<&MountTmpfs>) -> String {
    let size = options.map(|options| options.size.0);
    let mode = options.map(|options| options.mode);
    let size = size
        .filter(|size| *size > 0)
        .map(|size| format!("size={size}"));
    let mode = mode
        .filter(|mode| *mode > 0)
        .map(|mode| format!("mode={mode:o}"));
    let options: Vec<String> = size.into_iter().chain(mode).collect();
    with_options(target, &options)
}

fn with_options(target: &str, options: &[String]) -> String {
    match options.is_empty() {
        true => target.to_owned(),
        false => format!("{target}:{}", options.join(",")),
    }
}
