//! One observation of the whole host.
//!
//! The disk and systemd are always observed. Podman is asked only when [`needs_podman`] says so:
//! while every container is active in its wanted revision and Podman's folders are unchanged since
//! everything was last seen to be there, its images, volumes, networks and secrets are there, and
//! asking would start a Podman process for nothing.

mod network;
pub(crate) mod network_helpers;
mod podman;
mod service;
mod settled;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::action::reason::Reason;
use crate::desired::{DesiredContainer, DesiredProbe, DesiredUnit};
use crate::image_facts::ImageState;
use crate::image_progress::ImageProgress;
use crate::name::AppId;
use crate::needs::Offers;
use crate::quadlet::{Mark, mark_of};
use crate::releases::Stored;

pub use network::{PodmanNetwork, is_isolated};
pub use network_helpers::{Helper, Network};
pub use podman::{Podman, PodmanView, Unreachable, built_for, owner};
pub use service::{Active, Failure, Job, Load, Override, Service, SubState};
pub use settled::{awaited, awaited_job, is_generated, needs_podman, stopped_required};

/// One observation of the host.
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
    /// The overrides of generated units in the user's own systemd folder, by service.
    pub overrides: BTreeMap<String, Override>,
    /// The operator's drop-ins for a container, by service. They are never touched.
    pub drop_ins: BTreeMap<String, BTreeSet<PathBuf>>,
    /// The content and mode of the rendered files that are wanted and exist.
    pub files: BTreeMap<PathBuf, RenderedFile>,
    /// The wanted folders that exist.
    pub folders: BTreeSet<PathBuf>,
    /// The wanted folders that are empty and do not belong to the user that they should.
    pub ungiven: BTreeSet<PathBuf>,
    /// The notes of earlier passes.
    pub memory: Memory,
    /// A summary of Podman's folders, which changes when its objects do; none where it is not known
    /// where they are, or when they may just now be changing without showing it.
    pub fingerprint: Option<String>,
    /// Podman's answer.
    pub podman: Podman,
    /// The images that are wanted and on the node, as far as Podman was asked.
    pub images: BTreeMap<String, ImageState>,
    /// The images that are being pulled or built, by full reference.
    pub images_underway: BTreeMap<String, ImageProgress>,
    /// Whether a probe was answered; absent when it was not asked.
    pub answers: BTreeMap<DesiredProbe, Answer>,
    /// The parts of apps to be removed that are still on the disk.
    pub leftovers: BTreeMap<AppId, Leftovers>,
    /// The host's offers for the containers that do not run.
    pub offers: Offers,
    /// The helpers of the containers' networks.
    pub network: Network,
    /// The stored releases.
    pub releases: Stored,
    /// The number of services that passes may start at once; at least one.
    pub starts_max: usize,
}

/// A rendered file as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    pub content: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
}

/// Notes that must outlive a killed pass. They lie in the runtime folder, because a reboot makes
/// them void.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Unit files were changed, and systemd has not reloaded since.
    pub reload: bool,
    /// Services that must restart because something they started with has changed: the invocation
    /// that must end, or empty if the service was about to start.
    pub restarts: BTreeMap<String, String>,
    /// The reason of each due restart, by service.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub restart_reasons: BTreeMap<String, Reason>,
    /// Services that still run with units of another version of Archipelago, with their
    /// invocations; their mounts may differ from their unit files.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub carried_over: BTreeMap<String, String>,
    /// The fingerprint of Podman's folders when all that is wanted was there.
    pub fingerprint: String,
    /// The networks of ours that Podman was last seen to have without isolation.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unisolated: BTreeSet<String>,
}

/// The answer of an app's probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Ready,
    /// Not yet, for a reason that it gave.
    Busy(Busy),
    /// Nothing, or nothing that could be understood.
    Silent,
}

/// The work that a running app still has to do before it is of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Busy {
    /// The work, to be read after "it is": `at 83 %, about 2 h left`.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// The probable time left, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_s: Option<u64>,
}

