//! Operations whose process ended before the operation did: after a crash, an interruption by the
//! person, or a reboot. Every engine looks for their records and finishes them.

use std::collections::{BTreeMap, BTreeSet};

use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_core::operation::{
    Change, Ending, Operation, PassSeen, Record, Step, Update, UpdateEnding, UpdateStep, Verdict,
};
use archipelago_host::apply::note_restarts;
use archipelago_host::lock::{self, Lock};
use archipelago_host::podman::{self, Podman};
use archipelago_host::records::{self, RecordLock, Taken, disk_state, found_intent};
use archipelago_host::tags::give_back;
use archipelago_host::{disk, history};

use crate::clock::now_unix_ms;
use crate::operations::update_steps::{self, Applied, apply, version_of};

/// Why a step of an operation did not work.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Lock(#[from] lock::Error),
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error(transparent)]
    Podman(#[from] podman::Error),
    #[error(transparent)]
    Step(#[from] update_steps::Error),
}

/// The operations that this process has taken over.
#[derive(Debug)]
pub(crate) struct Unfinished {
    layout: Layout,
    /// By the name of their record.
    taken: BTreeMap<String, (RecordLock, Work)>,
    /// The records whose failure is already in the journal.
    told: BTreeSet<String>,
}

/// An operation that this process has taken over.
#[derive(Debug)]
enum Work {
    Operation(Box<Operation>),
    Update(Box<Update>),
}

impl Work {
    fn resume(layout: &Layout, record: Record) -> Result<Self, disk::Error> {
        if record.update.is_some()
            && let Some(update) =
                Update::resume(record.clone(), &found_intent(layout, &record.app)?)
        {
            return Ok(Self::Update(Box::new(update)));
        }
        let disk_state = disk_state(layout, &record.app)?;
        let operation = Operation::resume(record, &disk_state);
        Ok(Self::Operation(Box::new(operation)))
    }

    /// Whether its next step is a pass.
    fn awaits_pass(&self) -> bool {
        match self {
            Self::Operation(operation) => matches!(operation.step(), Some(Step::Follow { .. })),
            Self::Update(update) => matches!(update.step(), Some(UpdateStep::Pass { .. })),
        }
    }

    fn is_at_end(&self) -> bool {
        match self {
            Self::Operation(operation) => operation.step().is_none(),
            Self::Update(update) => update.step().is_none(),
        }
    }

    /// Does the next step, if it needs no pass. Returns whether it was done: another process may
    /// make a pass.
    async fn advance(&mut self, layout: &Layout, claim: &mut RecordLock) -> Result<bool, Error> {
        match self {
            Self::Operation(operation) => advance_operation(operation, layout, claim),
            Self::Update(update) => advance_update(update, layout, claim).await,
        }
    }
}

impl Unfinished {
    pub(crate) fn new(layout: Layout) -> Self {
        Self {
            layout,
            taken: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    /// Whether one of them waits for the next passes.
    pub(crate) fn is_followed(&self) -> bool {
        !self.taken.is_empty()
    }

    /// Takes over the operations that no process carries out. An unreadable record is moved out of
    /// the way.
    pub(crate) async fn take_up(&mut self) {
        let names = match records::names(&self.layout) {
            Ok(names) => names,
            Err(error) => return self.tell("", &chain(&error)),
        };
        for name in names {
            if self.taken.contains_key(&name) {
                continue;
            }
            match records::take(&self.layout, &name) {
                Ok(Taken::Busy) => {}
                Ok(Taken::Claimed(claim, record)) => match Work::resume(&self.layout, *record) {
                    Ok(work) => {
                        self.taken.insert(name, (claim, work));
                    }
                    Err(error) => self.tell(&name, &chain(&error)),
                },
                Ok(Taken::SetAside { path, moved, cause }) => tracing::warn!(
                    "{}:{cause}; it was moved to {}, and the operation is not followed any further",
                    path.display(),
                    moved.display()
                ),
                Err(error) => self.tell(&name, &chain(&error)),
            }
        }
        self.advance().await;
    }

    /// Judges them by a pass that was made since they were taken up.
    pub(crate) async fn passed(&mut self, pass: PassSeen<'_>) {
        for (_, work) in self.taken.values_mut() {
            match work {
                Work::Operation(operation) if work_awaits(operation) => operation.passed(pass),
                Work::Update(update) => update.passed(pass, now_unix_ms()),
                Work::Operation(_) => {}
            }
        }
        self.advance().await;
    }

    /// Does the steps that need no pass. A failed step is retried after the next pass.
    async fn advance(&mut self) {
        let mut failures = Vec::new();
        for (name, (claim, work)) in &mut self.taken {
            while !work.awaits_pass() && !work.is_at_end() {
                match work.advance(&self.layout, claim).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        failures.push((name.clone(), chain(&error)));
                        break;
                    }
                }
            }
        }
        self.taken.retain(|_, (_, work)| !work.is_at_end());
        for (name, cause) in failures {
            self.tell(&name, &cause);
        }
    }

    /// Once for each record, not at every pass.
    fn tell(&mut self, name: &str, cause: &str) {
        if self.told.insert(name.to_owned()) {
            tracing::warn!("an interrupted operation cannot be finished yet: {cause}");
        }
    }
}

fn work_awaits(operation: &Operation) -> bool {
    matches!(operation.step(), Some(Step::Follow { .. }))
}

fn advance_operation(
    operation: &mut Operation,
    layout: &Layout,
    claim: &RecordLock,
) -> Result<bool, Error> {
    match operation.step() {
        Some(Step::Switch(record)) => {
            let is_done = restart(layout, record)?;
            if is_done {
                operation.switched();
            }
            Ok(is_done)
        }
        Some(Step::ForgetRecord(record)) => {
            let is_done = forget(layout, claim, record, operation.ending())?;
            if is_done {
                tell_ending(operation);
                operation.forgotten();
            }
            Ok(is_done)
        }
        Some(Step::WriteRecord(_) | Step::Follow { .. }) | None => Ok(false),
    }
}

async fn advance_update(
    update: &mut Update,
    layout: &Layout,
    claim: &mut RecordLock,
) -> Result<bool, Error> {
    match update.step() {
        None | Some(UpdateStep::Pass { .. }) => return Ok(false),
        Some(UpdateStep::GiveTagsBack(state)) => {
            give_back(&Podman::for_this_user(), &state.tags).await?;
            update.done();
            return Ok(true);
        }
        // Only the process that began the update copies: another one goes back.
        Some(UpdateStep::CopyData) => {
            update.failed("it was interrupted".to_owned());
            return Ok(true);
        }
        Some(_) => {}
    }
    let Some(_lock) = Lock::try_take_passes(layout)? else {
        return Ok(false);
    };
    let is_end = matches!(update.step(), Some(UpdateStep::Forget));
    match apply(layout, update, claim, None)? {
        Applied::Done => {
            if is_end {
                tell_ending_of_update(update);
            }
            update.done();
        }
        Applied::Superseded => update.superseded(),
    }
    Ok(true)
}

/// Notes the invocations that a restart is to end, unless another process makes a pass. Returns
/// whether they were noted.
fn restart(layout: &Layout, record: &Record) -> Result<bool, Error> {
    let Some(_lock) = Lock::try_take_passes(layout)? else {
        return Ok(false);
    };
    note_restarts(layout, &record.restarts)?;
    Ok(true)
}

/// Notes in the app's history how the operation ended, and removes its record, unless another
/// process makes a pass. Returns whether that was done.
fn forget(
    layout: &Layout,
    claim: &RecordLock,
    record: &Record,
    ending: Option<&Ending>,
) -> Result<bool, Error> {
    if let Some(change) = ending.and_then(|ending| Change::of(record, ending)) {
        let Some(_lock) = Lock::try_take_passes(layout)? else {
            return Ok(false);
        };
        history::note(layout, &record.app, change)?;
    }
    claim.forget()?;
    Ok(true)
}

/// For the journal: nobody waits for the answer any more.
fn tell_ending(operation: &Operation) {
    let Record { id, kind, app, .. } = operation.record();
    let ending = match operation.ending() {
        None => return,
        Some(Ending::NotBegun) => "it had not begun, and nothing was changed".to_owned(),
        Some(Ending::Superseded) => "somebody else has changed the intent since".to_owned(),
        Some(Ending::LeftAlone) => {
            format!("it has not finished; archipelago status {app} shows its progress")
        }
        Some(Ending::Followed(verdict)) => match verdict {
            Verdict::Reached(health) | Verdict::Failed(health) | Verdict::Silent(health) => {
                format!("{app} is {}", health.state.word())
            }
            Verdict::Gone => format!("{app} is gone"),
            Verdict::Overtaken(by) => format!("{app} was {} by somebody else", by.word()),
            Verdict::Wait(_) => return,
        },
    };
    tracing::info!(
        "the operation {id} ({} {app}) was interrupted and is finished now: {ending}",
        kind.word()
    );
}

/// As [`tell_ending`].
fn tell_ending_of_update(update: &Update) {
    let Record { id, app, .. } = update.record();
    let version = version_of(update);
    let ending = match update.ending() {
        None => return,
        Some(UpdateEnding::NotBegun) => "it had not begun, and nothing was changed".to_owned(),
        Some(UpdateEnding::Superseded) => "somebody else has changed the intent since".to_owned(),
        Some(UpdateEnding::Updated(_)) => format!("{app} is {version} now"),
        Some(UpdateEnding::Undone { cause, .. }) => {
            format!("the update to {version} was undone: {cause}")
        }
    };
    tracing::info!(
        "the operation {id} (update {app}) was interrupted and is finished now: {ending}"
    );
}
