//! Fulfils the requests of core's passes, as the program's driver does on a real host.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use archipelago_core::action::{Action, AppAction, AppStep, HostStep};
use archipelago_core::health::{Report, report};
use archipelago_core::image_progress::ImageProgress;
use archipelago_core::pass::{Pass, PassResult, Request, Scene};
use archipelago_core::plan::guard;
use archipelago_core::reconcile::Reconciler;

use crate::invariants::Invariant;
use crate::mutation::Mutation;
use crate::process::apply::apply;
use crate::process::call::{CallError, Killed};
use crate::process::pulls::Pulls;
use crate::process::unfinished::Unfinished;
use crate::world::state::World;

/// A process that makes passes: the daemon, or a command.
#[derive(Clone, Debug, Default)]
pub struct Process {
    reconciler: Reconciler,
    pub(crate) pulls: Pulls,
    pub(crate) unfinished: Unfinished,
}

impl Process {
    /// Makes a pass. Returns `None` if the host could not be observed, or the lock is held.
    ///
    /// # Errors
    /// When a fault killed the process in the middle.
    pub fn pass(&mut self, world: &mut World) -> Result<Option<PassResult>, Killed> {
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

    /// Makes a pass as the daemon does, which also finishes operations that were interrupted.
    ///
    /// # Errors
    /// When a fault killed the process in the middle.
    pub(crate) fn pass_and_follow(
        &mut self,
        world: &mut World,
    ) -> Result<Option<PassResult>, Killed> {
        self.unfinished.take_up(world)?;
        let pass = self.pass(world)?;
        if let Some(pass) = &pass {
            self.unfinished.passed(world, pass)?;
        }
        Ok(pass)
    }

    /// The report of `archipelago status`, which only observes.
    pub fn status(world: &World) -> Report {
        let mut reconciler = Reconciler::default();
        reconciler.recall(progress(world).into());
        let desired = world.desired();
        let observed = world.observe_now(&desired);
        report(&desired, &observed, reconciler.retries())
    }

    fn locked_pass(&mut self, world: &mut World) -> Result<PassResult, CallError> {
        let Self {
            reconciler,
            pulls,
            unfinished: _,
        } = self;
        let mut pass = Pass::begin(reconciler, world.clock.since_boot);
        while let Some(request) = pass.request() {
            match request {
                Request::Sweep => {
                    world.remove_temporary_files()?;
                    pass.swept();
                }
                Request::SyncSecrets => {
                    sync_secrets(world)?;
                    pass.secrets_synced(true);
                }
                Request::ReadRetries => pass.recall(progress(world).into()),
                Request::CollectImages => {
                    pass.images(pulls.take_finished(world));
                }
                Request::ResolveDesired => {
                    let desired = world.desired();
                    world.pass_desired = Some(Arc::clone(&desired));
                    pass.desired(desired);
                }
                Request::Observe { desired, .. } => {
                    let underway = pulls.references();
                    let underway = underway
                        .map(|name| (name.clone(), ImageProgress::Waiting))
                        .collect();
                    let mut observed = world.observe(desired, underway)?;
                    world.open_when_observed = world.open_networks().cloned().collect();
                    if let Some(mutation) = world.mutation {
                        mutation.observed(&mut observed);
                    }
                    pass.observed(observed, world.clock.since_boot);
                    check_plan(world, &mut pass);
                }
                // No process that changes a file can be seen here.
                Request::FindWriters(_) => pass.writers(BTreeMap::new()),
                Request::Apply { action, observed } => {
                    world.check_action(observed, action);
                    world.check_start(observed, action);
                    let outcome = apply(world, pulls, action)?;
                    world.note_removal(action, &outcome);
                    world.log(|| format!("{} {outcome:?}", brief(action)));
                    if let Some(actions) = &mut world.actions
                        && !action.is_bookkeeping()
                    {
                        *actions.entry(brief(action)).or_default() += 1;
                    }
                    pass.applied(outcome, world.clock.since_boot);
                }
                Request::KeepRetries(content) => {
                    let written = keep_progress(world, content)?;
                    pass.kept(written);
                }
            }
        }
        Ok(pass.end())
    }
}

/// Alters the plan by the mutation, and checks every action by the guard's rules.
fn check_plan(world: &mut World, pass: &mut Pass<'_>) {
    if let Some(mutation) = world.mutation {
        pass.alter_plan(|desired, observed, plan| mutation.plan(desired, observed, plan));
    }
    let Some(Scene {
        desired,
        observed,
        plan,
    }) = pass.scene()
    else {
        return;
    };
    for action in &plan.actions {
        if let Err(refused) = guard::check(desired, observed, plan, action) {
            world.violation(Invariant::PlanKeepsRules, refused.to_string());
        }
    }
}

/// Syncs all secrets before they are used, because a killed process may have linked one without a
/// sync.
fn sync_secrets(world: &mut World) -> Result<(), CallError> {
    let root = world.layout.data.join("secrets");
    for app in world.disk.names(&root) {
        world.sync_folder(&root.join(app))?;
    }
    Ok(())
}

/// Writes the failures and their backoff to the file that every process reads. Returns whether that
/// succeeded.
fn keep_progress(world: &mut World, content: &[u8]) -> Result<bool, CallError> {
    let path = world.layout.retries();
    let folder = path.parent().unwrap_or(&path).to_owned();
    let kept = world
        .make_folder(&folder)
        .and_then(|()| world.write(&path, content, 0o600));
    let mutation = world.mutation;
    if let Some(changed) = mutation.and_then(|mutation| mutation.progress(content)) {
        if world.disk.read(&path).as_deref() != Some(&changed[..]) {
            world.disk.put(&path, &changed, 0o600);
        }
        return Ok(false);
    }
    match kept {
        Ok(()) => Ok(true),
        Err(CallError::Failed(_)) => Ok(false),
        Err(CallError::Killed) => Err(CallError::Killed),
    }
}

fn progress(world: &World) -> Option<Vec<u8>> {
    let progress = world.disk.read(&world.layout.retries());
    progress.map(|progress| progress.to_vec())
}

/// Makes the pass of another process during a pass. No fault strikes it. The lock stops it, except
/// with the mutation [`Mutation::NoLock`].
fn other_pass(world: &mut World) {
    let faults = std::mem::take(&mut world.faults);
    let desired = world.pass_desired.take();
    let open = std::mem::take(&mut world.open_when_observed);
    let runs = std::mem::take(&mut world.runs_when_observed);
    // Without faults the process cannot be killed.
    let _ = Process::default().pass(world);
    if world.mutation == Some(Mutation::NoLock) {
        // systemd carries out the jobs of the other pass meanwhile.
        world.elapse(Duration::from_millis(10));
    }
    world.faults = faults;
    world.pass_desired = desired;
    world.open_when_observed = open;
    world.runs_when_observed = runs;
}

/// An action in one line.
fn brief(action: &Action) -> String {
    let text = match action {
        Action::App(AppAction { app, step, .. }) => match step {
            AppStep::WriteUnit { name, .. } => format!("write {name}"),
            AppStep::WriteFile { path, .. } => format!("write {}", path.display()),
            AppStep::EnsureImage(image) => format!("ensure image {}", image.reference),
            AppStep::GenerateSecret { .. } | AppStep::RemoveData | AppStep::Forget => {
                format!("{step:?} of {app}")
            }
            other => format!("{other:?}"),
        },
        Action::Host(action) => match &action.step {
            HostStep::CheckUnits { units, .. } => format!("check {} units", units.len()),
            other => format!("{other:?}"),
        },
    };
    text.replace('\n', " ")
}
