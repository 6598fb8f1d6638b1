//! One observation of the whole host, as core's [`Observed`].
//!
//! Disk and systemd always; Podman when core says that it must be asked; probes for what runs. No
//! process is started, except once for each run of a job that has failed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use archipelago_core::desired::{App, Desired, DesiredProbe};
use archipelago_core::error::chain;
use archipelago_core::image_facts::ImageState;
use archipelago_core::image_progress::ImageProgress;
use archipelago_core::layout::Layout;
use archipelago_core::name::PREFIX;
use archipelago_core::observed::Network;
use archipelago_core::observed::{
    self, Answer, Leftovers, Memory, Observed, Override, Unreachable, is_generated, needs_podman,
};
use archipelago_core::plan::starts_max;
use archipelago_core::quadlet::{Mark, is_unit_file, mark_of};
use futures_util::future::join_all;

use super::cache::{Cached, Contents, ReadSet};
use super::failed_jobs::FailedJobs;
use super::fingerprint::{self, Fingerprint, fingerprint};
use super::inventory::PodmanInventory;
use super::listeners::Listeners;
use super::offers::{self, Which};
use super::podman::Podman;
use super::services::{Beginnings, observed_service};
use super::systemd::{self, Systemd};
use super::watch::WatchSet;
use super::{disk, network_helpers, owners, probe, releases};

/// Why the host could not be observed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error(transparent)]
    Systemd(#[from] systemd::Error),
}

/// The time that an observation waits for Podman. The first call after a while starts it, which
/// takes seconds on a small machine.
pub const PODMAN_LIMIT: Duration = Duration::from_secs(20);

/// The time that an observation waits for a Podman that did not answer the last time and that is
/// not due for another attempt to wake it. A Podman that hangs must not delay, tick by tick,
/// repairs that need no Podman.
pub const UNRESPONSIVE_PODMAN_LIMIT: Duration = Duration::from_secs(3);

/// The findings of earlier observations, which are not read again while nothing has changed.
#[derive(Default)]
pub struct ObservationCache {
    units: Contents,
    rendered: Contents,
    generated: Cached<BTreeMap<String, Mark>>,
    invocations: Cached<BTreeMap<String, String>>,
    beginnings: Beginnings,
    inventory: PodmanInventory,
    failed_jobs: FailedJobs,
    listeners: Listeners,
    releases: releases::Known,
    settles_in: Option<Duration>,
}

impl ObservationCache {
    /// The time until an observation is certain of Podman's changes, if the last one was not.
    pub fn settles_in(&self) -> Option<Duration> {
        self.settles_in
    }
}

/// Whether Podman is asked about its objects although nothing depends on them now, which wakes it,
/// and the longest wait for each answer.
#[derive(Clone, Copy, Debug)]
pub struct AskPodman {
    pub always: bool,
    pub limit: Duration,
}

/// Looks at the host.
///
/// # Errors
/// When the disk or systemd cannot be read; Podman's silence is part of what is observed.
pub async fn observe(
    desired: &Desired,
    cache: &mut ObservationCache,
    systemd: &Systemd,
    podman: &Podman,
    ask_podman: AskPodman,
    images_underway: BTreeMap<String, ImageProgress>,
) -> Result<Observed, Error> {
    let mut observed = observe_disk(desired, cache)?;
    observed.images_underway = images_underway;
    observed.releases = releases::observe(desired, &mut cache.releases)?;
    let (services, generated) = ask_systemd(desired, cache, systemd).await?;
    observed.generated = generated;
    for (name, service) in services {
        let seen = observed_service(systemd, &name, service).await;
        observed.services.insert(name, seen);
    }
    cache
        .beginnings
        .ask(desired, systemd, &mut observed)
        .await?;
    cache.failed_jobs.ask(desired, systemd, &mut observed).await;
    let AskPodman { always, limit } = ask_podman;
    if always || needs_podman(desired, &observed) {
        observed.podman = cache
            .inventory
            .refresh(podman, limit, desired, &observed)
            .await;
        learn_images(desired, cache, podman, limit, &mut observed).await;
    }
    observed.offers = offers::observe(desired, &observed, systemd, Which::NotRunning).await;
    observed.network = observe_network(desired, cache, &observed);
    observed.answers = ask_probes(desired, &observed).await;
    Ok(observed)
}

