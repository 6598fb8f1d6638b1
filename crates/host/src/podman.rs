//! Podman over its REST API, on the user's socket: what it holds, and the few calls that change it.
//!
//! Starting, stopping and creating containers is systemd's part through Quadlet, so no call here
//! does it. Nothing here retries or decides. Each request has a connection of its own, so that
//! `podman.service` can end when idle (a connection that stays open keeps a whole Podman process
//! alive). To remove what is gone is success.

mod build;
mod http;
mod pull;
mod revive;
mod secret;

pub use build::{BuildRequest, ContextFile};
pub use http::{Error, Podman};
pub use pull::{Layer, Progress};
pub use revive::revive;
pub use secret::Secret;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde::{Deserialize, Deserializer};

use archipelago_core::import::RunningContainer;
use http::{CALL_LIMIT, Call, encode};

/// The longest that a removal may take: Podman deletes a volume's files, of which a node has many,
/// before it answers.
const REMOVAL_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Podman's storage: `podman-info(1)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Podman's own version, such as `5.4.2`.
    pub version: String,
    pub rootless: bool,
    /// The folder of images and containers.
    pub graph_root: PathBuf,
    /// `overlay`, `btrfs`, `vfs`, …
    pub graph_driver: String,
    /// `netavark`, or in old installations `cni`.
    pub network_backend: String,
    /// `v2`, or on old systems `v1`, where Quadlet does not work.
    pub cgroup_version: String,
    /// The controllers that were delegated to the user: `memory`, `pids`, `cpu`, …
    pub cgroup_controllers: Vec<String>,
    /// The number of containers, volumes and pods for which it has locks left (`num_locks` in
    /// `containers.conf(5)`).
    pub free_locks: Option<u32>,
}

/// An image in the user's store or in a read-only additional one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Image {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Full names with tag (`docker.io/library/nginx:stable`); none for a dangling image.
    #[serde(default, deserialize_with = "or_default")]
    pub names: Vec<String>,
    /// Full names with digest (`docker.io/library/nginx@sha256:…`), both of the image and of the
    /// list it came from.
    #[serde(default, deserialize_with = "or_default")]
    pub repo_digests: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// The architecture (`amd64`); absent from older versions of Podman.
    #[serde(default, rename = "Arch")]
    pub architecture: String,
    /// In bytes, layers that it shares with others included.
    pub size: u64,
    /// When it was made, in seconds since 1970.
    #[serde(default)]
    pub created: u64,
    /// In an additional image store: it can be used but not removed.
    #[serde(default)]
    pub read_only: bool,
}

/// An image with what it says of its containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedImage {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Full names with tag.
    pub names: Vec<String>,
    /// Full names with digest.
    pub repo_digests: Vec<String>,
    pub labels: BTreeMap<String, String>,
    /// The paths that it declares as volumes (`VOLUME` in a Containerfile), as they are written
    /// there.
    pub volumes: Vec<String>,
    /// The architecture (`amd64`); empty when it does not say.
    pub architecture: String,
}

/// A container in any state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub name: String,
    /// 64 hexadecimal digits.
    pub id: String,
    /// The reference it was created from.
    pub image: String,
    /// The image's own id, 64 hexadecimal digits.
    pub image_id: String,
    /// Quadlet's services set `PODMAN_SYSTEMD_UNIT` to their own name.
    pub labels: BTreeMap<String, String>,
    /// The names of the networks that it joined.
    pub networks: Vec<String>,
}

/// A named volume.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Volume {
    pub name: String,
    pub driver: String,
    /// The folder of its files; inside the user's store for the driver `local`.
    pub mountpoint: PathBuf,
    #[serde(default, deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Network {
    pub name: String,
    /// 64 hexadecimal digits.
    pub id: String,
    /// `bridge`, `macvlan`, `ipvlan`.
    pub driver: String,
    #[serde(default, deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// Those of its driver, such as `isolate` (podman-network-create(1)).
    #[serde(default, deserialize_with = "or_default")]
    pub options: BTreeMap<String, String>,
}

