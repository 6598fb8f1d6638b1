//! The part of a plan about stored definitions: those that nothing needs any more are removed.
//!
//! An operation stores a release before the intent names it. Killed in between, it leaves one that no
//! intent names; a switch of releases makes the oldest of the earlier ones such a one.

use super::{Planner, for_all};
use crate::action::{Action, Step};
use crate::desired::Desired;
use crate::name::AppId;
use crate::observed::Observed;
use crate::progress::Subject;
use crate::release::ReleaseId;

impl Planner<'_> {
    /// What to remove of the stored definitions. Only when nothing else is to be done: what runs has
    /// then been started with the units that are on the disk.
    pub(super) fn collect(&self) -> Vec<Action> {
        let is_quiet = self.memory.restarts.is_empty() && !self.memory.reload;
        if !is_quiet || !self.progress.is_due(&Subject::Releases, self.now) {
            return Vec::new();
        }
        let (desired, observed) = (self.desired, self.observed);
        let releases = observed.stored.releases.iter();
        let releases = releases.filter(|release| !is_needed(desired, observed, release));
        let folders = observed.stored.folders.iter();
        let folders = folders.filter(|app| !is_old_definition_needed(desired, observed, app));
        releases
            .map(|release| for_all(Step::RemoveRelease(release.clone())))
            .chain(folders.map(|app| for_all(Step::RemoveDefinition(app.clone()))))
            .collect()
    }
}

/// Whether an intent names a release, now or among the earlier ones, or a unit file mounts from it.
pub(super) fn is_needed(desired: &Desired, observed: &Observed, release: &ReleaseId) -> bool {
    let Some(named) = &desired.named else {
        return true;
    };
    let folder = desired.layout.release(release);
    named.releases.contains(release) || is_mentioned(observed, &folder)
}

/// Whether the definition in the place of version 0.1.0 is what its intent means, nobody's, or mounted
/// by a unit.
pub(super) fn is_old_definition_needed(
    desired: &Desired,
    observed: &Observed,
    app: &AppId,
) -> bool {
    let is_replaced = desired
        .named
        .as_ref()
        .is_some_and(|named| named.apps.contains(app));
    !is_replaced || is_mentioned(observed, &desired.layout.old_definition(app))
}

fn is_mentioned(observed: &Observed, folder: &std::path::Path) -> bool {
    let text = format!("{}/", folder.display());
    let text = text.as_bytes();
    let mut units = observed.unit_files.values();
    units.any(|unit| unit.windows(text.len()).any(|window| window == text))
}
