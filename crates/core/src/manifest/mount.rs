//! Mounts of a service: named volumes, files of the app's folder, folders of the data directory or
//! of the node.

use super::field::Field;
use super::{Files, ManifestError, Place};
use crate::name::check_part;

/// One mount of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub source: MountSource,
    /// The absolute path in the container.
    pub target: String,
    /// Whether the container may not write to it.
    pub read_only: bool,
    /// The place in the Compose file, for errors that are found later.
    pub place: Place,
    /// The path of its key, such as `services.web.volumes[0]`.
    pub key: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// A named volume of the app.
    Volume(String),
    /// A file or folder that came with the app, relative to its folder.
    Definition(String),
    /// A folder under the app's part of the data directory, created when absent.
    Data(String),
    /// An absolute path on the node, which must exist.
    Host(String),
}

impl Mount {
    pub(super) fn read(field: &Field<'_>, files: &Files) -> Result<Self, ManifestError> {
        let mount = if field.is_map() {
            Self::read_long(field, files)?
        } else {
            Self::read_short(field, files)?
        };
        if !mount.target.starts_with('/') {
            return Err(field.error("the path in the container must be absolute"));
        }
        if matches!(mount.source, MountSource::Definition(_)) && !mount.read_only {
            return Err(field.error(
                "this file comes with the app, so mount it read-only (`:ro`): what the container writes belongs into a volume",
            ));
        }
        Ok(mount)
    }

    fn read_short(field: &Field<'_>, files: &Files) -> Result<Self, ManifestError> {
        let text = field.text()?;
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, options) = match parts.as_slice() {
            [source, target] => (*source, *target, ""),
            [source, target, options] => (*source, *target, *options),
            [_] => {
                return Err(field.error(
                    "an anonymous volume is lost with its container; name it: `data:/path`, and declare `data` under `volumes`",
                ));
            }
            _ => {
                return Err(field.error("there are too many colons; use SOURCE:TARGET[:ro]"));
            }
        };
        let mut read_only = false;
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option {
                "ro" => read_only = true,
                // Relabelling for SELinux is done for what lies in the data directory anyway.
                "rw" | "z" | "Z" => {}
                _ => {
                    return Err(
                        field.error("this mount option is not supported; there are ro and rw")
                    );
                }
            }
        }
        Ok(Self {
            source: MountSource::read(field, source, files)?,
            target: target.to_owned(),
            read_only,
            place: field.place(),
            key: field.path().to_owned(),
        })
    }

    fn read_long(field: &Field<'_>, files: &Files) -> Result<Self, ManifestError> {
        let kind = field.required("type")?;
        let source_field = field.required("source")?;
        let source = source_field.text()?;
        let target = field.required("target")?.text()?;
        let mut read_only = false;
        field.each(|key, value| {
            match key {
                "type" | "source" | "target" => {}
                "read_only" => read_only = value.boolean()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let source = match kind.text()?.as_str() {
            "volume" => MountSource::volume(&source_field, &source)?,
            "bind" if source.starts_with(['/', '.']) => {
                MountSource::read(&source_field, &source, files)?
            }
            "bind" => {
                return Err(source_field
                    .error("a bind mount's source is a path: start it with `/` or `./`"));
            }
            _ => {
                return Err(
                    kind.error("expected volume or bind; for a tmpfs use the service's `tmpfs`")
                );
            }
        };
        Ok(Self {
            source,
            target,
            read_only,
            place: field.place(),
            key: field.path().to_owned(),
        })
    }
}

impl MountSource {
    fn read(field: &Field<'_>, text: &str, files: &Files) -> Result<Self, ManifestError> {
        if text.starts_with('/') {
            // Behind a link, `..` leads elsewhere than it reads.
            if text.split('/').any(|part| part == "..") {
                return Err(field.error("this path has `..` in it; write the path without"));
            }
            // Podman takes the text after a colon for the path in the container.
            if text.contains(':') {
                return Err(field.error("a path with a colon cannot be mounted; rename the folder"));
            }
            Ok(Self::Host(text.to_owned()))
        } else if text.starts_with('.') {
            let path = relative(field, text)?;
            let inside = format!("{path}/");
            let known =
                files.contains_key(&path) || files.keys().any(|file| file.starts_with(&inside));
            Ok(if known {
                Self::Definition(path)
            } else {
                Self::Data(path)
            })
        } else if text.starts_with('~') {
            Err(field.error("`~` means another place for every user; write the absolute path"))
        } else {
            Self::volume(field, text)
        }
    }

    fn volume(field: &Field<'_>, text: &str) -> Result<Self, ManifestError> {
        check_part("a volume", text).map_err(|error| field.error(error.to_string()))?;
        Ok(Self::Volume(text.to_owned()))
    }
}

/// A path inside the app's folder: `./a/b` becomes `a/b`; nothing leads out of it.
pub(super) fn relative(field: &Field<'_>, text: &str) -> Result<String, ManifestError> {
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(field.error("this path leads out of the app's folder")),
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err(field.error("this is the app's folder itself; name a file or folder in it"));
    }
    Ok(parts.join("/"))
}
