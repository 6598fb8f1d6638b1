//! What is on the host, as one look at all of it found it.
//!
//! The disk and systemd are always looked at. Podman is asked only when [`needs_podman`] says so: while every container is active in
//! its wanted revision and Podman's folders are unchanged since everything was last seen to be there, its images, volumes,
//! networks and secrets are there, and asking would start a Podman process for nothing.

mod network;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::desired::{App, Desired, DesiredContainer, DesiredProbe, DesiredUnit, Present};
use crate::name::AppId;
use crate::quadlet::{Mark, mark_of};
use crate::release::Stored;

pub use network::{PodmanNetwork, is_isolated};

/// One look at the host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The files in Quadlet's folder that bear a name or a mark of ours: name to content.
    pub unit_files: BTreeMap<String, Vec<u8>>,
    /// Our marks in what Quadlet generated at the last reload, by service.
    pub generated: BTreeMap<String, Mark>,
    /// systemd's view, by service.
    pub services: BTreeMap<String, Service>,
    /// The invocation ids of running services.
    pub invocations: BTreeMap<String, String>,
    /// What stands above a generated unit in the user's own systemd folder, by service.
    pub overrides: BTreeMap<String, Override>,
    /// The operator's drop-ins for a container, by service. They are never touched.
    pub drop_ins: BTreeMap<String, BTreeSet<PathBuf>>,
    /// The content and mode of the rendered files that are wanted and exist.
    pub files: BTreeMap<PathBuf, RenderedFile>,
    /// The wanted folders that exist.
    pub folders: BTreeSet<PathBuf>,
    /// What an earlier pass had to remember.
    pub memory: Memory,
    /// A summary of Podman's folders, which changes when its objects do; none where it is not known where they are, or when they may just now be
    /// changing without showing it.
    pub fingerprint: Option<String>,
    /// What Podman says.
    pub podman: Podman,
    /// The definitions that are stored.
    pub stored: Stored,
    /// The images that are being pulled or built, with the last line of progress.
    pub images_underway: BTreeMap<String, String>,
    /// Whether a probe was answered; absent when it was not asked.
    pub answers: BTreeMap<DesiredProbe, Answer>,
    /// The parts of apps to be removed that are still on the disk.
    pub remains: BTreeMap<AppId, Remains>,
    /// How many services may be coming up at once because of passes; one in any case.
    pub starts_max: usize,
}

/// systemd's view of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Whether systemd has its definition.
    pub load: Load,
    /// What it does.
    pub active: Active,
    /// systemd's own finer word, such as `auto-restart`.
    pub sub: String,
    /// The job for it that is queued or running.
    pub job: Option<Job>,
    /// For a service that is not well: why.
    pub failure: Option<Failure>,
    /// When its run began, since the boot. Known of services that follow others, and of those that they follow, unless they are down.
    pub began: Option<Duration>,
}

/// A job of systemd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// It is to stop.
    Stop,
    /// Anything else: start, restart, reload …
    Other,
}

/// Whether systemd has a unit's definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// It has.
    Loaded,
    /// It has not.
    NotFound,
    /// The operator masked it.
    Masked,
    /// It cannot use it.
    Bad,
}

/// What a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Active {
    /// It runs.
    Active,
    /// It starts, or waits to be started again.
    Activating,
    /// It stops.
    Deactivating,
    /// It rests.
    Inactive,
    /// It rests after a failure.
    Failed,
}

/// Why a service is not well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// systemd's result, such as `exit-code`.
    pub result: String,
    /// The exit status of its main process.
    pub status: i32,
    /// How often systemd started it again.
    pub restarts: u32,
}

/// What stands above a generated unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Override {
    /// A link to /dev/null: the operator's word, respected.
    Masked,
    /// Another unit of the same name.
    Foreign,
}

/// A rendered file as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// Its content.
    pub content: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
}

/// What a pass must not forget when it is killed. It lies in the runtime folder: a reboot settles all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Unit files were changed, and systemd has not reloaded since.
    pub reload: bool,
    /// Services that run with something older than their unit: service to the invocation that must end; it is empty for one that was about to
    /// start when its unit was changed.
    pub restarts: BTreeMap<String, String>,
    /// The fingerprint of Podman's folders when all that is wanted was there.
    pub fingerprint: String,
    /// The networks of ours that Podman was last seen to have without isolation.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unisolated: BTreeSet<String>,
}

/// What an app said when it was asked whether it is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is.
    Ready,
    /// Not yet, for a reason that it gave.
    Busy(Busy),
    /// Nothing, or nothing that could be understood.
    Silent,
}

