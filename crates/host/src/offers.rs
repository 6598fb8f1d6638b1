//! The host's offers for the needs of containers (`archipelago_core::needs`). It starts no process.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use archipelago_core::desired::{Desired, DesiredContainer};
use archipelago_core::error::chain;
use archipelago_core::image::Reference;
use archipelago_core::needs::{Device, Offers};
use archipelago_core::observed::{Observed, PodmanView, Service};

use futures_util::{StreamExt, stream};

use super::podman::Podman;
use super::systemd::Systemd;
use super::{architecture, controllers, disk};

/// The number of registries' answers that are waited for at once.
const AT_ONCE: usize = 8;

/// The offers for the containers of these apps, or only for those that do not run: a running
/// container has all that it needs.
pub async fn observe(
    desired: &Desired,
    observed: &Observed,
    systemd: &Systemd,
    which: Which,
) -> Offers {
    let is_up = |service: &str| observed.services.get(service).is_some_and(Service::is_up);
    let containers = desired
        .present()
        .filter(|(_, present)| present.running)
        .flat_map(|(_, present)| present.containers())
        .filter(|(unit, _)| which == Which::All || !is_up(&unit.service))
        .map(|(_, container)| container);
    let mut offers = Offers {
        architecture: architecture::native().to_owned(),
        controllers: controllers::delegated(),
        ..Offers::default()
    };
    for container in containers {
        for path in &container.needs.devices {
            offers.devices.insert(path.clone(), device(path));
        }
        for name in container.needs.limits.keys() {
            if !offers.limits.contains_key(name)
                && let Ok(most) = systemd.limit(name).await
            {
                offers.limits.insert(name.clone(), most);
            }
        }
        if let Some(view) = observed.podman_view() {
            let wanted = container.needs.networks.iter();
            let missing = wanted.filter(|name| !view.networks.contains_key(*name));
            offers.missing_networks.extend(missing.cloned());
            let wanted = container.needs.volumes.iter();
            let missing = wanted.filter(|name| !view.volumes.contains_key(*name));
            offers.missing_volumes.extend(missing.cloned());
        }
        if let Some(kind) = foreign_image(container, observed.podman_view()) {
            let image = container.image.reference.to_string();
            offers.foreign_images.insert(image, kind.to_owned());
        }
    }
    offers
}

/// The architectures that registries have these images for, each image with whether it is
/// pulled without TLS. An image of which that cannot be learnt is left out: its pull will tell why.
pub async fn registry(
    podman: &Podman,
    images: BTreeMap<String, bool>,
) -> BTreeMap<String, BTreeSet<String>> {
    let asked = images.into_iter().map(|(image, without_tls)| async move {
        if Reference::parse(&image).is_ok_and(|reference| reference.is_local()) {
            return None;
        }
        match podman.architectures_of(&image, !without_tls).await {
            Ok(architectures) => architectures.map(|architectures| (image, architectures)),
            Err(error) => {
                tracing::debug!("{}", chain(&error));
                None
            }
        }
    });
    let answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    answers.filter_map(std::future::ready).collect().await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    NotRunning,
}

fn device(path: &Path) -> Device {
    use rustix::fs::Access;
    match disk::exists(path) {
        Ok(false) => Device::Missing,
        Ok(true) if rustix::fs::access(path, Access::READ_OK).is_ok() => Device::Usable,
        Ok(true) | Err(_) => Device::Closed,
    }
}

/// The architecture of an image, if it is here and its programs do not run.
fn foreign_image<'a>(
    container: &DesiredContainer,
    view: Option<&'a PodmanView>,
) -> Option<&'a String> {
    let architectures: &BTreeMap<String, String> = &view?.architectures;
    let kind = architectures.get(&container.image.reference.to_string())?;
    (!architecture::runs(kind)).then_some(kind)
}
