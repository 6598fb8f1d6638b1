//! A plan on its way to the host: which action is next, and what a failure leaves out.

use std::collections::BTreeSet;

use super::Outcome;
use crate::action::{Action, Step};
use crate::desired::Desired;
use crate::name::AppId;
use crate::observed::Observed;
use crate::plan::{Plan, guard};

/// A plan that is being applied. What fails for one app leaves out the rest of that app's actions; what fails for all ends the pass.
///
/// Every action passes [`guard`] before it is handed out, so no mistake in planning reaches what is not ours.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    plan: &'a Plan,
    outcomes: Vec<Outcome>,
    failed: BTreeSet<&'a AppId>,
    ended: bool,
}

impl<'a> Run<'a> {
    /// Begins with the first action.
    #[must_use]
    pub fn new(desired: &'a Desired, observed: &'a Observed, plan: &'a Plan) -> Self {
        Self {
            desired,
            observed,
            plan,
            outcomes: Vec::with_capacity(plan.actions.len()),
            failed: BTreeSet::new(),
            ended: false,
        }
    }

    /// The next action to do; `None` at the end. It is the same until [`Run::went`] says how it went.
    pub fn next_action(&mut self) -> Option<&'a Action> {
        loop {
            let action = self.plan.actions.get(self.outcomes.len())?;
            let left_out = self.ended
                || action
                    .app
                    .as_ref()
                    .is_some_and(|app| self.failed.contains(app));
            if left_out || self.reloads_for_nothing(action) {
                self.outcomes.push(Outcome::Skipped);
                continue;
            }
            match guard::check(self.desired, self.observed, self.plan, action) {
                Ok(()) => return Some(action),
                Err(refused) => self.went(Outcome::Failed(refused.to_string())),
            }
        }
    }

    /// Whether a reload was due only for unit files of which none could be changed. It would read what was there before, and make systemd forget
    /// the units whose files are missing; then nobody could tell any more what their services run with.
    fn reloads_for_nothing(&self, action: &Action) -> bool {
        let mut changes = self
            .plan
            .actions
            .iter()
            .zip(&self.outcomes)
            .filter(|(action, _)| {
                matches!(action.step, Step::WriteUnit { .. } | Step::RemoveUnit(_))
            })
            .map(|(_, outcome)| outcome)
            .peekable();
        action.step == Step::Reload
            && !self.observed.memory.reload
            && self.plan.regenerates.is_empty()
            && changes.peek().is_some()
            && changes.all(|outcome| *outcome != Outcome::Done)
    }

    /// Notes how the action went that [`Run::next_action`] named.
    pub fn went(&mut self, outcome: Outcome) {
        let Some(action) = self.plan.actions.get(self.outcomes.len()) else {
            return;
        };
        if matches!(outcome, Outcome::Failed(_) | Outcome::Refused(_)) {
            match &action.app {
                Some(app) => drop(self.failed.insert(app)),
                None => self.ended = true,
            }
        }
        self.outcomes.push(outcome);
    }

    /// Whether a secret may be there whose name does not last: making it failed somewhere.
    #[must_use]
    pub fn leaves_a_secret_in_doubt(&self) -> bool {
        let done = self.plan.actions.iter().zip(&self.outcomes);
        done.into_iter().any(|(action, outcome)| {
            matches!(action.step, Step::GenerateSecret { .. })
                && matches!(outcome, Outcome::Failed(_))
        })
    }

    /// How all of it went, in the order of the plan's actions.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }
}
