//! The inventory of Podman's objects. Asking over its socket starts Podman when it is idle, which
//! takes a while; the change times of its files show at no cost whether anything is new. Of those
//! files, only the names of the containers are read here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use archipelago_core::desired::{APP_LABEL, App, Desired};
use archipelago_core::error::chain;
use archipelago_core::image_facts::ImageState;
use archipelago_core::name::{AppId, PREFIX};
use archipelago_core::observed::{
    self, Active, Observed, Podman as PodmanState, PodmanNetwork, PodmanView, Unreachable,
    is_isolated,
};
use futures_util::try_join;
use serde::Deserialize;

use super::image_inventory::Images;
use super::podman::{self, Container, Podman};
use super::{disk, folders};

/// The label that holds the revision of a secret's content.
pub const REVISION_LABEL: &str = "archipelago.revision";

/// Podman's lists of containers, for each storage driver that it may use. The second of each pair
/// has the containers that are removed when they end, as Quadlet's are.
const CONTAINERS: [&str; 4] = [
    "overlay-containers/containers.json",
    "overlay-containers/volatile-containers.json",
    "vfs-containers/containers.json",
    "vfs-containers/volatile-containers.json",
];

/// Podman's last answers. Only what has changed since is asked for again.
#[derive(Default)]
pub struct PodmanInventory {
    known: Option<Known>,
    /// The images that it had when it was asked last.
    images: Images,
}

struct Known {
    fingerprint: String,
    /// The services that had failed, and how often.
    failures: BTreeMap<String, u32>,
    view: PodmanView,
    /// The containers that it listed, by id: no id is used twice.
    containers: BTreeMap<String, Named>,
}

/// A container's name and whose it is.
#[derive(Clone)]
struct Named {
    name: String,
    owner: Option<AppId>,
}

impl PodmanInventory {
    /// Asks Podman for its objects as far as that is needed, for no longer than `limit`.
    pub async fn refresh(
        &mut self,
        podman: &Podman,
        limit: Duration,
        desired: &Desired,
        observed: &Observed,
    ) -> PodmanState {
        match tokio::time::timeout(limit, self.ask(podman, desired, observed)).await {
            Ok(Ok(view)) => PodmanState::Answered(view),
            Ok(Err(error)) => PodmanState::Unreachable(Unreachable::Refused(chain(&error))),
            Err(_) => PodmanState::Unreachable(Unreachable::Silent(limit)),
        }
    }

    /// The states of the wanted images, once Podman has been asked.
    ///
    /// # Errors
    /// When Podman does not answer.
    pub async fn learn(
        &self,
        podman: &Podman,
        desired: &Desired,
    ) -> Result<BTreeMap<String, ImageState>, podman::Error> {
        self.images.learn(podman, desired).await
    }

    async fn ask(
        &mut self,
        podman: &Podman,
        desired: &Desired,
        observed: &Observed,
    ) -> Result<PodmanView, podman::Error> {
        // Taken before Podman is asked, so that a change during the call is noticed next time.
        let fingerprint = observed.fingerprint.clone();
        let failures = failures(observed);
        let known = self.known.take().filter(|known| {
            Some(&known.fingerprint) == fingerprint.as_ref()
                && known.failures == failures
                && !is_removing(desired)
                && !has_unisolated(&known.view)
        });
        if let Some(known) = known
            && let Some(containers) =
                stored().and_then(|stored| known.containers_now(stored, observed))
        {
            let mut view = known.view.clone();
            view.containers = containers;
            self.known = Some(known);
            return Ok(view);
        }
        let (view, containers, images) = ask_all(podman, desired).await?;
        self.images = images;
        self.known = fingerprint
            .filter(|_| stored().is_some_and(|stored| storage_is_verified(&containers, &stored)))
            .map(|fingerprint| Known {
                fingerprint,
                failures,
                view: view.clone(),
                containers,
            });
        Ok(view)
    }
}

/// Whether the storage files read here are the ones that Podman uses: they must list every
/// container that Podman reported. Without containers this cannot be verified.
fn storage_is_verified(listed: &BTreeMap<String, Named>, stored: &[Stored]) -> bool {
    let is_stored = |id: &String| stored.iter().any(|container| container.id == *id);
    !listed.is_empty() && listed.keys().all(is_stored)
}

/// Objects that are being removed are asked for until they are gone.
fn is_removing(desired: &Desired) -> bool {
    let removed = |app: &App| matches!(app, App::Removed { .. });
    desired.apps.values().any(removed)
}

