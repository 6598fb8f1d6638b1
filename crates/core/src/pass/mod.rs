//! One pass without I/O: the next request, and the consequence of its result.
//!
//! The caller takes each [`request`](Pass::request), fulfils it, and says so with the method that
//! the request names. `node` fulfils requests on a real host, the simulator in memory; what every
//! pass does is written here alone. A caller that cannot fulfil a request drops the pass: that is
//! no worse than a crash, for which passes are made.

mod event;
mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::action::Action;
use crate::cause::{Cause, FileWriters};
use crate::desired::{Desired, DesiredImage};
use crate::health::{Report, report};
use crate::observed::{Observed, Podman, Unreachable};
use crate::plan::Plan;
use crate::reconcile::{Outcome, Reconciler, SharedFile};

pub use event::Event;
pub use run::{Run, Scene};

/// A pass that is being made.
#[derive(Debug)]
pub struct Pass<'r> {
    reconciler: &'r mut Reconciler,
    stage: Stage,
    now: Duration,
    desired: Option<Arc<Desired>>,
    planned: Option<Planned>,
    /// The processes that may be changing the contended files.
    writers: BTreeMap<String, FileWriters>,
    /// Messages about them for the journal.
    told: Vec<Cause>,
}

#[derive(Debug)]
struct Planned {
    observed: Observed,
    plan: Plan,
    run: Run,
}

#[derive(Debug)]
enum Stage {
    Sweep,
    SyncSecrets,
    ReadRetries,
    CollectImages,
    ResolveDesired,
    Observe,
    FindWriters(BTreeMap<String, PathBuf>),
    Apply,
    KeepRetries(Vec<u8>),
    End,
}

/// The next step of the caller.
#[derive(Debug)]
pub enum Request<'p> {
    /// Remove the temporary files that a killed process left; then [`Pass::swept`].
    Sweep,
    /// Sync the folders of secrets: a killed process may not have synced one that it linked. Then
    /// [`Pass::secrets_synced`].
    SyncSecrets,
    /// Read the shared retry file; then [`Pass::recall`].
    ReadRetries,
    /// Take over the images that have come or failed; then [`Pass::images`].
    CollectImages,
    /// Resolve the desired state of the host; then [`Pass::desired`].
    ResolveDesired,
    /// Observe the host; then [`Pass::observed`].
    Observe {
        desired: &'p Arc<Desired>,
        /// Whether Podman was silent the last time and is not due for another attempt to wake it.
        podman_is_silent: bool,
    },
    /// Find the processes that may be changing these files, before they are repaired; then
    /// [`Pass::writers`].
    FindWriters(&'p BTreeMap<String, PathBuf>),
    /// Do the action, which was planned for what was observed; then [`Pass::applied`].
    Apply {
        action: &'p Action,
        observed: &'p Observed,
    },
    /// Write the shared retry file; then [`Pass::kept`].
    KeepRetries(&'p [u8]),
}

/// A pass that was made.
#[derive(Clone, Debug, Default)]
pub struct PassResult {
    /// The health of the apps at the observation.
    pub report: Report,
    pub podman: PodmanAnswer,
    /// The number of actions in its plan.
    pub actions: usize,
    /// Those that were tried, without Archipelago's own notes.
    pub events: Vec<Event>,
    /// When something that failed is due again, from now.
    pub wake_after: Option<Duration>,
    /// News about the processes that change contended files.
    pub told: Vec<Cause>,
}

/// Podman's answers during a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PodmanAnswer {
    /// It was not asked: nothing depends on it now.
    #[default]
    Unasked,
    Answered,
    Unreachable(Unreachable),
}

impl PassResult {
    /// Whether it did something, so that another pass is due.
    #[must_use]
    pub fn acted(&self) -> bool {
        self.actions > 0
    }
}

