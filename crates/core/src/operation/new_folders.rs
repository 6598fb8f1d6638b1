//! Folders of this host that an app mounts and that are not there.
//!
//! They are made when a person agrees to the right to them, and at no other time: later, a folder
//! that is missing may be on a disk that is not mounted, and an empty one in its place would look
//! to the app as if everything had been removed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::layout::Layout;
use crate::manifest::{Manifest, MountSource};
use crate::owner::Owner;

use super::Refusal;
use super::grants::{Grants, IfMissing};

/// The folders to make, each with the user that should be able to write to it.
pub(super) fn new_folders(
    layout: &Layout,
    manifest: &Manifest,
    grants: &Grants,
    granted: &BTreeSet<String>,
) -> Result<BTreeMap<PathBuf, Option<Owner>>, Refusal> {
    let mut folders = BTreeMap::new();
    for (path, if_missing) in grants.missing_paths(granted) {
        match if_missing {
            IfMissing::Leave => {}
            IfMissing::RefuseFile => {
                return Err(Refusal::NoFile {
                    app: manifest.id().clone(),
                    path: path.to_owned(),
                });
            }
            IfMissing::Make => {
                folders.insert(path.to_owned(), writer(layout, manifest, path));
            }
        }
    }
    Ok(folders)
}

/// The first service that writes there and is not root.
fn writer(layout: &Layout, manifest: &Manifest, path: &Path) -> Option<Owner> {
    let mut services = manifest.services.values();
    services.find_map(|service| {
        let is_written = service.mounts.iter().any(|mount| {
            let MountSource::Host(source) = &mount.source else {
                return false;
            };
            !mount.read_only && layout.on_host(source).components().eq(path.components())
        });
        service.owner().filter(|_| is_written)
    })
}
