//! The node's id in its configuration and in its data folder: reading and making them.

use std::path::{Path, PathBuf};

use archipelago_core::data_folder::{
    Claim, Evidence, Identity, NodeId, NotOurs, Refusal, Unreadable, judge,
};
use archipelago_core::error::chain;
use archipelago_core::layout::{Layout, LayoutError};
use archipelago_core::name::PREFIX;
use archipelago_core::quadlet::mark_of;

use super::cache::ReadSet;
use super::{beneath, disk};

/// Why a data folder could not be made this node's, or is not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error("make an id for this node")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Path(#[from] LayoutError),
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
}

/// Observes the evidence of whose the data folder is.
pub fn observe(layout: &Layout, read_set: &mut ReadSet) -> Evidence {
    let identity = identity(layout, read_set);
    let marker = marker(layout, read_set);
    let is_first = identity == Ok(None) && marker == Ok(None);
    Evidence {
        data_missing: is_first && is_empty(layout, read_set) && is_mounted_by_units(layout),
        identity,
        marker,
    }
}

/// The owner of the data folder at this moment.
#[must_use]
pub fn claim(layout: &Layout) -> Claim {
    judge(&observe(layout, &mut ReadSet::begin()))
}

/// Makes sure that the data folder is still this node's: a disk may be unmounted at any time.
///
/// # Errors
/// When it is not.
pub fn ensure_ours(layout: &Layout) -> Result<(), Error> {
    match claim(layout) {
        Claim::Held | Claim::Take(_) => Ok(()),
        Claim::Refused(refusal) => Err(NotOurs::new(refusal, layout).into()),
    }
}

/// Makes a folder in the data folder. Should its disk be unmounted meanwhile, it is made on that
/// disk or not at all.
///
/// # Errors
/// When it cannot be made, or the data folder is not this node's any more.
pub fn make_folder(layout: &Layout, path: &Path, mode: u32) -> Result<(), Error> {
    let identity = identity(layout, &mut ReadSet::begin());
    if identity == Ok(None) {
        // Nothing tells whose it is.
        disk::make_folder(&layout.data, mode)?;
    }
    let opened = beneath::open_folder(&layout.data)?;
    if let Ok(Some(identity)) = identity {
        let marker = layout.marker();
        let name = marker.file_name().and_then(|name| name.to_str());
        let found = beneath::read_in(&opened, &marker, name.unwrap_or_default())?;
        if found.as_deref() != Some(identity.id.to_text().as_bytes()) {
            return Err(NotOurs::new(Refusal::NoMarker, layout).into());
        }
    }
    Ok(beneath::make_folder_beneath(
        &opened,
        &layout.data,
        path,
        mode,
    )?)
}

/// Makes the data folder this node's. The marker comes first: without it, an id in the
/// configuration would say that the disk is not mounted.
///
/// # Errors
/// When the disk refuses.
pub fn take(layout: &Layout, id: Option<NodeId>) -> Result<(), Error> {
    let id = match id {
        Some(id) => id,
        None => new_id()?,
    };
    let identity = Identity {
        id,
        data: layout.data.clone(),
    };
    let text = identity
        .to_text()
        .ok_or_else(|| LayoutError(layout.data.clone()))?;
    disk::make_folder(&layout.data, 0o700)?;
    let marker = identity.id.to_text();
    disk::write_if_changed(&layout.marker(), marker.as_bytes(), 0o600)?;
    disk::make_folder(&layout.config, 0o755)?;
    disk::write_if_changed(&layout.identity(), text.as_bytes(), 0o600)?;
    Ok(())
}

/// The data folder that the configuration in `config` names, if it does.
#[must_use]
pub fn known_in(config: &Path) -> Option<PathBuf> {
    let text = disk::read_text(&Layout::identity_in(config)).ok()??;
    Some(Identity::parse(&text).ok()?.data)
}

fn new_id() -> Result<NodeId, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(NodeId::from_random(bytes))
}

fn identity(layout: &Layout, read_set: &mut ReadSet) -> Result<Option<Identity>, Unreadable> {
    let path = layout.identity();
    let Some(text) = read_set.read_text(&path).map_err(refused)? else {
        return Ok(None);
    };
    match Identity::parse(&text) {
        Ok(identity) if identity.data == layout.data => Ok(Some(identity)),
        Ok(Identity { id: _, data }) => Err(Unreadable::Moved { path, data }),
        Err(source) => Err(Unreadable::Identity { path, source }),
    }
}

fn marker(layout: &Layout, read_set: &mut ReadSet) -> Result<Option<NodeId>, Unreadable> {
    let path = layout.marker();
    let text = read_set.read_text(&path).map_err(refused)?;
    let marker = text.map(|text| NodeId::parse(&text)).transpose();
    marker.map_err(|source| Unreadable::Marker { path, source })
}