/// The remains on the disk of an app that is being removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Whether it has a folder of volumes, files or secrets.
    pub data: bool,
    /// Its containers that have a folder of rendered files.
    pub rendered: BTreeSet<String>,
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

    /// The units of an app by its marks on the disk and in what systemd has loaded, with whether
    /// they are companions': unit files may have been deleted while their services go on.
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

    /// The invocation of a service that must end because something it was started with has changed
    /// since.
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

    /// Whether a service whose address this container uses has restarted since the container
    /// started.
    #[must_use]
    pub fn has_fallen_behind(&self, service: &str, container: &DesiredContainer) -> bool {
        self.fell_behind(service, container).is_some()
    }

    /// The service whose address this container uses and that has restarted since the container
    /// started.
    #[must_use]
    pub fn fell_behind<'a>(
        &self,
        service: &str,
        container: &'a DesiredContainer,
    ) -> Option<&'a String> {
        let began = |service: &Service| service.began;
        let own = self.services.get(service).and_then(began)?;
        container.follows.iter().find(|other| {
            let other = self.services.get(*other).filter(|other| other.is_up());
            other.and_then(began).is_some_and(|other| other > own)
        })
    }

    /// Whether a service that does not run may start at any moment without this pass.
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
            Podman::Answered(view) => Some(view),
            Podman::Unasked | Podman::Unreachable(_) => None,
        }
    }
}

/// The entries whose names can be an app's. Of all apps' together the work is that of a single walk
/// through the map.
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
    /// Notes that an invocation of a service must end; of several reasons for the same one, the
    /// first stays. An empty invocation: the service is about to start.
    pub fn must_end(&mut self, service: &str, invocation: String, reason: Reason) {
        let known = self.restarts.insert(service.to_owned(), invocation.clone());
        if known.is_none_or(|known| known != invocation) {
            self.restart_reasons.remove(service);
        }
        self.restart_reasons
            .entry(service.to_owned())
            .or_insert(reason);
    }

    /// Why a service is to be restarted, if it is.
    #[must_use]
    pub fn restart_reason(&self, service: &str) -> Option<Reason> {
        let known = self.restart_reasons.get(service).cloned();
        let is_due = self.restarts.contains_key(service);
        is_due.then(|| known.unwrap_or(Reason::RestartPending))
    }

    /// Forgets the restarts for which `keep` returns false.
    pub fn retain_restarts(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.restarts
            .retain(|service, invocation| keep(service, invocation));
        let Self {
            restarts,
            restart_reasons,
            ..
        } = self;
        restart_reasons.retain(|service, _| restarts.contains_key(service));
    }

    /// Reads the file it is kept in.
    #[must_use]
    pub fn read(content: Option<&[u8]>) -> Self {
        // A file that a full disk cut short says nothing any more: a reload too many is the
        // harmless guess.
        let unreadable = || Self {
            reload: true,
            ..Self::default()
        };
        content.map_or_else(Self::default, |content| {
            serde_json::from_slice(content).unwrap_or_else(|_| unreadable())
        })
    }
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
    fn a_reason_to_restart_belongs_to_one_run() {
        let mut memory = Memory::default();
        let web = "archy-web.service";
        let note = |memory: &mut Memory, run: &str, reason| {
            memory.must_end(web, run.to_owned(), reason);
            memory.restart_reason(web).unwrap()
        };
        let closed = note(&mut memory, "run 1", Reason::PortsClosed);
        assert_eq!(closed, Reason::PortsClosed);
        assert_eq!(note(&mut memory, "run 1", Reason::RestartAsked), closed);
        let asked = note(&mut memory, "run 2", Reason::RestartAsked);
        assert_eq!(asked, Reason::RestartAsked);
        memory.retain_restarts(|_, run| run != "run 2");
        assert_eq!(memory, Memory::default());
    }

    #[test]
    fn a_memory_that_a_full_disk_cut_short_costs_a_reload_and_no_more() {
        let memory = Memory {
            reload: false,
            restarts: BTreeMap::from([("archy-web.service".to_owned(), "run 1".to_owned())]),
            restart_reasons: BTreeMap::from([(
                "archy-web.service".to_owned(),
                Reason::RestartAsked,
            )]),
            fingerprint: "podman".to_owned(),
            carried_over: BTreeMap::from([("archy-web.service".to_owned(), "run 1".to_owned())]),
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
        // A key that another version adds does not void the other keys.
        assert_eq!(
            Memory::read(Some(b"{\"reload\": true, \"new\": 1}")),
            reload
        );
    }
}