impl Podman {
    /// Podman's own version, such as `5.4.2`.
    pub async fn version(&self) -> Result<String, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Version {
            version: String,
        }
        let answer: Version = self.get("ask for Podman's version", "/version").await?;
        Ok(answer.version)
    }

    /// Asks for Podman's storage.
    pub async fn info(&self) -> Result<Info, Error> {
        #[derive(Deserialize)]
        struct Answer {
            host: Host,
            store: Store,
            version: Version,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Host {
            cgroup_version: String,
            #[serde(default, deserialize_with = "or_default")]
            cgroup_controllers: Vec<String>,
            network_backend: String,
            free_locks: Option<u32>,
            security: Security,
        }
        #[derive(Deserialize)]
        struct Security {
            rootless: bool,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Store {
            graph_root: PathBuf,
            graph_driver_name: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Version {
            version: String,
        }
        let Answer {
            host,
            store,
            version,
        } = self.get("ask for Podman's settings", "/info").await?;
        Ok(Info {
            version: version.version,
            rootless: host.security.rootless,
            graph_root: store.graph_root,
            graph_driver: store.graph_driver_name,
            network_backend: host.network_backend,
            cgroup_version: host.cgroup_version,
            cgroup_controllers: host.cgroup_controllers,
            free_locks: host.free_locks,
        })
    }

    /// An image by name, digest reference or id; `None` when there is none. Of `name:tag@digest`
    /// Podman ignores the tag: the digest alone decides. Podman may say of one that is damaged that
    /// it is there, and list none because of it; this fails then.
    pub async fn inspect_image(&self, reference: &str) -> Result<Option<InspectedImage>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            id: String,
            #[serde(default, deserialize_with = "or_default")]
            repo_tags: Vec<String>,
            #[serde(default, deserialize_with = "or_default")]
            repo_digests: Vec<String>,
            #[serde(default, deserialize_with = "or_default")]
            labels: BTreeMap<String, String>,
            #[serde(default, deserialize_with = "or_default")]
            config: Config,
            #[serde(default, rename = "Architecture")]
            architecture: String,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Config {
            #[serde(default, deserialize_with = "or_default")]
            volumes: BTreeMap<String, serde_json::Value>,
        }
        let what = format!("inspect the image {reference}");
        let target = format!("/images/{}/json", encode(reference));
        let answer: Answer = match self.get(&what, &target).await {
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => return Ok(None),
            answer => answer?,
        };
        Ok(Some(InspectedImage {
            id: answer.id,
            names: answer.repo_tags,
            repo_digests: answer.repo_digests,
            labels: answer.labels,
            volumes: answer.config.volumes.into_keys().collect(),
            architecture: answer.architecture,
        }))
    }

    /// All images that have a name or belong to no other image, those of additional stores
    /// included. One id comes twice when it is both in an additional store and in the user's own.
    pub async fn images(&self) -> Result<Vec<Image>, Error> {
        self.get("list images", "/images/json").await
    }

    /// Removes a name, and with its last name the image. An image that a container uses is refused
    /// (409).
    pub async fn remove_image(&self, reference: &str) -> Result<(), Error> {
        self.remove("image", reference, "").await
    }

    /// Gives an image one more name, `repository:tag`, of this node.
    pub async fn tag(&self, reference: &str, name: &str) -> Result<(), Error> {
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        let target = format!(
            "/images/{}/tag?repo={}&tag={}",
            encode(reference),
            encode(repository),
            encode(tag)
        );
        let call = Call::new(
            format!("name {reference} {name}"),
            Method::POST,
            target,
            CALL_LIMIT,
        );
        self.call(&call, Vec::new()).await.map(drop)
    }

    /// The containers in every state.
    pub async fn containers(&self) -> Result<Vec<Container>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            #[serde(default, deserialize_with = "or_default")]
            names: Vec<String>,
            id: String,
            image: String,
            #[serde(rename = "ImageID")]
            image_id: String,
            #[serde(default, deserialize_with = "or_default")]
            labels: BTreeMap<String, String>,
            #[serde(default, deserialize_with = "or_default")]
            networks: Vec<String>,
        }
        let answer: Vec<Answer> = self
            .get("list containers", "/containers/json?all=true")
            .await?;
        let containers = answer.into_iter().map(|container| Container {
            name: container.names.into_iter().next().unwrap_or_default(),
            id: container.id,
            image: container.image,
            image_id: container.image_id,
            labels: container.labels,
            networks: container.networks,
        });
        Ok(containers.collect())
    }

    /// The containers that run, with the folders of the host that they mount. Docker answers this
    /// as well; `program` is the name of the one that is asked.
    pub async fn running(&self, program: &'static str) -> Result<Vec<RunningContainer>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            #[serde(default, deserialize_with = "or_default")]
            names: Vec<String>,
            #[serde(default, deserialize_with = "or_default")]
            mounts: Vec<Mounted>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Mounted {
            #[serde(default)]
            source: String,
        }
        let what = "list the containers that run".to_owned();
        let call = Call::of_docker(what, "/containers/json".to_owned());
        let answer: Vec<Answer> = call.json(&self.call(&call, Vec::new()).await?)?;
        let containers = answer.into_iter().map(|container| RunningContainer {
            name: container
                .names
                .first()
                .map(|name| name.trim_start_matches('/').to_owned())
                .unwrap_or_default(),
            program,
            mounts: container
                .mounts
                .into_iter()
                .map(|mounted| mounted.source.into())
                .collect(),
        });
        Ok(containers.collect())
    }

    /// Removes a container, and with `force` stops it first. Its named volumes stay.
    pub async fn remove_container(&self, name: &str, force: bool) -> Result<(), Error> {
        self.remove("container", name, if force { "?force=true" } else { "" })
            .await
    }

    pub async fn volumes(&self) -> Result<Vec<Volume>, Error> {
        self.get("list volumes", "/volumes/json").await
    }

    /// The volume of exactly that name, if there is one.
    pub async fn volume(&self, name: &str) -> Result<Option<Volume>, Error> {
        let what = format!("inspect the volume {name}");
        let target = format!("/volumes/{}/json", encode(name));
        match self.get(&what, &target).await {
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            volume => volume.map(Some),
        }
    }

    /// Whether there is a volume of exactly that name.
    pub async fn volume_exists(&self, name: &str) -> Result<bool, Error> {
        self.exists("volume", name).await
    }

    /// Removes a volume and its files. One that a container uses is refused (409).
    pub async fn remove_volume(&self, name: &str) -> Result<(), Error> {
        self.remove("volume", name, "").await
    }

    pub async fn networks(&self) -> Result<Vec<Network>, Error> {
        self.get("list networks", "/networks/json").await
    }

    /// Whether there is a network of exactly that name.
    pub async fn network_exists(&self, name: &str) -> Result<bool, Error> {
        self.exists("network", name).await
    }

    /// Removes a network. One that a container uses is refused.
    pub async fn remove_network(&self, name: &str) -> Result<(), Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Removed {
            err: Option<String>,
        }
        let call = removal("network", name, "");
        let removed: Vec<Removed> = match self.call(&call, Vec::new()).await {
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => return Ok(()),
            Err(error) => return Err(error),
            Ok(body) => call.json(&body)?,
        };
        // For a reason other than being in use, Podman answers 200 with that reason in the body.
        match removed.into_iter().find_map(|removed| removed.err) {
            Some(message) => Err(call.refused(StatusCode::OK, message)),
            None => Ok(()),
        }
    }

    async fn get<T: for<'a> Deserialize<'a>>(&self, what: &str, target: &str) -> Result<T, Error> {
        let call = Call::new(what.to_owned(), Method::GET, target.to_owned(), CALL_LIMIT);
        let body = self.call(&call, Vec::new()).await?;
        call.json(&body)
    }

    async fn exists(&self, kind: &str, name: &str) -> Result<bool, Error> {
        let what = format!("look for the {kind} {name}");
        let target = format!("/{kind}s/{}/exists", encode(name));
        let call = Call::new(what, Method::GET, target, CALL_LIMIT);
        match self.call(&call, Vec::new()).await {
            Ok(_) => Ok(true),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn remove(&self, kind: &str, name: &str, query: &str) -> Result<(), Error> {
        let call = removal(kind, name, query);
        match self.call(&call, Vec::new()).await {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn removal(kind: &str, name: &str, query: &str) -> Call {
    let target = format!("/{kind}s/{}{query}", encode(name));
    Call::new(
        format!("remove the {kind} {name}"),
        Method::DELETE,
        target,
        REMOVAL_LIMIT,
    )
}

/// Go writes an empty list or map as `null`.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
