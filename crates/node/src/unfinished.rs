//! Operations whose process ended before the operation did: after a crash, an interruption by the
//! person, or a reboot. Every engine looks for their records and finishes them.

use std::collections::{BTreeMap, BTreeSet};

use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_core::operation::{Ending, Operation, PassSeen, Record, Step, Verdict};
use archipelago_host::apply::note_restarts;
use archipelago_host::disk;
use archipelago_host::lock::{self, Lock};
use archipelago_host::records::{self, RecordLock, Taken, disk_state};

/// Why a step of an operation did not work.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Lock(#[from] lock::Error),
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// The operations that this process has taken over.
#[derive(Debug)]
pub(crate) struct Unfinished {
    layout: Layout,
    /// By the name of their record.
    taken: BTreeMap<String, (RecordLock, Operation)>,
    /// The records whose failure is already in the journal.
    told: BTreeSet<String>,
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
        let mut operations = self.taken.values();
        operations.any(|(_, operation)| operation.ending().is_none())
    }

    /// Takes over the operations that no process carries out. An unreadable record is moved out of
    /// the way.
    pub(crate) fn take_up(&mut self) {
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
                Ok(Taken::Claimed(claim, record)) => match disk_state(&self.layout, &record.app) {
                    Ok(disk_state) => {
                        let operation = Operation::resume(*record, &disk_state);
                        self.taken.insert(name, (claim, operation));
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
        self.advance();
    }

    /// Judges them by a pass that was made since they were taken up.
    pub(crate) fn passed(&mut self, pass: PassSeen<'_>) {
        for (_, operation) in self.taken.values_mut() {
            if matches!(operation.step(), Some(Step::Follow { .. })) {
                operation.passed(pass);
            }
        }
        self.advance();
    }

    /// Does the steps that need no pass. A failed step is retried after the next pass.
    fn advance(&mut self) {
        let mut failures = Vec::new();
        for (name, (claim, operation)) in &mut self.taken {
            let result = match operation.step() {
                Some(Step::Switch(record)) => restart(&self.layout, record),
                Some(Step::ForgetRecord(_)) => claim.forget().map(|()| true).map_err(Error::from),
                Some(Step::WriteRecord(_) | Step::Follow { .. }) | None => Ok(false),
            };
            match result {
                Ok(false) => {}
                Ok(true) if operation.ending().is_some() => {
                    tell_ending(operation);
                    operation.forgotten();
                }
                Ok(true) => operation.switched(),
                Err(error) => failures.push((name.clone(), chain(&error))),
            }
        }
        self.taken
            .retain(|_, (_, operation)| operation.step().is_some());
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

/// Notes the invocations that a restart is to end, unless another process makes a pass. Returns
/// whether they were noted.
fn restart(layout: &Layout, record: &Record) -> Result<bool, Error> {
    let Some(_lock) = Lock::try_take_passes(layout)? else {
        return Ok(false);
    };
    note_restarts(layout, &record.restarts)?;
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