fn refused(error: disk::Error) -> Unreadable {
    Unreadable::Disk(chain(&error))
}

/// Whether there is nothing in the data folder but what a file system has of its own.
fn is_empty(layout: &Layout, read_set: &mut ReadSet) -> bool {
    let names = read_set.names(&layout.data);
    names.is_ok_and(|names| names.iter().all(|name| name == "lost+found"))
}

/// Whether units of ours mount something of the data folder.
fn is_mounted_by_units(layout: &Layout) -> bool {
    let Ok(data) = Layout::text(&layout.data) else {
        return false;
    };
    let names = disk::names(&layout.units).unwrap_or_default();
    let mounts = |name: &String| {
        let content = disk::read_file(&layout.unit(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        mark_of(&content).is_some() && text.contains(&format!("{data}/"))
    };
    names
        .iter()
        .filter(|name| name.starts_with(PREFIX))
        .any(mounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> (PathBuf, Layout) {
        let folder = format!("archipelago-claim-{name}-{}", std::process::id());
        let root = std::env::temp_dir().join(folder);
        let layout = Layout::under(&root);
        disk::make_folder(&root, 0o755).unwrap();
        (root, layout)
    }

    #[test]
    fn a_new_folder_becomes_this_nodes_and_an_empty_one_does_not() {
        let (root, layout) = node("new");
        assert_eq!(claim(&layout), Claim::Take(None));
        take(&layout, None).unwrap();
        assert_eq!(claim(&layout), Claim::Held);
        assert_eq!(known_in(&layout.config), Some(layout.data.clone()));
        ensure_ours(&layout).unwrap();
        make_folder(&layout, &layout.data.join("a/b"), 0o700).unwrap();
        // The disk is not mounted.
        disk::remove(&layout.marker()).unwrap();
        assert_eq!(claim(&layout), Claim::Refused(Refusal::NoMarker));
        disk::remove_folder(&layout.data).unwrap();
        assert_eq!(claim(&layout), Claim::Refused(Refusal::NoMarker));
        let cause = ensure_ours(&layout).unwrap_err().to_string();
        assert!(cause.contains("--accept-data"), "{cause}");
        assert!(make_folder(&layout, &layout.data.join("a"), 0o700).is_err());
        assert!(!disk::may_exist(&layout.data));
        disk::make_folder(&layout.data, 0o700).unwrap();
        let error = make_folder(&layout, &layout.data.join("a"), 0o700).unwrap_err();
        assert!(matches!(error, Error::NotOurs(_)), "{error}");
        assert!(!disk::may_exist(&layout.data.join("a")));
        // The configuration is lost, or damaged.
        take(&layout, None).unwrap();
        let marker = disk::read_text(&layout.marker()).unwrap().unwrap();
        disk::remove(&layout.identity()).unwrap();
        let id = NodeId::parse(&marker).unwrap();
        assert_eq!(claim(&layout), Claim::Take(Some(id)));
        std::fs::write(layout.identity(), "id = 1").unwrap();
        assert!(matches!(
            claim(&layout),
            Claim::Refused(Refusal::Unreadable(_))
        ));
        assert_eq!(known_in(&layout.config), None);
        disk::remove_folder(&root).unwrap();
    }

    #[test]
    fn units_of_an_earlier_version_tell_that_data_are_missing() {
        let (root, layout) = node("upgrade");
        disk::make_folder(&layout.units, 0o755).unwrap();
        let unit = |folder: &Path| {
            let text = format!(
                "[Volume]\nDevice={}/volumes/web/data\n[X-Archipelago]\nApp=web\nCompanion=false\nRevision=1\nVersion=0.1.0\n",
                folder.display()
            );
            std::fs::write(layout.unit("archy-web-data.volume"), text).unwrap();
        };
        unit(&root);
        assert_eq!(claim(&layout), Claim::Take(None));
        unit(&layout.data);
        assert_eq!(claim(&layout), Claim::Refused(Refusal::NoData));
        disk::make_folder(&layout.data.join("lost+found"), 0o755).unwrap();
        assert_eq!(claim(&layout), Claim::Refused(Refusal::NoData));
        disk::make_folder(&layout.data.join("volumes"), 0o755).unwrap();
        assert_eq!(claim(&layout), Claim::Take(None));
        disk::remove_folder(&root).unwrap();
    }

    #[test]
    fn a_folder_that_was_changed_by_hand_is_not_half_followed() {
        let (root, layout) = node("moved");
        take(&layout, None).unwrap();
        let moved = Layout {
            data: root.join("elsewhere"),
            ..layout.clone()
        };
        assert!(matches!(
            claim(&moved),
            Claim::Refused(Refusal::Unreadable(Unreadable::Moved { .. }))
        ));
        disk::remove_folder(&root).unwrap();
    }
}
