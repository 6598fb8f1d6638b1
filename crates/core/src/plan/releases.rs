//! The part of a plan about releases: storing what containers mount, taking over the definitions of
//! 0.1.0, and removing what nothing needs any more.
//!
//! 0.1.0 kept an app's definition as a folder, `apps/<id>`. It is taken over in three steps, each of
//! which may be the last one before a crash. First the folder becomes the release, and a link stands in
//! its place. Then the intent names the release. At last, when no unit names the former place, the link
//! goes. Until then a unit of 0.1.0 can start its container at any time.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Planner, for_all, for_app};
use crate::action::{Action, Step};
use crate::desired::{App, Desired, Present};
use crate::name::AppId;
use crate::observed::Observed;
use crate::progress::Subject;
use crate::release::{ReleaseId, Releases};

impl Planner<'_> {
    pub(super) fn store_mounted(&mut self, id: &AppId, present: &Present) {
        for (release, files) in &present.mounted {
            if self.observed.releases.whole.contains(release) {
                continue;
            }
            self.steps.first.push(for_app(
                id,
                Step::StoreRelease {
                    release: release.clone(),
                    files: files.clone(),
                },
            ));
            // A container that runs with this very unit still has the damaged files mounted.
            for (unit, _) in present.containers() {
                let found = self.observed.unit_files.get(&unit.file.name);
                let is_live = found.map(Vec::as_slice) == Some(unit.file.content.as_bytes());
                if is_live && unit.file.content.contains(release.as_str()) {
                    self.must_restart(&unit.service);
                }
            }
        }
    }

    /// Takes over the definitions of 0.1.0. It comes last in a pass: should it fail, nothing else waits.
    pub(super) fn take_over(&self) -> Vec<Action> {
        let folders = &self.desired.releases.folders;
        let due = folders.iter().filter(|(app, _)| {
            let is_wanted = !matches!(self.desired.apps.get(*app), Some(App::Removed { .. }));
            let subject = Subject::App((*app).clone());
            is_wanted && self.progress.is_due(&subject, self.now)
        });
        due.flat_map(|(app, release)| {
            let (id, release) = (app.clone(), release.clone());
            [
                Step::MoveDefinition {
                    app: id.clone(),
                    release: release.clone(),
                },
                Step::NameRelease { app: id, release },
            ]
            .map(|step| for_app(app, step))
        })
        .collect()
    }

    /// Removes what nothing needs any more. Only when systemd has read every unit as it is on the disk: what
    /// it would start is then what the units name.
    pub(super) fn collect(&self) -> Vec<Action> {
        let observed = self.observed;
        let layout = &self.desired.layout;
        let links = observed.releases.links.iter().filter(|app| {
            is_taken_over(self.desired, app) && !is_named(observed, &layout.definition(app))
        });
        let links = links.map(|app| for_app(app, Step::RemoveLink(app.clone())));
        let unused = unused(self.desired, observed).into_iter();
        let unused = unused.filter(|release| !observed.releases.mounted.contains(release));
        links
            .chain(unused.map(|release| for_all(Step::RemoveRelease(release))))
            .collect()
    }
}

/// The stored releases that nothing names: no intent, no earlier intent, no unit, wanted or written.
/// A container that runs with an older unit may still mount one of them.
#[must_use]
pub fn unused(desired: &Desired, observed: &Observed) -> BTreeSet<ReleaseId> {
    let Releases {
        folders,
        named,
        unusable: _,
    } = &desired.releases;
    let Some(named) = named else {
        return BTreeSet::new();
    };
    let is_named = |release: &ReleaseId| {
        let mut mounted = desired.present().map(|(_, present)| &present.mounted);
        named.contains(release)
            || folders.values().any(|other| other == release)
            || mounted.any(|mounted| mounted.contains_key(release))
            || is_mentioned(observed, release.as_str())
    };
    let stored = &observed.releases.all;
    let unused = stored.iter().filter(|release| !is_named(release));
    unused.cloned().collect()
}

/// Whether the intent of an app names a release, so that nothing but an old unit can need the former
/// place of its definition.
pub(super) fn is_taken_over(desired: &Desired, app: &AppId) -> bool {
    desired.apps.contains_key(app) && !desired.releases.folders.contains_key(app)
}

/// Whether a unit file of ours names a folder or something in it.
pub(super) fn is_named(observed: &Observed, folder: &Path) -> bool {
    is_mentioned(observed, &format!("{}/", folder.display()))
}

fn is_mentioned(observed: &Observed, text: &str) -> bool {
    let text = text.as_bytes();
    let mut units = observed.unit_files.values();
    units.any(|unit| unit.windows(text.len()).any(|window| window == text))
}
