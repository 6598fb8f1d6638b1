//! Facts that Podman's API tells.

use std::collections::BTreeSet;
use std::time::Duration;

use archipelago_core::check::DamagedImages;
use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::observed::Unreachable;

use crate::podman::{Info, Podman};
use crate::{disk, image_inventory, inventory};

/// The time limit for an answer.
const LIMIT: Duration = Duration::from_secs(20);

/// Whether Podman can list its images; `None` when it does not answer, which is a fact of its own.
pub(super) async fn images() -> Option<Result<(), DamagedImages>> {
    let podman = Podman::for_this_user();
    let listed = tokio::time::timeout(LIMIT, podman.images()).await.ok()?;
    match listed {
        Ok(_) => Some(Ok(())),
        Err(error) if error.is_failure() => {
            let damaged = tokio::time::timeout(LIMIT, image_inventory::damaged(&podman)).await;
            let found = damaged.unwrap_or_default();
            Some(Err(DamagedImages {
                cause: error.message(),
                found: found
                    .into_iter()
                    .map(|(image, _)| (image.id, image.names))
                    .collect(),
            }))
        }
        Err(_) => None,
    }
}

pub(super) async fn info() -> Result<Info, Unreachable> {
    match tokio::time::timeout(LIMIT, Podman::for_this_user().info()).await {
        Ok(info) => info.map_err(|error| Unreachable::Refused(chain(&error))),
        Err(_) => Err(Unreachable::Silent(LIMIT)),
    }
}

/// `None` when Podman does not tell, or the intents cannot be read.
pub(super) async fn unisolated(layout: &Layout) -> Option<BTreeSet<AppId>> {
    let podman = Podman::for_this_user();
    let networks = tokio::time::timeout(LIMIT, inventory::networks(&podman));
    let networks = networks.await.ok()?.ok()?;
    let open = networks.into_values().filter(|network| !network.isolated);
    let mut apps = BTreeSet::new();
    for app in open.filter_map(|network| network.owner) {
        if disk::exists(&layout.intent(&app)).ok()? {
            apps.insert(app);
        }
    }
    Some(apps)
}
