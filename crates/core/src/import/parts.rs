//! The folders of the other system, and the folder or volume of the app that each becomes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Error;
use crate::layout::Layout;
use crate::name::AppId;

/// A place in the app's data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A folder that the Compose file mounts by its path in the app's folder.
    Folder(String),
    /// A named volume.
    Volume(String),
}

/// A place of the app's data, and the folder that it is filled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub place: Place,
    /// `None` when there is nothing to bring.
    pub from: Option<PathBuf>,
}

/// The places of the app's data in the other system.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The app's folder.
    pub folder: PathBuf,
    /// The folders that are elsewhere, by their path in the app's folder.
    pub elsewhere: BTreeMap<String, PathBuf>,
    /// By volume, the folders in which an engine may keep it.
    pub volumes: BTreeMap<String, Vec<PathBuf>>,
    /// The folders of volumes that a person named.
    pub given: BTreeMap<String, PathBuf>,
    /// The volumes that are to start empty.
    pub empty: BTreeSet<String>,
}

/// The places of an app's data among the folders that its mounts need. A folder that lies in
/// another one of them comes with it.
#[must_use]
pub fn places(layout: &Layout, app: &AppId, folders: &BTreeSet<PathBuf>) -> BTreeSet<Place> {
    let (files, volumes) = (layout.files(app), layout.volumes(app));
    let place = |folder: &PathBuf| {
        let inside = |root: &Path| folder.strip_prefix(root).ok()?.to_str();
        let is_inner = folders
            .iter()
            .any(|other| other != folder && folder.starts_with(other));
        match inside(&volumes) {
            Some(volume) => Some(Place::Volume(volume.to_owned())),
            None if is_inner => None,
            None => Some(Place::Folder(inside(&files)?.to_owned())),
        }
    };
    folders.iter().filter_map(place).collect()
}

impl Place {
    /// Its folder beneath a folder that holds `files` and `volumes` of the app.
    #[must_use]
    pub fn beneath(&self, root: &Path) -> PathBuf {
        match self {
            Self::Folder(path) => root.join("files").join(path),
            Self::Volume(name) => root.join("volumes").join(name),
        }
    }

    /// Its folder in the app's data.
    #[must_use]
    pub fn target(&self, layout: &Layout, app: &AppId) -> PathBuf {
        match self {
            Self::Folder(path) => layout.files(app).join(path),
            Self::Volume(name) => layout.volumes(app).join(name),
        }
    }
}

impl Sources {
    /// The folders from which a place may be filled, the first that is there counts.
    #[must_use]
    pub fn of(&self, place: &Place) -> Vec<PathBuf> {
        match place {
            Place::Folder(path) => {
                let elsewhere = self.elsewhere.get(path).cloned();
                vec![elsewhere.unwrap_or_else(|| self.folder.join(path))]
            }
            Place::Volume(name) => match self.given.get(name) {
                Some(given) => vec![given.clone()],
                None => self.volumes.get(name).cloned().unwrap_or_default(),
            },
        }
    }

    /// Chooses a folder for each place. `there` are those of [`Sources::of`] that exist.
    ///
    /// # Errors
    /// When a volume is not found, one that a person named does not exist, or a volume is in two
    /// engines.
    pub fn plan(
        &self,
        places: &BTreeSet<Place>,
        there: &BTreeSet<PathBuf>,
    ) -> Result<Vec<Planned>, Error> {
        self.refuse_unknown(places)?;
        let mut all = Vec::new();
        for place in places {
            let candidates = self.of(place);
            let mut found = candidates.iter().filter(|path| there.contains(*path));
            let first = found.next().cloned();
            let Place::Volume(name) = place else {
                all.push(Planned {
                    place: place.clone(),
                    from: first,
                });
                continue;
            };
            let from = match (first, found.next()) {
                _ if self.empty.contains(name) => None,
                (Some(first), Some(second)) => {
                    return Err(Error::TwoVolumes {
                        name: name.clone(),
                        first,
                        second: second.clone(),
                    });
                }
                (None, _) => {
                    return Err(Error::NoVolume {
                        name: name.clone(),
                        candidates,
                    });
                }
                (first, None) => first,
            };
            all.push(Planned {
                place: place.clone(),
                from,
            });
        }
        Ok(all)
    }

    fn refuse_unknown(&self, places: &BTreeSet<Place>) -> Result<(), Error> {
        let known = |name: &String| places.contains(&Place::Volume(name.clone()));
        let mut named = self.given.keys().chain(&self.empty);
        let Some(unknown) = named.find(|name| !known(name)) else {
            return Ok(());
        };
        let volumes = places.iter().filter_map(|place| match place {
            Place::Volume(name) => Some(name.clone()),
            Place::Folder(_) => None,
        });
        Err(Error::UnknownVolume {
            name: unknown.clone(),
            known: volumes.collect(),
        })
    }
}