/// Learns the facts of the wanted images. A damaged image counts as absent.
async fn learn_images(
    desired: &Desired,
    cache: &ObservationCache,
    podman: &Podman,
    limit: Duration,
    observed: &mut Observed,
) {
    let observed::Podman::Answered(view) = &mut observed.podman else {
        return;
    };
    let learnt = cache.inventory.learn(podman, desired);
    match tokio::time::timeout(limit, learnt).await {
        Ok(Ok(states)) => {
            let is_damaged =
                |name: &String| matches!(states.get(name), Some(ImageState::Damaged(_)));
            view.images.retain(|name, _| !is_damaged(name));
            observed.images = states;
        }
        Ok(Err(error)) => {
            observed.podman = observed::Podman::Unreachable(Unreachable::Refused(chain(&error)))
        }
        Err(_) => observed.podman = observed::Podman::Unreachable(Unreachable::Silent(limit)),
    }
}

fn observe_network(
    desired: &Desired,
    cache: &mut ObservationCache,
    observed: &Observed,
) -> Network {
    let (gone, members) = network_helpers::observe();
    Network {
        gone,
        members,
        closed: cache.listeners.closed(desired, observed),
    }
}

/// Asks systemd for our services, and reads our marks in the units that it has loaded. During a
/// reload its folder is empty or half full, and it answers no call: so the folder is read after an
/// answer, and a unit that is not as wanted is read once more after another answer.
async fn ask_systemd(
    desired: &Desired,
    cache: &mut ObservationCache,
    systemd: &Systemd,
) -> Result<(BTreeMap<String, systemd::Service>, BTreeMap<String, Mark>), Error> {
    let pattern = format!("{PREFIX}*.service");
    let mut before = None;
    loop {
        let services = systemd.services(&[&pattern]).await?;
        let found = cache
            .generated
            .get_or_read(|read_set| generated(&desired.layout, read_set))?;
        if is_generated(desired, found) || before.as_ref() == Some(found) {
            return Ok((services, found.clone()));
        }
        before = Some(found.clone());
    }
}

/// Observes only who owns the names that the apps need: on the disk and, where it is given, in
/// Podman.
///
/// # Errors
/// When the disk cannot be read.
pub async fn names(desired: &Desired, podman: Option<&Podman>) -> Result<Observed, Error> {
    let mut cache = ObservationCache::default();
    let mut observed = observe_disk(desired, &mut cache)?;
    if let Some(podman) = podman {
        observed.podman = cache
            .inventory
            .refresh(podman, PODMAN_LIMIT, desired, &observed)
            .await;
    }
    Ok(observed)
}

fn observe_disk(desired: &Desired, cache: &mut ObservationCache) -> Result<Observed, Error> {
    let layout = &desired.layout;
    let Fingerprint { text, settles_in } = fingerprint();
    cache.settles_in = settles_in;
    let mut observed = Observed {
        memory: memory(&layout.pending())?,
        fingerprint: text,
        starts_max: starts_max(std::thread::available_parallelism().map_or(1, usize::from)),
        ..Observed::default()
    };
    let unit_paths = disk::names(&layout.units)?
        .into_iter()
        .filter(|name| name.starts_with(PREFIX) && is_unit_file(name))
        .map(|name| layout.unit(&name));
    // A file that cannot be read may be foreign: it is left alone, and delays no other app.
    observed.unit_files = cache
        .units
        .of(unit_paths)?
        .into_iter()
        .filter_map(|(path, file)| Some((path.file_name()?.to_str()?.to_owned(), file.content)))
        .collect();
    let invocations = cache
        .invocations
        .get_or_read(|read_set| invocations(layout, read_set))?;
    observed.invocations.clone_from(invocations);
    for name in disk::names(&layout.systemd)?
        .into_iter()
        .filter(|name| name.starts_with(PREFIX) && name.ends_with(".service"))
    {
        let target = disk::read_link(&layout.systemd.join(&name))?;
        let masked = target.is_some_and(|target| target == std::path::Path::new("/dev/null"));
        observed.overrides.insert(
            name,
            if masked {
                Override::Masked
            } else {
                Override::Foreign
            },
        );
    }
    observed.drop_ins = drop_ins(layout)?;
    let rendered = desired
        .present()
        .flat_map(|(_, present)| present.files.keys().cloned());
    // A file that cannot be read is as wrong as one with another content.
    observed.files = cache.rendered.of(rendered)?;
    for (id, app) in &desired.apps {
        match app {
            App::Present(present) => {
                // If this fails, making the folder fails too, for this app alone.
                let is_folder = |path: &&PathBuf| {
                    disk::file_type(path).is_ok_and(|kind| kind.is_some_and(|kind| kind.is_dir()))
                };
                observed
                    .folders
                    .extend(present.folders.iter().filter(is_folder).cloned());
                let owned = present.owners.keys();
                let ungiven = owned.filter(|path| owners::is_ungiven(path));
                observed.ungiven.extend(ungiven.cloned());
            }
            App::Removed { containers, .. } => {
                let parts = [layout.volumes(id), layout.files(id), layout.secrets(id)];
                let data = parts.iter().any(|path| disk::may_exist(path));
                let rendered = containers
                    .iter()
                    .filter(|container| disk::may_exist(&layout.rendered(container)))
                    .cloned()
                    .collect();
                observed
                    .leftovers
                    .insert(id.clone(), Leftovers { data, rendered });
            }
            App::Broken { .. }
            | App::NeedsSecrets { .. }
            | App::NeedsApp { .. }
            | App::NeedsFile { .. } => {}
        }
    }
    Ok(observed)
}