/// Podman's files do not show who joins a network, so Podman must be asked before one is recreated.
fn has_unisolated(view: &PodmanView) -> bool {
    let mut networks = view.networks.values();
    networks.any(|network| network.owner.is_some() && !network.isolated)
}

/// A failure may have a reason that only Podman knows, so Podman is asked again at each further
/// failure.
fn failures(observed: &Observed) -> BTreeMap<String, u32> {
    let services = observed.services.iter();
    services
        .filter_map(|(name, service)| Some((name.clone(), service.failure.as_ref()?.restarts)))
        .collect()
}

impl Known {
    /// The containers that there are now; `None` when there are new ones that only Podman knows.
    fn containers_now(
        &self,
        stored: Vec<Stored>,
        observed: &Observed,
    ) -> Option<BTreeMap<String, Option<AppId>>> {
        let mut now = BTreeMap::new();
        for Stored { id, names } in stored {
            if let Some(Named { name, owner }) = self.containers.get(&id)
                // It may have got another one: `podman rename`.
                && names.contains(name)
            {
                now.insert(name.clone(), owner.clone());
                continue;
            }
            let mut ours = names.iter().filter(|name| name.starts_with(PREFIX));
            // An object with the name of a service that runs or is about to run was made by that
            // service.
            if !ours.all(|name| is_of_a_service(name, observed)) {
                return None;
            }
        }
        Some(now)
    }
}

fn is_of_a_service(container: &str, observed: &Observed) -> bool {
    let service = observed.services.get(&format!("{container}.service"));
    service.is_some_and(|service| !service.is_down() && service.active != Active::Inactive)
}

/// A container as Podman's storage lists it.
#[derive(Deserialize)]
struct Stored {
    id: String,
    #[serde(default)]
    names: Vec<String>,
}

/// The containers that Podman's storage lists; `None` when it is not known where it lists them.
fn stored() -> Option<Vec<Stored>> {
    stored_in(&folders::podman_storage()?)
}

fn stored_in(storage: &Path) -> Option<Vec<Stored>> {
    let lists: Vec<PathBuf> = CONTAINERS.iter().map(|list| storage.join(list)).collect();
    let mut all = None;
    for list in lists {
        // A list that is not there yet has nothing in it.
        if let Some(content) = disk::read(&list).ok()? {
            let containers: Vec<Stored> = serde_json::from_slice(&content).ok()?;
            all.get_or_insert_with(Vec::new).extend(containers);
        }
    }
    all
}

async fn ask_all(
    podman: &Podman,
    desired: &Desired,
) -> Result<(PodmanView, BTreeMap<String, Named>, Images), podman::Error> {
    let mut view = PodmanView::default();
    // Side by side: a repair waits for the answers.
    let (images, containers, networks, volumes, secrets) = try_join!(
        Images::ask(podman, desired),
        podman.containers(),
        networks(podman),
        podman.volumes(),
        podman.secrets(),
    )?;
    view.networks = networks;
    view.images.clone_from(&images.names);
    view.architectures.clone_from(&images.architectures);
    let mut known = BTreeMap::new();
    for container in containers {
        let Container {
            name,
            id,
            labels,
            networks,
            ..
        } = container;
        for network in &networks {
            if let Some(network) = view.networks.get_mut(network) {
                network.containers.insert(name.clone());
            }
        }
        let owner = owner(&name, &labels);
        view.containers.insert(name.clone(), owner.clone());
        known.insert(id, Named { name, owner });
    }
    for volume in volumes {
        let owner = owner(&volume.name, &volume.labels);
        view.volumes.insert(volume.name, owner);
    }
    for secret in secrets {
        let revision = secret.labels.get(REVISION_LABEL).cloned();
        let owner = owner(&secret.name, &secret.labels);
        let owner = owner.map(|app| (app, revision.unwrap_or_default()));
        view.secrets.insert(secret.name, owner);
    }
    Ok((view, known, images))
}

/// The networks by name, without the containers on them.
pub(crate) async fn networks(
    podman: &Podman,
) -> Result<BTreeMap<String, PodmanNetwork>, podman::Error> {
    let networks = podman.networks().await?.into_iter();
    let known = networks.map(|network| {
        let known = PodmanNetwork {
            owner: owner(&network.name, &network.labels),
            isolated: is_isolated(network.options.get("isolate").map(String::as_str)),
            containers: BTreeSet::new(),
        };
        (network.name, known)
    });
    Ok(known.collect())
}

