//! A plan on its way to the host: which action is next, and what a failure leaves out.

use std::collections::BTreeSet;

use crate::action::{Action, AppStep, HostStep};
use crate::desired::Desired;
use crate::name::AppId;
use crate::observed::Observed;
use crate::plan::{Plan, guard};
use crate::reconcile::Outcome;

/// A plan, and the state of the host that it was made for.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub desired: &'a Desired,
    pub observed: &'a Observed,
    pub plan: &'a Plan,
}

/// How far a plan has been applied. What fails for one app leaves out the rest of that app's
/// actions; what fails for the host ends the pass.
///
/// Every action passes [`guard`] before it is handed out, so no mistake in planning reaches what is
/// not ours.
#[derive(Clone, Debug, Default)]
pub struct Run {
    outcomes: Vec<Outcome>,
    failed: BTreeSet<AppId>,
    ended: bool,
}

impl Run {
    /// The next action to do; `None` at the end. It is the same until [`Run::went`] says how it
    /// went.
    pub fn next_action<'a>(&mut self, scene: Scene<'a>) -> Option<&'a Action> {
        loop {
            let action = self.current(scene.plan)?;
            let left_out = self.ended || action.app().is_some_and(|app| self.failed.contains(app));
            if left_out || self.reloads_for_nothing(scene, action) {
                self.outcomes.push(Outcome::Skipped);
                continue;
            }
            match guard::check(scene.desired, scene.observed, scene.plan, action) {
                Ok(()) => return Some(action),
                Err(refused) => self.went(scene.plan, Outcome::Failed(refused.into())),
            }
        }
    }

    /// The action whose outcome is not known yet.
    pub(super) fn current<'a>(&self, plan: &'a Plan) -> Option<&'a Action> {
        plan.actions.get(self.outcomes.len())
    }

    /// Whether a reload was due only for unit files of which none could be changed. It would read
    /// what was there before, and make systemd forget the units whose files are missing; then
    /// nobody could tell any more what their services run with.
    fn reloads_for_nothing(&self, scene: Scene<'_>, action: &Action) -> bool {
        let mut changes = scene
            .plan
            .actions
            .iter()
            .zip(&self.outcomes)
            .filter(|(action, _)| {
                matches!(
                    action.app_step(),
                    Some(AppStep::WriteUnit { .. } | AppStep::RemoveUnit(_))
                )
            })
            .map(|(_, outcome)| outcome)
            .peekable();
        matches!(action.host_step(), Some(HostStep::Reload))
            && !scene.observed.memory.reload
            && scene.plan.regenerates.is_empty()
            && changes.peek().is_some()
            && changes.all(|outcome| *outcome != Outcome::Done)
    }

    /// Notes how the action went that [`Run::next_action`] named.
    pub fn went(&mut self, plan: &Plan, outcome: Outcome) {
        let Some(action) = self.current(plan) else {
            return;
        };
        if matches!(outcome, Outcome::Failed(_) | Outcome::Refused(_)) {
            match action.app() {
                Some(app) => drop(self.failed.insert(app.clone())),
                None => self.ended = true,
            }
        }
        self.outcomes.push(outcome);
    }

    /// Whether a secret may exist that a power loss could remove, because generating it failed at
    /// some step.
    #[must_use]
    pub fn may_leave_undurable_secret(&self, plan: &Plan) -> bool {
        let done = plan.actions.iter().zip(&self.outcomes);
        done.into_iter().any(|(action, outcome)| {
            matches!(action.app_step(), Some(AppStep::GenerateSecret { .. }))
                && matches!(outcome, Outcome::Failed(_))
        })
    }

    /// How all of it went, in the order of the plan's actions.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }
}
