//! The part of a plan about releases: storing what containers mount, taking over the definitions of
//! version 0.1.0, and removing what nothing needs any more.
//!
//! Version 0.1.0 kept an app's definition as a folder, `apps/<id>`, and containers mounted files in
//! it. It is taken over in steps, each of which may be the last one before a crash: the release is
//! stored, the intent names it, and the former folder goes once no unit names it and no container
//! that was started with one that did still runs. Until then such a unit can start its container at
//! any time.

use std::collections::BTreeSet;
use std::path::Path;

use super::planner::{Planner, for_host};
use crate::action::{Action, AppAction, AppStep, HostStep, Reason};
use crate::desired::{App, Desired, Present};
use crate::file::Files;
use crate::name::AppId;
use crate::observed::Observed;
use crate::release::ReleaseId;
use crate::releases::{Former, Releases};
use crate::retries::Subject;

impl Planner<'_> {
    pub(super) fn store_mounted(&mut self, id: &AppId, present: &Present) {
        for (release, files) in &present.mounted {
            if self.observed.releases.whole.contains(release) {
                continue;
            }
            let damaged = || Reason::ReleaseDamaged {
                release: release.clone(),
            };
            let reason = if self.observed.releases.all.contains(release) {
                damaged()
            } else {
                Reason::Missing
            };
            let action = self.action(id, store(release, files), reason);
            self.steps.first.push(action);
            // A container that runs with this very unit still has the damaged files mounted.
            for (unit, _) in present.containers() {
                let found = self.observed.unit_files.get(&unit.file.name);
                let is_live = found.map(Vec::as_slice) == Some(unit.file.content.as_bytes());
                if is_live && unit.file.content.contains(release.as_str()) {
                    self.must_restart(&unit.service, damaged());
                }
            }
        }
    }

    /// Takes over the definitions of version 0.1.0. It comes last in a pass: should it fail,
    /// nothing else waits.
    pub(super) fn take_over(&self) -> Vec<AppAction> {
        let releases = &self.desired.releases;
        let due = releases.former.iter().filter(|(app, _)| {
            let is_wanted = !matches!(self.desired.apps.get(*app), Some(App::Removed { .. }));
            let subjects = [
                Subject::App((*app).clone()),
                Subject::Granted((*app).clone()),
            ];
            let mut subjects = subjects.iter();
            is_wanted && subjects.all(|subject| self.retries.is_due(subject, self.now))
        });
        let mut actions = Vec::new();
        for (app, former) in due {
            let Former {
                release,
                files,
                allow,
            } = former;
            let (release, allow) = (release.clone(), allow.clone());
            let store = store(&release, files);
            actions.push(self.action(app, store, Reason::FormerDefinition));
            // Its release is stored now, and the intent becomes this version by the next step.
            actions.extend(self.keep(app));
            let name = AppStep::NameRelease { release, allow };
            actions.push(self.action(app, name, Reason::FormerDefinition));
        }
        actions
    }

    /// Keeps the versions of apps that a person has agreed to.
    pub(super) fn keep_granted(&self) -> Vec<AppAction> {
        let former = &self.desired.releases.former;
        let apps = self.desired.newly_granted.keys();
        let due = apps.filter(|app| {
            let subject = Subject::Granted((*app).clone());
            !former.contains_key(*app) && self.retries.is_due(&subject, self.now)
        });
        due.filter_map(|app| self.keep(app)).collect()
    }

    fn keep(&self, app: &AppId) -> Option<AppAction> {
        let intent = self.desired.newly_granted.get(app)?;
        let step = AppStep::KeepGranted(Box::new(intent.clone()));
        Some(self.action(app, step, Reason::Agreed))
    }

    /// Removes what nothing needs any more. Only when systemd has read every unit as it is on the
    /// disk: what it would start is then what the units name.
    pub(super) fn collect(&self) -> Vec<Action> {
        let (desired, observed) = (self.desired, self.observed);
        let former = observed.releases.former.iter();
        let former = former.filter(|app| !is_former_needed(desired, observed, app));
        let former = former.map(|app| {
            self.action(app, AppStep::RemoveFormer, Reason::Unneeded)
                .into()
        });
        let unused = unused(desired, observed).into_iter();
        former
            .chain(
                unused.map(|release| for_host(HostStep::RemoveRelease(release), Reason::Unneeded)),
            )
            .collect()
    }
}

fn store(release: &ReleaseId, files: &Files) -> AppStep {
    AppStep::StoreRelease {
        release: release.clone(),
        files: files.clone(),
    }
}

/// The stored releases that nothing needs: no intent, no earlier intent, no unit, wanted or
/// written, and no container that runs with another unit than the one on the disk.
#[must_use]
pub fn unused(desired: &Desired, observed: &Observed) -> BTreeSet<ReleaseId> {
    let Releases {
        former,
        named,
        unusable: _,
    } = &desired.releases;
    let Some(named) = named.as_ref().filter(|_| is_each_as_written(observed)) else {
        return BTreeSet::new();
    };
    let is_named = |release: &ReleaseId| {
        let mut mounted = desired.present().map(|(_, present)| &present.mounted);
        named.contains(release)
            || former.values().any(|other| other.release == *release)
            || mounted.any(|mounted| mounted.contains_key(release))
            || is_mentioned(observed, release.as_str())
    };
    let stored = observed.releases.all.iter();
    stored
        .filter(|release| !is_named(release))
        .cloned()
        .collect()
}

/// Whether something may need the folder in which version 0.1.0 kept an app's definition.
pub(super) fn is_former_needed(desired: &Desired, observed: &Observed, app: &AppId) -> bool {
    let is_taken_over =
        desired.apps.contains_key(app) && !desired.releases.former.contains_key(app);
    let folder = desired.layout.definition(app);
    !is_taken_over || !is_each_as_written(observed) || names(observed, &folder)
}

/// Whether each container that runs was started with the unit that is on the disk, as far as is
/// known.
fn is_each_as_written(observed: &Observed) -> bool {
    observed.memory.restarts.is_empty() && observed.memory.carried_over.is_empty()
}

/// Whether a unit file of ours names something in a folder.
fn names(observed: &Observed, folder: &Path) -> bool {
    is_mentioned(observed, &format!("{}/", folder.display()))
}

fn is_mentioned(observed: &Observed, text: &str) -> bool {
    let text = text.as_bytes();
    let mut units = observed.unit_files.values();
    units.any(|unit| unit.windows(text.len()).any(|window| window == text))
}