/// What an app that runs still has to do before it is of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Busy {
    /// What it does, to be read after "it is": `at 83 %, about 2 h left`.
    pub message: String,
    /// How far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// How many seconds it will probably take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_s: Option<u64>,
}

/// What Podman says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Podman {
    /// It was not asked.
    #[default]
    Unasked,
    /// It did not answer.
    Unreachable(String),
    /// It answered.
    Seen(PodmanView),
}

/// Podman's objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodmanView {
    /// Names of images, digests included, with the app they were built for on this node.
    pub images: BTreeMap<String, Option<AppId>>,
    /// Containers by name, with the app of their label.
    pub containers: BTreeMap<String, Option<AppId>>,
    /// Networks by name.
    pub networks: BTreeMap<String, PodmanNetwork>,
    /// Volumes by name, with the app of their label.
    pub volumes: BTreeMap<String, Option<AppId>>,
    /// Secrets by name, with the app of their label and their revision.
    pub secrets: BTreeMap<String, Option<(AppId, String)>>,
}

/// What is left on the disk of an app that should go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// Whether it has a folder of volumes, files or secrets.
    pub data: bool,
    /// Its containers that have a folder of rendered files.
    pub rendered: BTreeSet<String>,
}

impl Service {
    /// Whether it runs, settled.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.active == Active::Active && self.job.is_none()
    }

    /// Whether it rests.
    #[must_use]
    pub fn is_down(&self) -> bool {
        matches!(self.active, Active::Inactive | Active::Failed) && self.job.is_none()
    }

    /// Whether it starts, or will.
    #[must_use]
    pub fn is_coming_up(&self) -> bool {
        self.active == Active::Activating || self.job == Some(Job::Other)
    }

    /// Whether systemd has started it again, it has ended again, and systemd is about to go on with that.
    #[must_use]
    pub fn tries_in_vain(&self) -> bool {
        let restarts = self.failure.as_ref().map_or(0, |failure| failure.restarts);
        self.is_restarting() && self.job.is_none() && restarts >= 2
    }

    /// Whether systemd waits to start it again after a failure.
    #[must_use]
    pub fn is_restarting(&self) -> bool {
        self.active == Active::Activating && self.sub.starts_with("auto-restart")
    }
}

impl Observed {
    /// Our mark in a unit file; `None` when the file is absent or foreign.
    #[must_use]
    pub fn mark(&self, unit: &str) -> Option<Mark> {
        let mark = mark_of(self.unit_files.get(unit)?)?;
        // A copy under another name is somebody else's.
        let stem = unit.rsplit_once('.').map_or(unit, |(stem, _)| stem);
        mark.app.may_own(stem).then_some(mark)
    }

    /// The unit files of an app with the marks in them.
    pub fn units_of<'a>(&'a self, app: &'a AppId) -> impl Iterator<Item = (&'a str, Mark)> {
        of_app(&self.unit_files, app).filter_map(move |(name, content)| {
            let mark = mark_of(content).filter(|mark| mark.app == *app)?;
            Some((name, mark))
        })
    }

    /// The units of an app by its marks on the disk and in what systemd has loaded, with whether they are companions': unit files may have
    /// been deleted while their services go on.
    #[must_use]
    pub fn traces_of(&self, app: &AppId) -> BTreeMap<String, bool> {
        self.traces_beside(app, &BTreeMap::new())
    }

    /// As [`Observed::traces_of`], without the units that are wanted.
    #[must_use]
    pub fn traces_beside(
        &self,
        app: &AppId,
        wanted: &BTreeMap<String, DesiredUnit>,
    ) -> BTreeMap<String, bool> {
        let is_wanted = |service: &str| wanted.values().any(|unit| unit.service == service);
        let loaded = of_app(&self.generated, app)
            .filter(|(service, mark)| mark.app == *app && !is_wanted(service))
            .filter_map(|(service, mark)| {
                let stem = service.strip_suffix(".service")?;
                let kind = ["-network", "-volume"]
                    .iter()
                    .find_map(|kind| Some(format!("{}.{}", stem.strip_suffix(kind)?, &kind[1..])));
                let unit = kind.unwrap_or_else(|| format!("{stem}.container"));
                Some((unit, mark.companion))
            });
        let on_disk = of_app(&self.unit_files, app)
            .filter(|(unit, _)| !wanted.contains_key(*unit))
            .filter_map(|(unit, content)| {
                let mark = mark_of(content).filter(|mark| mark.app == *app)?;
                Some((unit.to_owned(), mark.companion))
            });
        loaded.chain(on_disk).collect()
    }

    /// The invocation of a service that must end because something it was started with has changed since.
    #[must_use]
    pub fn must_restart(&self, service: &str) -> bool {
        match (
            self.memory.restarts.get(service),
            self.invocations.get(service),
        ) {
            (Some(stale), Some(current)) => stale == current,
            _ => false,
        }
    }

    /// Whether a service that this container follows has begun anew since it did: it looks for that one where it no longer is.
    #[must_use]
    pub fn has_fallen_behind(&self, service: &str, container: &DesiredContainer) -> bool {
        let began = |service: &Service| service.began;
        let Some(own) = self.services.get(service).and_then(began) else {
            return false;
        };
        let followed = container
            .follows
            .iter()
            .map(|other| self.services.get(other));
        followed
            .flatten()
            .filter(|other| other.is_up())
            .filter_map(began)
            .any(|other| other > own)
    }

    /// Whether a service that does not run may start at any moment without being told to by this pass.
    #[must_use]
    pub fn is_coming_up(&self, service: &str) -> bool {
        self.services
            .get(service)
            .is_some_and(Service::is_coming_up)
    }

    /// Podman's objects, if it was asked and answered.
    #[must_use]
    pub fn podman_view(&self) -> Option<&PodmanView> {
        match &self.podman {
            Podman::Seen(view) => Some(view),
            Podman::Unasked | Podman::Unreachable(_) => None,
        }
    }
}

