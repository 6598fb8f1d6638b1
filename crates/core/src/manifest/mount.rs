//! Mounts of a service: named volumes, files of the app's folder, folders of the data directory or
//! of the node.

use sha2::{Digest, Sha256};

use super::field::Field;
use super::{ManifestError, Place};
use crate::file::File;
use crate::hex::hex;

/// Longer names are cut: systemd takes a unit's name of 255 bytes.
const NAME_MAX: usize = 40;

/// One mount of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub source: MountSource,
    /// The absolute path in the container.
    pub target: String,
    /// Whether the container may not write to it.
    pub read_only: bool,
    /// Whether a volume stays empty that is empty, instead of getting the image's files.
    pub no_copy: bool,
    /// The file that says so, as the person knows it, and the place in it, for errors that are
    /// found later.
    pub file: String,
    pub place: Place,
    /// The path of its key, such as `services.web.volumes[0]`.
    pub key: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// A named volume of the app.
    Volume(String),
    /// A volume of Podman's that is no app's, by its name.
    External(String),
    /// A file or folder that came with the app, relative to its folder.
    Definition(String),
    /// A config of this name whose text, or whose mode, is told by the Compose file.
    Config { name: String, file: File },
    /// A folder under the app's part of the data directory, created when absent.
    Data(String),
    /// The socket through which this user's Podman takes commands.
    PodmanSocket,
    /// A path on the node, which must exist: absolute, or in the operator's home (`~/films`).
    Host(String),
}

/// The name of the volume at a path that is given without a volume's name, by `volumes` or by the
/// image: one by which a person finds the folder, with a part of a hash so that no other path or
/// volume has it.
pub(crate) fn volume_at(service: &str, path: &str) -> String {
    let readable: String = path
        .chars()
        .skip(1)
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(NAME_MAX)
        .collect();
    let hash = hex(&Sha256::digest(format!("{service}:{path}"))[..4]);
    format!("{service}-{readable}-{hash}")
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
