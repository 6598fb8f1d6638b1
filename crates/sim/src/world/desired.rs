//! Reads the desired state from the files on the disk, as the program's `host/inputs.rs` does.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use archipelago_core::config::Config;
use archipelago_core::data_folder::{Claim, Evidence, Identity, NodeId, Unreadable, judge};
use archipelago_core::desired::{Apps, Desired, HostFacts, Inputs, assemble};
use archipelago_core::file_error::FileError;
use archipelago_core::held::Granted;
use archipelago_core::image_facts::{ImageFacts, KnownImages};
use archipelago_core::intent::Intent;
use archipelago_core::manifest::Files;
use archipelago_core::name::AppId;
use archipelago_core::operation::hold;
use archipelago_core::release::ReleaseId;
use archipelago_core::releases::{Releases, Stored};

use crate::mutation::Mutation;
use crate::world::state::World;

thread_local! {
    /// The desired states by a hash of their files, because parsing is most of the work of a pass.
    static CACHE: RefCell<HashMap<u64, Arc<Desired>>> = RefCell::new(HashMap::new());
}

/// The cache is emptied at this number of entries.
const CACHE_MAX: usize = 2048;

impl World {
    /// The desired state, assembled from the files on the disk.
    pub fn desired(&self) -> Arc<Desired> {
        if let Some((changes, desired)) = &*self.desired_cache.borrow()
            && *changes == self.disk.changes
        {
            return Arc::clone(desired);
        }
        let desired = self.desired_of_files();
        *self.desired_cache.borrow_mut() = Some((self.disk.changes, Arc::clone(&desired)));
        desired
    }

    /// Of all files that [`Self::desired`] depends on.
    pub(crate) fn hash_of_files(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for folder in [&self.layout.config, &self.layout.data.join("secrets")] {
            for path in self.disk.beneath(folder) {
                path.hash(&mut hasher);
                self.disk.read(path).hash(&mut hasher);
            }
        }
        self.disk.read(&self.layout.marker()).hash(&mut hasher);
        let changes_the_result = [
            Mutation::MarkerIgnored,
            Mutation::NestedAccepted,
            Mutation::LeaveOutIsolation,
            Mutation::EditFollowed,
        ];
        let mutation = changes_the_result
            .iter()
            .position(|it| self.mutation == Some(*it));
        mutation.hash(&mut hasher);
        hasher.finish()
    }

    fn desired_of_files(&self) -> Arc<Desired> {
        let key = self.hash_of_files();
        if let Some(desired) = CACHE.with_borrow(|cache| cache.get(&key).cloned()) {
            return desired;
        }
        let mut inputs = self.inputs();
        if let Some(mutation) = self.mutation {
            mutation.definitions(&mut inputs.definitions);
        }
        if self.mutation != Some(Mutation::EditFollowed) {
            hold(&mut inputs);
        }
        let apps = Apps::read(&inputs);
        // No image declares a volume.
        inputs.found.images = images_of(&assemble(&inputs, &apps));
        let mut desired = assemble(&inputs, &apps);
        if let Some(mutation) = self.mutation {
            mutation.desired(&mut desired);
        }
        let desired = Arc::new(desired);
        CACHE.with_borrow_mut(|cache| {
            if cache.len() >= CACHE_MAX {
                cache.clear();
            }
            cache.insert(key, Arc::clone(&desired));
        });
        desired
    }

    fn text(&self, path: &Path) -> Option<String> {
        let content = self.disk.read(path)?;
        Some(String::from_utf8_lossy(&content).into_owned())
    }

    /// As for an operation: with the facts of the images that are wanted now.
    pub(crate) fn inputs_with_images(&self) -> Inputs {
        let mut inputs = self.inputs();
        hold(&mut inputs);
        inputs.found.images = images_of(&self.desired());
        inputs
    }

