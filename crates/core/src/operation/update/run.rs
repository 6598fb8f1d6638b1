//! An update from step to step, without doing any of them.
//!
//! The caller takes each [`step`](Update::step), does it and reports the result. A process that is
//! killed between two steps leaves the record; another one goes on with [`Update::resume`]. Each
//! step may be done twice. `docs/decisions/0021-updates.md` has the table of the phases.

use std::time::Duration;

use crate::health::{AppHealth, UnitState};

use super::super::{
    Change, Follow, Outcome, Overtaken, PassSeen, Record, Target, Verdict,
    intent_revision::IntentRevision,
};
use super::gate::{Gate, Passage, cause};
use super::state::{Phase, UpdateState};

/// The longest wait before the next observation of an app that does not stop.
const LOOK: Duration = Duration::from_millis(500);

/// The cause in history of an update whose process ended before the switch.
const INTERRUPTED: &str = "it was interrupted before the new version was started";

/// An update that is carried out.
#[derive(Clone, Debug)]
pub struct Update {
    record: Record,
    state: UpdateState,
    stage: Stage,
    /// The health of the new version when it was accepted.
    health: Option<Box<AppHealth>>,
}

/// The next step of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateStep<'o> {
    /// Replace the record, durably; then [`Update::done`].
    WriteRecord(&'o Record),
    /// Give these tags back to the images that had them, by tag; then [`Update::done`].
    GiveTagsBack(&'o UpdateState),
    /// Replace the intent in one step, if [`Update::may_write`] allows it, under the lock of
    /// passes; then [`Update::done`] or [`Update::superseded`].
    WriteIntent(NextIntent),
    /// Make a pass, after this time at the latest, without one at once; then [`Update::passed`].
    Pass { within: Option<Duration> },
    /// Copy the data, whole and durable; then [`Update::done`], or [`Update::failed`].
    CopyData,
    /// Put the copy of the data in place; then [`Update::done`].
    PutDataBack,
    /// Discard the copy of the data, if there is one; then [`Update::done`].
    DiscardCopy,
    /// Note the outcome in the app's history, and remove the record; then [`Update::done`].
    Forget,
}

/// An intent that an update writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextIntent {
    /// The present one, but stopped. What it replaces is kept in history.
    Stopped,
    /// The new one.
    New,
    /// The one before the update.
    Before,
}

/// The intent as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundIntent {
    pub revision: Option<IntentRevision>,
    /// Whether it asks for the removal of the app.
    pub is_removed: bool,
}

/// The end of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateEnding {
    /// Nothing was changed.
    NotBegun,
    /// The new version is accepted.
    Updated(Option<Box<AppHealth>>),
    /// Everything is as before, with the health of the app then.
    Undone {
        cause: String,
        health: Option<Box<AppHealth>>,
    },
    /// Somebody else has changed the app meanwhile.
    Superseded,
}

#[derive(Clone, Debug)]
enum Stage {
    GiveTagsBack,
    /// The phase of the state is about to be written.
    Record,
    Stop,
    AwaitStop(Waiting),
    Copy,
    Switch,
    Gate {
        gate: Box<Gate>,
        within: Option<Duration>,
    },
    StopNew,
    AwaitStopOfNew(Waiting),
    PutBack,
    Restore,
    AwaitOld(Waiting),
    Discard(UpdateEnding),
    Forget(UpdateEnding),
    End(UpdateEnding),
}

#[derive(Clone, Debug)]
struct Waiting {
    follow: Box<Follow>,
    within: Option<Duration>,
}

impl Update {
    /// Begins, with an app that runs, once all images are there.
    #[must_use]
    pub fn begin(mut record: Record, mut state: UpdateState, now_unix_ms: u64) -> Self {
        state.phase = Phase::Stopping;
        state.down_since_unix_ms = Some(now_unix_ms);
        record.update = Some(state.clone());
        Self {
            record,
            state,
            stage: Stage::Record,
            health: None,
        }
    }

