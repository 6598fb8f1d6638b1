//! A manager and its passes: the counterpart of the program's `manager.rs`, around core's own
//! reconciler.

use std::rc::Rc;
use std::time::Duration;

use archipelago_core::action::Step;
use archipelago_core::desired::Desired;
use archipelago_core::health::{Report, report};
use archipelago_core::observed::Observed;
use archipelago_core::plan::{Plan, guard};
use archipelago_core::reconcile::{Outcome, Reconciler, Run};

use crate::invariants::Invariant;
use crate::manager::apply::apply;
use crate::manager::call::{CallError, Killed};
use crate::manager::pulls::{Finished, Pulls};
use crate::mutation::Mutation;
use crate::world::state::World;

/// A process that makes passes: the daemon, or a command.
#[derive(Clone, Debug, Default)]
pub struct Manager {
    reconciler: Reconciler,
    /// Whether the secrets that it found are known to be durable.
    secrets_synced: bool,
    pub(crate) pulls: Pulls,
}

#[derive(Clone, Debug)]
pub struct Pass {
    /// The state of the apps as they were observed.
    pub report: Report,
    /// The number of actions in its plan.
    pub actions: usize,
    /// When something is due before the next tick.
    pub wake_after: Option<Duration>,
}

impl Manager {
    /// Makes a pass; `None` if the host could not be observed, or the lock is held.
    ///
    /// # Errors
    /// When a fault killed it in the middle.
    pub fn pass(&mut self, world: &mut World) -> Result<Option<Pass>, Killed> {
        if world.locked && world.mutation != Some(Mutation::NoLock) {
            return Ok(None);
        }
        world.other_pass = Some(other_pass);
        let held = std::mem::replace(&mut world.locked, true);
        let pass = self.locked_pass(world);
        world.locked = held;
        world.pass_desired = None;
        match pass {
            Ok(pass) => Ok(Some(pass)),
            Err(CallError::Failed(_)) => Ok(None),
            Err(CallError::Killed) => {
                world.locked = false;
                Err(Killed)
            }
        }
    }

    /// The report of `archipelago status`: observes, and does nothing.
    pub fn status(world: &World) -> Report {
        let mut reconciler = Reconciler::default();
        recall(&mut reconciler, world);
        let desired = world.desired();
        let observed = world.observe_now(&desired);
        report(&desired, &observed, reconciler.progress())
    }

    fn locked_pass(&mut self, world: &mut World) -> Result<Pass, CallError> {
        world.remove_temporary_files()?;
        self.sync_secrets(world)?;
        recall(&mut self.reconciler, world);
        self.take_finished_pulls(world);
        let desired = world.desired();
        world.pass_desired = Some(Rc::clone(&desired));
        let underway = self.pulls.references();
        let underway = underway
            .map(|name| (name.clone(), "pulling".to_owned()))
            .collect();
        let mut observed = world.observe(&desired, underway)?;
        if let Some(mutation) = world.mutation {
            mutation.observed(&mut observed);
        }
        let plan = self.plan(world, &desired, &observed);
        let mut run = Run::new(&desired, &observed, &plan);
        while let Some(action) = run.next_action() {
            world.check_action(&observed, action);
            let outcome = apply(world, &mut self.pulls, action)?;
            world.log(|| format!("{} {outcome:?}", brief(&action.step)));
            if let Some(actions) = &mut world.actions
                && !matches!(action.step, Step::Remember(_) | Step::CheckUnits { .. })
            {
                *actions.entry(brief(&action.step)).or_default() += 1;
            }
            run.went(outcome);
        }
        self.secrets_synced &= !run.leaves_a_secret_in_doubt();
        let outcomes: Vec<Outcome> = run.outcomes().to_vec();
        let now = world.clock.since_boot;
        self.reconciler.finished(&desired, &plan, &outcomes, now);
        self.keep_progress(world)?;
        Ok(Pass {
            report: report(&desired, &observed, self.reconciler.progress()),
            actions: plan.actions.len(),
            wake_after: plan.wake_at.map(|at| at.saturating_sub(now)),
        })
    }

    fn plan(&mut self, world: &mut World, desired: &Desired, observed: &Observed) -> Plan {
        let now = world.clock.since_boot;
        let mut plan = self.reconciler.plan(desired, observed, now);
        if let Some(mutation) = world.mutation {
            mutation.plan(desired, observed, &mut plan);
        }
        for action in &plan.actions {
            if let Err(refused) = guard::check(desired, observed, &plan, action) {
                world.violation(Invariant::PlanKeepsRules, refused.to_string());
            }
        }
        plan
    }

    /// A process that was killed may have linked a secret and not synced its folder: sync before
    /// use.
    fn sync_secrets(&mut self, world: &mut World) -> Result<(), CallError> {
        if std::mem::replace(&mut self.secrets_synced, true) {
            return Ok(());
        }
        let root = world.layout.data.join("secrets");
        for app in world.disk.names(&root) {
            let synced = world.sync_folder(&root.join(app));
            self.secrets_synced = !matches!(synced, Err(CallError::Failed(_)));
            synced?;
        }
        Ok(())
    }

    /// Writes the failures and their backoff where every manager reads them.
    fn keep_progress(&mut self, world: &mut World) -> Result<(), CallError> {
        let Some(content) = self.reconciler.keep() else {
            return Ok(());
        };
        let path = world.layout.progress();
        let folder = path.parent().unwrap_or(&path).to_owned();
        let kept = world
            .make_folder(&folder)
            .and_then(|()| world.write(&path, &content, 0o600));
        let mutation = world.mutation;
        if let Some(changed) = mutation.and_then(|mutation| mutation.progress(&content)) {
            if world.disk.read(&path).as_deref() != Some(&changed[..]) {
                world.disk.put(&path, &changed, 0o600);
            }
            return Ok(());
        }
        match kept {
            Ok(()) => self.reconciler.kept(content),
            Err(CallError::Failed(_)) => {}
            Err(CallError::Killed) => return Err(CallError::Killed),
        }
        Ok(())
    }

    fn take_finished_pulls(&mut self, world: &mut World) {
        let now = world.clock.since_boot;
        for pull in self.pulls.take_finished(world) {
            let Finished { image, result } = pull;
            self.reconciler.image_finished(&image, result, now);
        }
    }
}

fn recall(reconciler: &mut Reconciler, world: &World) {
    let progress = world.disk.read(&world.layout.progress());
    reconciler.recall(progress.map(|progress| progress.to_vec()));
}

/// The pass of another manager while one is in the middle of its own; no fault strikes it. Only the
/// mutation [`Mutation::NoLock`] lets it get past the lock.
fn other_pass(world: &mut World) {
    let faults = std::mem::take(&mut world.faults);
    let desired = world.pass_desired.take();
    // Without faults nothing kills it.
    let _ = Manager::default().pass(world);
    if world.mutation == Some(Mutation::NoLock) {
        // Both are at work, so systemd carries out the jobs of the other one meanwhile.
        world.elapse(Duration::from_millis(10));
    }
    world.faults = faults;
    world.pass_desired = desired;
}

/// A step in one line.
fn brief(step: &Step) -> String {
    let text = match step {
        Step::CheckUnits { units, .. } => format!("check {} units", units.len()),
        Step::WriteUnit { name, .. } => format!("write {name}"),
        Step::WriteFile { path, .. } => format!("write {}", path.display()),
        Step::EnsureImage(image) => format!("ensure image {}", image.reference),
        other => format!("{other:?}"),
    };
    text.replace('\n', " ")
}