    fn inputs(&self) -> Inputs {
        let layout = &self.layout;
        let intents: BTreeMap<AppId, Result<Intent, FileError>> = self
            .disk
            .names(&layout.apps())
            .iter()
            .filter_map(|name| AppId::parse(name.strip_suffix(".toml")?).ok())
            .map(|id| {
                let path = layout.intent(&id);
                let text = self.text(&path).unwrap_or_default();
                let intent = Intent::parse(&path.display().to_string(), &text);
                (id, intent.map_err(FileError::from))
            })
            .collect();
        let definitions: BTreeMap<AppId, Files> = intents
            .iter()
            .filter_map(|(id, intent)| Some((id, intent.as_ref().ok()?)))
            .map(|(id, intent)| {
                let folder = intent.definition_folder(layout, id);
                (id.clone(), self.files(&folder))
            })
            .filter(|(_, files)| !files.is_empty())
            .collect();
        let granted: BTreeMap<AppId, Granted> = intents
            .keys()
            .filter_map(|id| {
                let intent = Granted::read(&self.text(&layout.granted(id))?)?;
                let files = self.files(&intent.definition_folder(layout, id));
                Some((id.clone(), Granted { intent, files }))
            })
            .collect();
        // The simulated operator keeps no other earlier intents.
        let kept = granted.values();
        let named = kept.filter_map(|granted| granted.intent.release.clone());
        let releases = Releases::of(layout, &intents, &definitions, Some(named.collect()));
        let secrets = intents
            .keys()
            .map(|id| {
                let folder = layout.secrets(id);
                let texts = self
                    .disk
                    .names(&folder)
                    .into_iter()
                    .filter(|name| !name.starts_with('.'))
                    .filter_map(|name| {
                        let text = self.text(&folder.join(&name))?;
                        Some((name, text))
                    })
                    .filter(|(_, text)| !text.is_empty())
                    .collect();
                (id.clone(), texts)
            })
            .collect();
        let config = self.text(&layout.config_file()).unwrap_or_default();
        Inputs {
            config: Config::parse("config.toml", &config).map_err(FileError::from),
            intents,
            definitions,
            secrets,
            found: HostFacts {
                claim: self.claim(),
                ..HostFacts::default()
            },
            releases,
            granted,
            ..Inputs::new(layout.clone())
        }
    }

    /// The owner of the data folder.
    pub(crate) fn claim(&self) -> Claim {
        if self.mutation == Some(Mutation::MarkerIgnored) {
            return Claim::Held;
        }
        let (identity, marker) = (self.layout.identity(), self.layout.marker());
        let known = self.text(&identity).map(|text| Identity::parse(&text));
        let found = self.text(&marker).map(|text| NodeId::parse(&text));
        judge(&Evidence {
            identity: known.transpose().map_err(|source| Unreadable::Identity {
                path: identity,
                source,
            }),
            marker: found.transpose().map_err(|source| Unreadable::Marker {
                path: marker,
                source,
            }),
            data_missing: false,
        })
    }

    /// The stored releases.
    pub(crate) fn stored(&self, desired: &Desired) -> Stored {
        let layout = &self.layout;
        let names = self.disk.names(&layout.releases());
        let all = names.iter().filter_map(|name| ReleaseId::parse(name).ok());
        let mounted = desired.present().flat_map(|(_, present)| &present.mounted);
        let is_whole =
            |release: &ReleaseId, files: &Files| self.files(&layout.release(release)) == *files;
        let apps = self.disk.names(&layout.apps());
        let apps = apps.iter().filter_map(|name| AppId::parse(name).ok());
        Stored {
            all: all.collect(),
            whole: mounted
                .filter(|(release, files)| is_whole(release, files))
                .map(|(release, _)| release.clone())
                .collect(),
            former: apps
                .filter(|app| self.disk.is_folder(&layout.definition(app)))
                .collect(),
        }
    }

    fn files(&self, folder: &Path) -> Files {
        self.disk
            .beneath(folder)
            .filter_map(|path| {
                let content = self.disk.read(path)?;
                let relative = path.strip_prefix(folder).ok()?.to_str()?;
                Some((relative.to_owned(), content.into()))
            })
            .collect()
    }
}

fn images_of(desired: &Desired) -> KnownImages {
    let containers = desired
        .present()
        .flat_map(|(_, present)| present.containers());
    let facts = ImageFacts::new("image", std::iter::empty());
    containers
        .map(|(_, container)| (container.image.reference.to_string(), facts.clone()))
        .collect()
}