/// The entries whose names can be an app's. Of all apps' together the work is that of a single walk through the map.
fn of_app<'a, T>(
    named: &'a BTreeMap<String, T>,
    app: &'a AppId,
) -> impl Iterator<Item = (&'a str, &'a T)> {
    let first = app.network();
    let names = named.range::<str, _>((Bound::Included(first.as_str()), Bound::Unbounded));
    names
        .take_while(move |(name, _)| name.starts_with(&first))
        .map(|(name, value)| (name.as_str(), value))
        .filter(|(name, _)| {
            let stem = name.rsplit_once('.').map_or(*name, |(stem, _)| stem);
            app.may_own(stem)
        })
}

impl Memory {
    /// Reads the file it is kept in.
    #[must_use]
    pub fn read(content: Option<&[u8]>) -> Self {
        // A file that a full disk cut short says nothing any more: a reload too many is the harmless guess.
        let unreadable = || Self {
            reload: true,
            ..Self::default()
        };
        content.map_or_else(Self::default, |content| {
            serde_json::from_slice(content).unwrap_or_else(|_| unreadable())
        })
    }
}

/// The app that an object of Podman's belongs to: by its label, and by its name, because labels can be copied along with an image.
#[must_use]
pub fn owner(name: &str, label: &str) -> Option<AppId> {
    let app = AppId::parse(label).ok()?;
    app.may_own(name).then_some(app)
}

/// The app that an image was built for on this node: by its label, and by its name in the local registry.
#[must_use]
pub fn built_for(name: &str, label: &str) -> Option<AppId> {
    let local = name.strip_prefix("localhost/")?;
    owner(
        local.rsplit_once(':').map_or(local, |(path, _)| path),
        label,
    )
}