fn owner(name: &str, labels: &BTreeMap<String, String>) -> Option<AppId> {
    observed::owner(name, labels.get(APP_LABEL)?)
}

#[cfg(test)]
mod tests {
    use archipelago_core::observed::{Job, Load, Service};

    use super::*;

    #[test]
    fn containers_are_listed_in_several_files_of_which_none_need_be_there() {
        let storage =
            std::env::temp_dir().join(format!("archipelago-stored-{}", std::process::id()));
        let names = || {
            let all = stored_in(&storage)?;
            Some(
                all.into_iter()
                    .flat_map(|container| container.names)
                    .collect::<Vec<_>>(),
            )
        };
        disk::make_folder(&storage.join("overlay-containers"), 0o700).unwrap();
        assert_eq!(names(), None, "it may keep them elsewhere");
        let write = |list: &str, content: &str| {
            let path = storage.join("overlay-containers").join(list);
            std::fs::write(path, content).unwrap();
        };
        write(
            "volatile-containers.json",
            r#"[{"id": "a1", "names": ["archy-web"], "image": "b2"}]"#,
        );
        assert_eq!(names().unwrap(), ["archy-web"]);
        write(
            "containers.json",
            r#"[{"id": "c3", "names": ["theirs"]}, {"id": "d4"}]"#,
        );
        assert_eq!(names().unwrap(), ["theirs", "archy-web"]);
        write("containers.json", "[{");
        assert_eq!(names(), None, "it is being written, or of another kind");
        disk::remove_folder(&storage).unwrap();
    }

    #[test]
    fn a_container_that_is_new_is_asked_for_unless_a_service_makes_it() {
        let app = AppId::parse("web").unwrap();
        let named = Named {
            name: "archy-web".to_owned(),
            owner: Some(app.clone()),
        };
        let known = Known {
            fingerprint: String::new(),
            failures: BTreeMap::new(),
            view: PodmanView::default(),
            containers: BTreeMap::from([("a1".to_owned(), named)]),
        };
        let stored = |id: &str, name: &str| Stored {
            id: id.to_owned(),
            names: vec![name.to_owned()],
        };
        let mut observed = Observed::default();
        let both = || vec![stored("a1", "archy-web"), stored("b2", "theirs")];
        let now = known.containers_now(both(), &observed).unwrap();
        assert_eq!(now, BTreeMap::from([("archy-web".to_owned(), Some(app))]));
        assert!(
            known.containers_now(vec![], &observed).unwrap().is_empty(),
            "it is gone"
        );
        // A foreign object has been renamed to our name, or another object has that name now.
        assert_eq!(
            known.containers_now(vec![stored("a1", "archy-other")], &observed),
            None
        );
        let taken = || vec![stored("c3", "archy-web")];
        assert_eq!(known.containers_now(taken(), &observed), None);
        let mut look = |active, job| {
            let service = Service {
                load: Load::Loaded,
                active,
                sub: "dead".into(),
                job,
                failure: None,
                began: None,
            };
            observed
                .services
                .insert("archy-web.service".to_owned(), service);
            known.containers_now(taken(), &observed)
        };
        assert_eq!(look(Active::Inactive, None), None);
        assert_eq!(
            look(Active::Inactive, Some(Job::Other)),
            None,
            "it has not begun"
        );
        assert_eq!(look(Active::Failed, None), None);
        assert_eq!(
            look(Active::Activating, Some(Job::Other)),
            Some(BTreeMap::new())
        );
        assert_eq!(look(Active::Active, None), Some(BTreeMap::new()));
    }

    #[test]
    fn podman_is_believed_to_keep_its_lists_here_only_when_it_lists_the_same() {
        let named = |name: &str| Named {
            name: name.to_owned(),
            owner: None,
        };
        let listed = BTreeMap::from([("a1".to_owned(), named("web"))]);
        let stored = |id: &str| Stored {
            id: id.to_owned(),
            names: Vec::new(),
        };
        assert!(storage_is_verified(&listed, &[stored("a1"), stored("b2")]));
        assert!(!storage_is_verified(&listed, &[stored("b2")]));
        assert!(
            !storage_is_verified(&BTreeMap::new(), &[]),
            "both may be empty by chance"
        );
    }
}
