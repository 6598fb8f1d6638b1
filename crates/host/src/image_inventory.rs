//! Podman's images: all that it lists or, where a damaged one keeps it from listing any, those that
//! are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use archipelago_core::desired::Desired;
use archipelago_core::image_facts::{BASES_LABEL, Built, ImageFacts, ImageState};
use archipelago_core::name::{AppId, PREFIX};
use archipelago_core::observed;
use futures_util::{StreamExt, stream};
use serde::Deserialize;

use super::podman::{self, InspectedImage, Podman};
use super::{disk, folders};

/// The label of an image that was built for an app. Not the label of an app's objects: Podman gives
/// an image's labels to every container of it.
pub const BUILT_FOR_LABEL: &str = "archipelago.built-for";

/// The maximum number of concurrent requests for images.
const AT_ONCE: usize = 8;

/// The lists of images of each storage driver that Podman may use.
const LISTS: [&str; 2] = ["overlay-images/images.json", "vfs-images/images.json"];

/// The images that Podman has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Images {
    /// By name, digests included, with the app they were built for on this node.
    pub names: BTreeMap<String, Option<AppId>>,
    /// Their architectures, by name, as far as they say.
    pub architectures: BTreeMap<String, String>,
    /// The ids, by name.
    ids: BTreeMap<String, String>,
    /// The builds of those that were built here, by name; empty when Podman cannot list all images.
    built: BTreeMap<String, Built>,
    /// The images that are there and cannot be used, each with the cause.
    damaged: BTreeMap<String, String>,
}

/// An image in Podman's storage.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StoredImage {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Full names; none for one that lost its name to another.
    #[serde(default)]
    pub names: Vec<String>,
}

impl Images {
    /// Asks for all images.
    ///
    /// # Errors
    /// When Podman does not answer, or refuses for another reason than a damaged image.
    pub async fn ask(podman: &Podman, desired: &Desired) -> Result<Self, podman::Error> {
        let listed = match podman.images().await {
            Ok(listed) => listed,
            Err(error) if error.is_failure() => return Self::ask_each(podman, desired).await,
            Err(error) => return Err(error),
        };
        let mut images = Self::default();
        for image in listed {
            let label = image.labels.get(BUILT_FOR_LABEL);
            for name in image.names.into_iter().chain(image.repo_digests) {
                if !image.architecture.is_empty() {
                    images
                        .architectures
                        .insert(name.clone(), image.architecture.clone());
                }
                images.add(name.clone(), &image.id, label);
                if images.names.get(&name).is_some_and(Option::is_some) {
                    let bases = image.labels.get(BASES_LABEL).map(String::as_str);
                    let built = Built::new(image.created, bases.unwrap_or_default());
                    images.built.insert(name, built);
                }
            }
        }
        Ok(images)
    }

