//! Podman's objects, and whose they are.

use std::collections::BTreeMap;
use std::time::Duration;

use super::network::PodmanNetwork;
use crate::name::AppId;

/// Podman's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Podman {
    /// It was not asked.
    #[default]
    Unasked,
    Unreachable(Unreachable),
    Answered(PodmanView),
}

/// Why Podman did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    #[error(
        "Podman did not answer within {} s; `systemctl --user status podman.service` may tell why",
        .0.as_secs()
    )]
    Silent(Duration),
    /// Its own words, or those of the system.
    #[error("{0}")]
    Refused(String),
}

/// Podman's objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodmanView {
    /// Names of images, digests included, with the app they were built for on this node.
    pub images: BTreeMap<String, Option<AppId>>,
    /// The architectures of images (`amd64`), by the same names, as far as Podman
    /// tells.
    pub architectures: BTreeMap<String, String>,
    /// Containers by name, with the app of their label.
    pub containers: BTreeMap<String, Option<AppId>>,
    /// Networks by name.
    pub networks: BTreeMap<String, PodmanNetwork>,
    /// Volumes by name, with the app of their label.
    pub volumes: BTreeMap<String, Option<AppId>>,
    /// Secrets by name, with the app of their label and their revision.
    pub secrets: BTreeMap<String, Option<(AppId, String)>>,
}

impl PodmanView {
    /// Whether Podman has a container, network, volume or secret of the app. Images are no part of
    /// an app: others may use them.
    #[must_use]
    pub fn has_any_of(&self, app: &AppId) -> bool {
        let Self {
            images: _,
            architectures: _,
            containers,
            networks,
            volumes,
            secrets,
        } = self;
        let mut owners = [containers, volumes]
            .into_iter()
            .flat_map(BTreeMap::values)
            .flatten()
            .chain(
                networks
                    .values()
                    .filter_map(|network| network.owner.as_ref()),
            )
            .chain(secrets.values().flatten().map(|(app, _)| app));
        owners.any(|owner| owner == app)
    }
}

/// The app that an object of Podman's belongs to: by its label, and by its name, because labels can
/// be copied along with an image.
#[must_use]
pub fn owner(name: &str, label: &str) -> Option<AppId> {
    let app = AppId::parse(label).ok()?;
    app.may_own(name).then_some(app)
}

/// The app that an image was built for on this node: by its label, and by its name in the local
/// registry.
#[must_use]
pub fn built_for(name: &str, label: &str) -> Option<AppId> {
    let local = name.strip_prefix("localhost/")?;
    owner(
        local.rsplit_once(':').map_or(local, |(path, _)| path),
        label,
    )
}