impl PodmanView {
    /// Whether Podman has a container, network, volume or secret of the app. Images are no part of an app: others may use them.
    #[must_use]
    pub fn has_any_of(&self, app: &AppId) -> bool {
        let Self {
            images: _,
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

/// Whether Podman must be asked before a plan can be made.
#[must_use]
pub fn needs_podman(desired: &Desired, observed: &Observed) -> bool {
    let anything = desired
        .apps
        .values()
        .any(|app| matches!(app, App::Present(_) | App::Removed { .. }));
    // A restart may be the occasion to make a network anew.
    let renews = !observed.memory.unisolated.is_empty() && !observed.memory.restarts.is_empty();
    renews
        || (anything && observed.fingerprint.as_ref() != Some(&observed.memory.fingerprint))
        || desired.apps.iter().any(|(id, app)| match app {
            App::Present(present) => !is_settled(present, observed),
            App::Removed { .. } => observed.traces_of(id).is_empty(),
            App::Broken { .. } | App::NeedsSecrets { .. } | App::NeedsApp { .. } => false,
        })
}

/// Whether Quadlet has made a service of every unit that is wanted, as it is wanted.
#[must_use]
pub fn is_generated(desired: &Desired, generated: &BTreeMap<String, Mark>) -> bool {
    let mut units = desired
        .present()
        .flat_map(|(_, present)| present.units.values());
    units.all(|unit| unit.is_generated(generated))
}

/// Whether each container of an app is as wanted, as far as systemd and the disk can tell.
fn is_settled(present: &Present, observed: &Observed) -> bool {
    present.containers().all(|(unit, container)| {
        let waits = !container.companion && awaited(present, observed).is_some();
        let current = observed.unit_files.get(&unit.file.name).map(Vec::as_slice)
            == Some(unit.file.content.as_bytes());
        if !current {
            return false;
        }
        let Some(service) = observed.services.get(&unit.service) else {
            return !present.running || waits;
        };
        let known = observed.overrides.contains_key(&unit.service) || service.load == Load::Masked;
        known
            || if present.running {
                service.is_up() || (service.is_down() && waits)
            } else {
                service.is_down()
            }
    })
}

/// A required app that rests because the operator stopped or masked it, or because one that it requires rests. Until that changes, this one
/// could only look for it in vain.
#[must_use]
pub fn at_rest<'a>(
    desired: &Desired,
    present: &'a Present,
    observed: &Observed,
) -> Option<&'a AppId> {
    let is_masked_and_down = |service: &String| {
        let found = observed.services.get(service);
        let masked = observed.overrides.get(service) == Some(&Override::Masked)
            || found.is_some_and(|found| found.load == Load::Masked);
        masked && found.is_none_or(Service::is_down)
    };
    // Apps that require each other in a circle are none that are present.
    let rests = |app: &AppId, service: Option<&String>| {
        let stopped = matches!(desired.apps.get(app), Some(App::Present(required))
            if !required.running || at_rest(desired, required, observed).is_some());
        stopped || service.is_some_and(is_masked_and_down)
    };
    let mut required = present.requires.iter();
    let found = required.find(|(app, service)| rests(app, service.as_ref()));
    found.map(|(app, _)| app)
}

/// A required app that cannot be reached, for which this one waits before it is started.
#[must_use]
pub fn awaited<'a>(present: &'a Present, observed: &Observed) -> Option<&'a AppId> {
    let is_up = |service: &String| observed.services.get(service).is_some_and(Service::is_up);
    present
        .requires
        .iter()
        .find(|(_, service)| service.as_ref().is_some_and(|service| !is_up(service)))
        .map(|(app, _)| app)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(app: &str) -> String {
        format!("[X-Archipelago]\nApp={app}\nCompanion=false\nRevision=1\nVersion=1\n")
    }

    /// The app `web` could have a service `x`, whose names would be those of the app `web-x`.
    #[test]
    fn what_an_app_left_is_told_from_what_another_of_such_a_name_has() {
        let mut observed = Observed::default();
        for (app, stem) in [("web", "archy-web"), ("web-x", "archy-web-x")] {
            let content = unit(app).into_bytes();
            let mark = mark_of(&content).unwrap();
            observed
                .generated
                .insert(format!("{stem}-data-volume.service"), mark);
            observed
                .unit_files
                .insert(format!("{stem}.container"), content);
        }
        for (app, expected) in [
            ("web", ["archy-web-data.volume", "archy-web.container"]),
            (
                "web-x",
                ["archy-web-x-data.volume", "archy-web-x.container"],
            ),
        ] {
            let traces = observed.traces_of(&AppId::parse(app).unwrap());
            assert_eq!(traces.into_keys().collect::<Vec<_>>(), expected, "{app}");
        }
    }

    #[test]
    fn a_memory_that_a_full_disk_cut_short_costs_a_reload_and_no_more() {
        let memory = Memory {
            reload: false,
            restarts: BTreeMap::from([("archy-web.service".to_owned(), "run 1".to_owned())]),
            fingerprint: "podman".to_owned(),
            unisolated: BTreeSet::from(["archy-web".to_owned()]),
        };
        let whole = serde_json::to_vec(&memory).unwrap();
        assert_eq!(Memory::read(Some(&whole)), memory);
        assert_eq!(Memory::read(None), Memory::default());
        let reload = Memory {
            reload: true,
            ..Memory::default()
        };
        for cut in [0, 1, whole.len() - 1] {
            assert_eq!(Memory::read(Some(&whole[..cut])), reload, "{cut} bytes");
        }
        // What another version adds is no reason to forget the rest.
        assert_eq!(
            Memory::read(Some(b"{\"reload\": true, \"new\": 1}")),
            reload
        );
    }
}