/// The operator's drop-ins for our units: Quadlet's (`podman-systemd.unit(5)`, "drop-in") and
/// systemd's (`systemctl --user edit`).
fn drop_ins(layout: &Layout) -> Result<BTreeMap<String, BTreeSet<PathBuf>>, disk::Error> {
    let mut found: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for (folder, suffix) in [
        (&layout.units, ".container.d"),
        (&layout.systemd, ".service.d"),
    ] {
        for name in disk::names(folder)? {
            let Some(stem) = name
                .strip_suffix(suffix)
                .filter(|stem| stem.starts_with(PREFIX))
            else {
                continue;
            };
            let files = disk::names(&folder.join(&name))?;
            let files = files.iter().filter(|file| file.ends_with(".conf"));
            let files: BTreeSet<PathBuf> =
                files.map(|file| folder.join(&name).join(file)).collect();
            if !files.is_empty() {
                found
                    .entry(format!("{stem}.service"))
                    .or_default()
                    .extend(files);
            }
        }
    }
    Ok(found)
}

/// Our marks in what the generators wrote. The folder alone is noted: systemd makes it anew at each
/// reload, and reads it only then.
fn generated(
    layout: &Layout,
    read_set: &mut ReadSet,
) -> Result<BTreeMap<String, Mark>, disk::Error> {
    let folder = layout.generated();
    let services = read_set
        .names(&folder)?
        .into_iter()
        .filter(|name| name.starts_with(PREFIX) && name.ends_with(".service"));
    let mut marks = BTreeMap::new();
    for name in services {
        let content = match disk::read_with_metadata(&folder.join(&name)) {
            Ok(found) => found.map(|(_, content)| content),
            Err(error) if error.is_exhaustion() => return Err(error),
            // It is somebody else's.
            Err(_) => None,
        };
        if let Some(mark) = content.as_deref().and_then(mark_of) {
            marks.insert(name, mark);
        }
    }
    Ok(marks)
}

/// The invocations of what runs. The folder alone is noted: a link cannot be changed, only
/// replaced.
fn invocations(
    layout: &Layout,
    read_set: &mut ReadSet,
) -> Result<BTreeMap<String, String>, disk::Error> {
    let folder = layout.invocations();
    let mut invocations = BTreeMap::new();
    for link in read_set.names(&folder)? {
        if let Some(service) = link.strip_prefix("invocation:")
            && service.starts_with(PREFIX)
            && let Some(id) = disk::read_link(&folder.join(&link))?
        {
            invocations.insert(service.to_owned(), id.to_string_lossy().into_owned());
        }
    }
    Ok(invocations)
}

fn memory(path: &std::path::Path) -> Result<Memory, Error> {
    Ok(Memory::read(disk::read(path)?.as_deref()))
}

/// The files and folders whose changes an observation would see. systemd's own folders are left to
/// its signals.
pub fn watch_set(desired: &Desired, watch_set: &mut WatchSet) {
    let layout = &desired.layout;
    for folder in [&layout.config, &layout.units, &layout.systemd] {
        watch_set.folder(folder.clone());
    }
    // Passes of others: what they have tried.
    watch_set.file(&layout.retries());
    for (_, present) in desired.present() {
        for file in present.files.keys() {
            watch_set.file(file);
        }
        for folder in &present.folders {
            watch_set.file(folder);
        }
    }
    fingerprint::watch_set(watch_set);
}

/// Asks what runs: what shows how an app is doing may be up before the app is.
async fn ask_probes(desired: &Desired, observed: &Observed) -> BTreeMap<DesiredProbe, Answer> {
    let probes: BTreeSet<_> = desired
        .present()
        .filter(|(_, present)| present.running)
        .flat_map(|(_, present)| &present.probes)
        .filter(|probe| {
            let service = observed.services.get(&probe.service);
            service.is_some_and(observed::Service::is_up)
        })
        .collect();
    let asked = probes
        .into_iter()
        .map(|probe| async move { (probe.clone(), probe::ask(probe).await) });
    join_all(asked).await.into_iter().collect()
}