    /// Asks for each image that is wanted or that was built here. One that is damaged makes Podman
    /// refuse the list of all.
    async fn ask_each(podman: &Podman, desired: &Desired) -> Result<Self, podman::Error> {
        let stored = stored();
        let built = stored.iter().flat_map(|image| image.names.iter().cloned());
        let built = built.filter(|name| name.starts_with(&format!("localhost/{PREFIX}")));
        let names: BTreeSet<String> = wanted(desired).chain(built).collect();
        let mut images = Self::default();
        for (name, found) in inspect_all(podman, names).await {
            match found {
                Ok(Some(image)) => {
                    let label = image.labels.get(BUILT_FOR_LABEL);
                    let names = image.names.iter().chain(&image.repo_digests);
                    for known in names.chain([&name]) {
                        images.add(known.clone(), &image.id, label);
                    }
                }
                Ok(None) => {}
                Err(error) if error.is_failure() => {
                    let own = stored.iter().find(|image| image.names.contains(&name));
                    match own.filter(|own| fails_for_another(own, &error.message(), &stored)) {
                        Some(own) => images.add(name, &own.id, None),
                        None => drop(images.damaged.insert(name, error.message())),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(images)
    }

    fn add(&mut self, name: String, id: &str, built_for: Option<&String>) {
        let built_for = built_for.and_then(|label| observed::built_for(&name, label));
        self.ids.insert(name.clone(), id.to_owned());
        self.names.insert(name, built_for);
    }

    /// The state of the wanted images. Podman is asked only about images that are not known yet, or
    /// whose name now belongs to another image.
    pub async fn learn(
        &self,
        podman: &Podman,
        desired: &Desired,
    ) -> Result<BTreeMap<String, ImageState>, podman::Error> {
        let mut states: BTreeMap<String, ImageState> = BTreeMap::new();
        let mut asked = BTreeSet::new();
        let containers = desired
            .present()
            .flat_map(|(_, present)| present.containers());
        for (_, container) in containers {
            let reference = container.image.reference.to_string();
            if let Some(cause) = self.damaged.get(&reference) {
                states.insert(reference, ImageState::Damaged(cause.clone()));
                continue;
            }
            let Some(id) = self.ids.get(&reference) else {
                continue;
            };
            let is_noted = |facts: &ImageFacts| {
                facts.id == *id && (facts.built.is_some() || !self.built.contains_key(&reference))
            };
            match &container.image_facts {
                Some(facts) if is_noted(facts) => {
                    states.insert(reference, ImageState::Here(facts.clone()));
                }
                _ => drop(asked.insert(reference)),
            }
        }
        for (reference, found) in inspect_all(podman, asked).await {
            let state = match found {
                Ok(Some(image)) => {
                    let volumes = image.volumes.iter().map(String::as_str);
                    ImageState::Here(ImageFacts {
                        built: self.built.get(&reference).cloned(),
                        ..ImageFacts::new(&image.id, volumes)
                    })
                }
                // It went meanwhile.
                Ok(None) => continue,
                Err(error) if error.is_failure() => ImageState::Damaged(error.message()),
                Err(error) => return Err(error),
            };
            states.insert(reference, state);
        }
        Ok(states)
    }
}

/// The images that are there and cannot be used, if Podman cannot list them: each with the cause.
pub async fn damaged(podman: &Podman) -> Vec<(StoredImage, String)> {
    let images = stored();
    let ids = images.iter().map(|image| image.id.clone()).collect();
    let mut found = inspect_all(podman, ids).await;
    let broken = images.iter().filter_map(|image| {
        let error = found.remove(&image.id)?.err()?;
        let message = error.message();
        let own = error.is_failure() && !fails_for_another(image, &message, &images);
        own.then(|| (image.clone(), message))
    });
    broken.collect()
}

/// Whether Podman cannot tell of an image only because another one that shares its layers is
/// damaged: its message names that one.
fn fails_for_another(image: &StoredImage, message: &str, stored: &[StoredImage]) -> bool {
    let mut named = stored.iter().filter(|other| message.contains(&other.id));
    !message.contains(&image.id) && named.next().is_some()
}

async fn inspect_all(
    podman: &Podman,
    names: BTreeSet<String>,
) -> BTreeMap<String, Result<Option<InspectedImage>, podman::Error>> {
    let asked = names.into_iter().map(|name| async move {
        let found = podman.inspect_image(&name).await;
        (name, found)
    });
    stream::iter(asked)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

fn wanted(desired: &Desired) -> impl Iterator<Item = String> {
    let containers = desired
        .present()
        .flat_map(|(_, present)| present.containers());
    containers.map(|(_, container)| container.image.reference.to_string())
}

/// The images in this user's storage, by its own lists.
fn stored() -> Vec<StoredImage> {
    let storage = folders::podman_storage();
    storage.map_or_else(Vec::new, |storage| stored_in(&storage))
}

fn stored_in(storage: &Path) -> Vec<StoredImage> {
    let lists = LISTS.iter().filter_map(|list| {
        let content = disk::read(&storage.join(list)).ok()??;
        serde_json::from_slice::<Vec<StoredImage>>(&content).ok()
    });
    lists.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_not_blamed_for_the_damage_of_another() {
        let image = |id: &str| StoredImage {
            id: id.repeat(64),
            names: Vec::new(),
        };
        let stored = [image("a"), image("b")];
        let message = |id: &str| format!("no manifest for image with ID {:?}", id.repeat(64));
        assert!(fails_for_another(&stored[0], &message("b"), &stored));
        assert!(!fails_for_another(&stored[1], &message("b"), &stored));
        assert!(!fails_for_another(&stored[0], "no such layer", &stored));
        assert!(!fails_for_another(&stored[0], &message("c"), &stored));
    }

    #[test]
    fn images_are_listed_in_files_of_which_none_need_be_there() {
        let folder = format!("archipelago-images-{}", std::process::id());
        let storage = std::env::temp_dir().join(folder);
        assert_eq!(stored_in(&storage), []);
        disk::make_folder(&storage.join("overlay-images"), 0o700).unwrap();
        let list = storage.join(LISTS[0]);
        std::fs::write(
            &list,
            r#"[{"id": "a1", "names": ["localhost/x:1"], "layer": "b"}, {"id": "c2"}]"#,
        )
        .unwrap();
        let found: Vec<(String, usize)> = stored_in(&storage)
            .into_iter()
            .map(|image| (image.id, image.names.len()))
            .collect();
        assert_eq!(found, [("a1".to_owned(), 1), ("c2".to_owned(), 0)]);
        std::fs::write(&list, "[{").unwrap();
        assert_eq!(stored_in(&storage), []);
        disk::remove_folder(&storage).unwrap();
    }
}
