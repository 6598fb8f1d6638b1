//! From the desired and the observed state to the actions: pure, total, and the same for the same
//! arguments.
//!
//! One plan is one pass: it observes nothing again, reloads systemd at most once, and leaves what
//! needs another observation to the next pass. The order of the steps is the order of safety:
//! secrets and folders, then the check of the complete set of units, then the record of what a
//! crash must not forget, then the files, one reload, the services, and removal last.

mod blocked;
mod files;
pub mod guard;
mod planner;
mod present;
mod releases;
mod removed;
mod renewal;
mod services;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::action::{AppStep, Reason};
use crate::data_folder::Claim;
use crate::desired::{App, Desired};
use crate::observed::Observed;
use crate::retries::{Retries, Subject};

use planner::{Planner, Renewal, Steps, starts_left};

pub use blocked::{Blocked, blocked, revisions, without_network};
pub use files::RENDERED_MODE;
pub use planner::{Plan, STARTING, starts_max};
pub use releases::unused;
pub use renewal::running_invocations;

/// Plans the actions. `now` is a monotonic time, the one of `retries`.
#[must_use]
pub fn plan(desired: &Desired, observed: &Observed, retries: &Retries, now: Duration) -> Plan {
    if matches!(desired.claim, Claim::Refused(_)) {
        // Running services go on.
        return Plan::default();
    }
    let mut planner = Planner {
        desired,
        observed,
        retries,
        now,
        steps: Steps::default(),
        memory: observed.memory.clone(),
        complete: true,
        regenerates: BTreeSet::new(),
        reopens: BTreeSet::new(),
        restarted: BTreeSet::new(),
        imageless: present::imageless(desired, observed),
        unknown: present::unknown(desired, observed),
        starts_left: starts_left(observed, retries, now),
        crowded: false,
        renewal: Renewal::default(),
    };
    planner.forget_ended_invocations();
    planner.note_unisolated();
    planner.renewal = Renewal::of(&planner);
    for (id, app) in &desired.apps {
        if !retries.is_due(&Subject::App(id.clone()), now) {
            planner.complete = false;
            continue;
        }
        match app {
            App::Broken { .. } | App::NeedsApp { .. } | App::NeedsFile { .. } => {}
            App::NeedsSecrets { missing } => {
                for (name, recipe) in missing {
                    let step = AppStep::GenerateSecret {
                        name: name.clone(),
                        recipe: recipe.clone(),
                    };
                    let action = planner.action(id, step, Reason::Missing);
                    planner.steps.first.push(action);
                }
            }
            App::Present(present) => planner.present(id, present),
            App::Removed {
                purge, required_by, ..
            } => planner.removed(id, *purge, required_by),
        }
    }
    planner.finish()
}