    /// Takes up an update whose process has ended; `None` when the record is not one of an update.
    #[must_use]
    pub fn resume(record: Record, found: &FoundIntent) -> Option<Self> {
        let state = record.update.clone()?;
        let mut update = Self {
            stage: Stage::GiveTagsBack,
            record,
            state,
            health: None,
        };
        let is_before = found.revision == update.record.before;
        let is_paused = found.revision.as_ref() == Some(&update.state.paused);
        let is_new = found.revision == update.record.after;
        let is_gone = found.revision.is_none() || found.is_removed;
        update.stage = match update.state.phase.clone() {
            Phase::Fetching => Stage::GiveTagsBack,
            Phase::Stopping | Phase::Trying if is_before || is_paused => {
                update.undo(INTERRUPTED.to_owned(), false)
            }
            Phase::Trying if is_new => update.gate(),
            Phase::Stopping | Phase::Trying => Stage::Discard(UpdateEnding::Superseded),
            // The data are back already, and the app may have written to them since.
            Phase::Undoing { .. } if is_before => update.await_old(),
            Phase::Undoing { .. } if is_gone => Stage::Discard(UpdateEnding::Superseded),
            Phase::Undoing { is_switched, .. } if is_switched => Stage::StopNew,
            Phase::Undoing { .. } if is_paused => Stage::Restore,
            Phase::Undoing { .. } => Stage::Discard(UpdateEnding::Superseded),
            Phase::Settling => Stage::Discard(UpdateEnding::Updated(None)),
        };
        Some(update)
    }

    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The next step; `None` at the end. It stays the same until its result is reported.
    #[must_use]
    pub fn step(&self) -> Option<UpdateStep<'_>> {
        Some(match &self.stage {
            Stage::GiveTagsBack => UpdateStep::GiveTagsBack(&self.state),
            Stage::Record => UpdateStep::WriteRecord(&self.record),
            Stage::Stop | Stage::StopNew => UpdateStep::WriteIntent(NextIntent::Stopped),
            Stage::Switch => UpdateStep::WriteIntent(NextIntent::New),
            Stage::Restore => UpdateStep::WriteIntent(NextIntent::Before),
            Stage::AwaitStop(waiting)
            | Stage::AwaitStopOfNew(waiting)
            | Stage::AwaitOld(waiting) => UpdateStep::Pass {
                within: waiting.within,
            },
            Stage::Gate { within, .. } => UpdateStep::Pass { within: *within },
            Stage::Copy => UpdateStep::CopyData,
            Stage::PutBack => UpdateStep::PutDataBack,
            Stage::Discard(_) => UpdateStep::DiscardCopy,
            Stage::Forget(_) => UpdateStep::Forget,
            Stage::End(_) => return None,
        })
    }

    /// The end, once it is known: before the record is forgotten.
    #[must_use]
    pub fn ending(&self) -> Option<&UpdateEnding> {
        match &self.stage {
            Stage::Discard(ending) | Stage::Forget(ending) | Stage::End(ending) => Some(ending),
            _ => None,
        }
    }

    /// The entry in the app's history, once the end is known.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        let outcome = match self.ending()? {
            UpdateEnding::NotBegun => return None,
            UpdateEnding::Updated(_) => Outcome::Reached,
            UpdateEnding::Undone { cause, .. } => Outcome::Undone {
                cause: cause.clone(),
            },
            UpdateEnding::Superseded => Outcome::Overtaken,
        };
        Some(Change {
            id: self.record.id,
            kind: self.record.kind,
            asked_unix_s: self.record.asked_unix_s,
            version: self.record.version.clone()?,
            outcome,
            downtime_ms: self.state.downtime_ms,
        })
    }

    /// Whether the intent of the step may replace this one. Another one is somebody else's.
    #[must_use]
    pub fn may_write(&self, found: &FoundIntent) -> bool {
        let is = |revision: Option<&IntentRevision>| found.revision.as_ref() == revision;
        let is_here = found.revision.is_some() && !found.is_removed;
        match &self.stage {
            Stage::Stop => is(self.record.before.as_ref()),
            Stage::Switch => is(Some(&self.state.paused)),
            // The data may be half put back, so only a removal is left alone.
            Stage::StopNew => is_here,
            Stage::Restore => match &self.state.phase {
                Phase::Undoing { is_switched, .. } if *is_switched => is_here,
                _ => is(self.record.before.as_ref()) || is(Some(&self.state.paused)),
            },
            _ => false,
        }
    }

    /// The step is done.
    pub fn done(&mut self) {
        let stage = std::mem::replace(&mut self.stage, Stage::PutBack);
        self.stage = match stage {
            Stage::GiveTagsBack => Stage::Forget(UpdateEnding::NotBegun),
            Stage::Record => match self.state.phase.clone() {
                Phase::Fetching => Stage::GiveTagsBack,
                Phase::Stopping => Stage::Stop,
                Phase::Trying => Stage::Switch,
                Phase::Undoing { is_switched, .. } if is_switched => Stage::StopNew,
                Phase::Undoing { .. } => Stage::Restore,
                Phase::Settling => Stage::Discard(UpdateEnding::Updated(self.health.take())),
            },
            Stage::Stop => Stage::AwaitStop(self.waiting(Target::Stopped)),
            Stage::Copy => self.enter(Phase::Trying),
            Stage::Switch => self.gate(),
            Stage::StopNew => Stage::AwaitStopOfNew(self.waiting(Target::Stopped)),
            Stage::PutBack => Stage::Restore,
            Stage::Restore => self.await_old(),
            Stage::Discard(ending) => Stage::Forget(ending),
            Stage::Forget(ending) => Stage::End(ending),
            other @ (Stage::AwaitStop(_)
            | Stage::Gate { .. }
            | Stage::AwaitStopOfNew(_)
            | Stage::AwaitOld(_)
            | Stage::End(_)) => other,
        };
    }

    /// The copy of the data could not be made: the old version goes on.
    pub fn failed(&mut self, cause: String) {
        self.stage = self.undo(cause, false);
    }

    /// The intent is somebody else's.
    pub fn superseded(&mut self) {
        self.stage = Stage::Discard(UpdateEnding::Superseded);
    }

    /// A pass that began after the last step was made.
    pub fn passed(&mut self, pass: PassSeen<'_>, now_unix_ms: u64) {
        let stage = std::mem::replace(&mut self.stage, Stage::PutBack);
        self.stage = match stage {
            Stage::AwaitStop(waiting) => self.stopped(waiting, pass),
            Stage::Gate { gate, .. } => self.tried(gate, pass, now_unix_ms),
            Stage::AwaitStopOfNew(waiting) => self.new_stopped(waiting, pass),
            Stage::AwaitOld(waiting) => self.old_is_back(waiting, pass, now_unix_ms),
            other => other,
        };
    }

    fn stopped(&mut self, mut waiting: Waiting, pass: PassSeen<'_>) -> Stage {
        match waiting.follow.after(pass) {
            Verdict::Wait(within) => {
                waiting.within = within;
                Stage::AwaitStop(waiting)
            }
            Verdict::Failed(health) if runs(&health) => {
                self.undo(format!("it does not stop: {}", cause(&health)), false)
            }
            Verdict::Reached(_) | Verdict::Failed(_) | Verdict::Silent(_) => {
                match self.state.copies_data {
                    true => Stage::Copy,
                    false => self.enter(Phase::Trying),
                }
            }
            Verdict::Gone | Verdict::Overtaken(_) => Stage::Discard(UpdateEnding::Superseded),
        }
    }

    fn tried(&mut self, mut gate: Box<Gate>, pass: PassSeen<'_>, now_unix_ms: u64) -> Stage {
        let passage = gate.after(pass);
        if gate.is_ready() {
            self.note_downtime(now_unix_ms);
        }
        match passage {
            Passage::Wait(within) => Stage::Gate { gate, within },
            Passage::Open(health) => {
                self.health = Some(health);
                self.enter(Phase::Settling)
            }
            Passage::Shut(cause) => self.undo(cause, true),
            Passage::Superseded => Stage::Discard(UpdateEnding::Superseded),
        }
    }

    fn new_stopped(&mut self, mut waiting: Waiting, pass: PassSeen<'_>) -> Stage {
        let wait = |mut waiting: Waiting, within| {
            waiting.within = within;
            Stage::AwaitStopOfNew(waiting)
        };
        match waiting.follow.after(pass) {
            Verdict::Wait(within) => wait(waiting, within),
            Verdict::Failed(health) if runs(&health) => wait(waiting, Some(LOOK)),
            Verdict::Reached(_) | Verdict::Failed(_) | Verdict::Silent(_) => {
                match self.state.copies_data {
                    true => Stage::PutBack,
                    false => Stage::Restore,
                }
            }
            Verdict::Gone | Verdict::Overtaken(Overtaken::Uninstalled) => {
                Stage::Discard(UpdateEnding::Superseded)
            }
            Verdict::Overtaken(_) => Stage::StopNew,
        }
    }

    fn old_is_back(&mut self, mut waiting: Waiting, pass: PassSeen<'_>, now_unix_ms: u64) -> Stage {
        let health = match waiting.follow.after(pass) {
            Verdict::Wait(within) => {
                waiting.within = within;
                return Stage::AwaitOld(waiting);
            }
            Verdict::Reached(health) => {
                self.state.downtime_ms = None;
                self.note_downtime(now_unix_ms);
                Some(health)
            }
            Verdict::Failed(health) | Verdict::Silent(health) => Some(health),
            Verdict::Gone | Verdict::Overtaken(_) => None,
        };
        let cause = match &self.state.phase {
            Phase::Undoing { cause, .. } => cause.clone(),
            _ => String::new(),
        };
        Stage::Discard(UpdateEnding::Undone { cause, health })
    }

    fn note_downtime(&mut self, now_unix_ms: u64) {
        if self.state.downtime_ms.is_none()
            && let Some(since) = self.state.down_since_unix_ms
        {
            self.state.downtime_ms = Some(now_unix_ms.saturating_sub(since));
        }
    }

    fn gate(&self) -> Stage {
        Stage::Gate {
            gate: Box::new(Gate::new(self.record.app.clone())),
            within: None,
        }
    }

    fn await_old(&self) -> Stage {
        Stage::AwaitOld(self.waiting(Target::Ready))
    }

    fn waiting(&self, goal: Target) -> Waiting {
        Waiting {
            follow: Box::new(Follow::new(self.record.app.clone(), goal)),
            within: None,
        }
    }

    fn undo(&mut self, cause: String, is_switched: bool) -> Stage {
        self.enter(Phase::Undoing { cause, is_switched })
    }

    /// The next phase, which is written to the record before its first step.
    fn enter(&mut self, phase: Phase) -> Stage {
        self.state.phase = phase;
        self.record.update = Some(self.state.clone());
        Stage::Record
    }
}

/// Whether a container of the app may still run.
fn runs(health: &AppHealth) -> bool {
    health.units.iter().any(|unit| match unit.state {
        UnitState::Active | UnitState::Activating | UnitState::Deactivating => true,
        UnitState::Inactive | UnitState::Failed | UnitState::Masked => false,
    })
}
