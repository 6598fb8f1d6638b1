//! The passes to come, worked out before the first of them is made.
//!
//! Each pass is planned by the reconciler itself, on the host as the passes before would leave it
//! if all went well. So a forecast says what would be done and why, and `plan` and the passes
//! cannot disagree but for what the host does meanwhile.

mod changes;
mod host;

use std::time::Duration;

use crate::action::{Action, Summary};
use crate::desired::{Apps, Desired, Inputs, assemble};
use crate::observed::Observed;
use crate::reconcile::{Outcome, Reconciler};

pub use changes::{Change, Changes, Object, Sign};

use host::{Host, made_up};

/// More passes than any change needs. A start that waits for another app's takes a pass of its own.
const PASSES_MAX: u64 = 64;

/// The work of the passes to come.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// The actions of all passes, in their order.
    pub actions: Vec<Action>,
    /// The wanted state once all secrets are made.
    pub desired: Desired,
    /// Whether nothing is left to do in the end, as far as can be foreseen.
    pub is_complete: bool,
}

/// Works out what passes will do from now. `inputs` are as an operation leaves them, `observed` is
/// the host before it. What `reconciler` knows of earlier failures counts.
#[must_use]
pub fn forecast(
    inputs: Inputs,
    observed: Observed,
    mut reconciler: Reconciler,
    now: Duration,
) -> Forecast {
    let mut host = Host::new(inputs, observed);
    let mut actions: Vec<Action> = Vec::new();
    let mut last = Vec::new();
    for pass in 0..PASSES_MAX {
        // systemd starts the services of one pass in order, so they count as started together.
        let began = now + Duration::from_micros(pass);
        let desired = host.desired();
        let plan = reconciler.plan(&desired, host.observed(), now);
        // Actions that are planned again at once have not helped.
        if plan.actions.is_empty() || plan.actions == last {
            let is_complete = plan.actions.is_empty();
            return Forecast {
                actions,
                desired,
                is_complete,
            };
        }
        for action in &plan.actions {
            host.apply(&desired, action, began);
        }
        let done = vec![Outcome::Done; plan.actions.len()];
        reconciler.finished(&desired, &plan, &done, now);
        actions.extend(plan.actions.iter().cloned());
        last = plan.actions;
    }
    Forecast {
        desired: host.desired(),
        actions,
        is_complete: false,
    }
}

impl Forecast {
    /// The actions for doors, without Archipelago's own notes.
    #[must_use]
    pub fn summaries(&self) -> Vec<Summary> {
        let told = self
            .actions
            .iter()
            .filter(|action| !action.is_bookkeeping());
        told.map(Action::summary).collect()
    }
}

/// The wanted state, with made-up texts for secrets that are not generated yet. An observation for
/// it covers all that the app will need.
#[must_use]
pub fn wanted(mut inputs: Inputs) -> Desired {
    let apps = Apps::read(&inputs);
    for (id, name, recipe) in apps.recipes() {
        let secrets = inputs.secrets.entry(id.clone()).or_default();
        let is_kept = secrets.get(name).is_some_and(|text| recipe.is_met_by(text));
        if !is_kept {
            secrets.insert(name.clone(), made_up(&recipe));
        }
    }
    assemble(&inputs, &apps)
}