impl<'r> Pass<'r> {
    /// Begins; the caller holds the lock of passes. `now` is a monotonic time.
    pub fn begin(reconciler: &'r mut Reconciler, now: Duration) -> Self {
        Self {
            reconciler,
            stage: Stage::Sweep,
            now,
            desired: None,
            planned: None,
            writers: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    /// The next step; `None` at the end. It stays the same until its result is reported.
    pub fn request(&mut self) -> Option<Request<'_>> {
        if matches!(self.stage, Stage::SyncSecrets) && self.reconciler.secrets_are_durable() {
            self.stage = Stage::ReadRetries;
        }
        if matches!(self.stage, Stage::Apply) {
            self.skip_to_next_action();
        }
        Some(match &self.stage {
            Stage::Sweep => Request::Sweep,
            Stage::SyncSecrets => Request::SyncSecrets,
            Stage::ReadRetries => Request::ReadRetries,
            Stage::CollectImages => Request::CollectImages,
            Stage::ResolveDesired => Request::ResolveDesired,
            Stage::Observe => Request::Observe {
                podman_is_silent: self.reconciler.podman_is_silent(self.now),
                desired: self.desired.as_ref()?,
            },
            Stage::FindWriters(files) => Request::FindWriters(files),
            Stage::Apply => {
                let Planned {
                    observed,
                    plan,
                    run,
                } = self.planned.as_ref()?;
                Request::Apply {
                    action: run.current(plan)?,
                    observed,
                }
            }
            Stage::KeepRetries(content) => Request::KeepRetries(content),
            Stage::End => return None,
        })
    }

    pub fn swept(&mut self) {
        self.stage = Stage::SyncSecrets;
    }

    /// The folders of secrets were synced, `all` of them or only some.
    pub fn secrets_synced(&mut self, all: bool) {
        self.reconciler.set_secrets_durable(all);
        self.stage = Stage::ReadRetries;
    }

    /// Takes the shared retry file.
    pub fn recall(&mut self, shared: SharedFile) {
        self.reconciler.recall(shared);
        self.stage = Stage::CollectImages;
    }

    /// The images that have come or failed.
    pub fn images(&mut self, ended: Vec<(DesiredImage, Result<(), Cause>)>) {
        for (image, result) in ended {
            self.reconciler.image_finished(&image, result, self.now);
        }
        self.stage = Stage::ResolveDesired;
    }

    /// The desired state of the host.
    pub fn desired(&mut self, desired: Arc<Desired>) {
        self.desired = Some(desired);
        self.stage = Stage::Observe;
    }

    /// Takes the observation of the host and plans.
    pub fn observed(&mut self, observed: Observed, now: Duration) {
        let Some(desired) = &self.desired else {
            return;
        };
        self.now = now;
        let plan = self.reconciler.plan(desired, &observed, now);
        let files = self.reconciler.contended_files(&plan, &desired.layout);
        self.planned = Some(Planned {
            observed,
            plan,
            run: Run::default(),
        });
        self.stage = if files.is_empty() {
            Stage::Apply
        } else {
            Stage::FindWriters(files)
        };
    }

    /// The processes that may be changing the contended files.
    pub fn writers(&mut self, writers: BTreeMap<String, FileWriters>) {
        self.writers = writers;
        self.stage = Stage::Apply;
    }

    /// Takes the outcome of the action that [`Pass::request`] named.
    pub fn applied(&mut self, outcome: Outcome, now: Duration) {
        self.now = now;
        if let Some(Planned { plan, run, .. }) = &mut self.planned {
            run.went(plan, outcome);
        }
    }

    /// Whether the shared retry file was written. If it was not, this process still knows its
    /// content.
    pub fn kept(&mut self, written: bool) {
        if let Stage::KeepRetries(content) = std::mem::replace(&mut self.stage, Stage::End)
            && written
        {
            self.reconciler.kept(content);
        }
    }

    /// The plan, once the host was observed.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.planned.as_ref().map(|planned| &planned.plan)
    }

    /// Changes the plan before it is applied. For the simulator alone, which plants the mistakes of
    /// a wrong planner.
    pub fn alter_plan(&mut self, alter: impl FnOnce(&Desired, &Observed, &mut Plan)) {
        if let (Some(desired), Some(planned)) = (&self.desired, &mut self.planned) {
            alter(desired, &planned.observed, &mut planned.plan);
        }
    }

    /// The desired state, the observation and the plan, once the host was observed.
    #[must_use]
    pub fn scene(&self) -> Option<Scene<'_>> {
        let Planned { observed, plan, .. } = self.planned.as_ref()?;
        Some(Scene {
            desired: self.desired.as_ref()?,
            observed,
            plan,
        })
    }

    /// The result of the pass. It is empty when the host was not observed.
    #[must_use]
    pub fn end(self) -> PassResult {
        let (Some(desired), Some(planned)) = (self.desired, self.planned) else {
            return PassResult::default();
        };
        let Planned {
            observed,
            plan,
            run,
        } = planned;
        let tried = plan.actions.iter().zip(run.outcomes());
        PassResult {
            events: tried
                .filter_map(|(action, outcome)| Event::of(action, outcome))
                .collect(),
            report: report(&desired, &observed, self.reconciler.retries()),
            podman: podman_answer(&observed),
            actions: plan.actions.len(),
            wake_after: plan.wake_at.map(|at| at.saturating_sub(self.now)),
            told: self.told,
        }
    }

    /// Passes over actions that are left out; after the last one, notes how all of them went.
    fn skip_to_next_action(&mut self) {
        let (Some(desired), Some(planned)) = (&self.desired, &mut self.planned) else {
            return;
        };
        let Planned {
            observed,
            plan,
            run,
        } = planned;
        let scene = Scene {
            desired,
            observed,
            plan,
        };
        if run.next_action(scene).is_some() {
            return;
        }
        if run.may_leave_undurable_secret(plan) {
            self.reconciler.set_secrets_durable(false);
        }
        self.reconciler
            .finished(desired, plan, run.outcomes(), self.now);
        self.told = self.reconciler.attribute(&self.writers);
        self.stage = match self.reconciler.keep() {
            Some(content) => Stage::KeepRetries(content),
            None => Stage::End,
        };
    }
}

fn podman_answer(observed: &Observed) -> PodmanAnswer {
    match &observed.podman {
        Podman::Unasked => PodmanAnswer::Unasked,
        Podman::Answered(_) => PodmanAnswer::Answered,
        Podman::Unreachable(cause) => PodmanAnswer::Unreachable(cause.clone()),
    }
}
