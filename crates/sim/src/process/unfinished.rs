//! The daemon finishes operations whose process was killed: the counterpart of the program's
//! `node/unfinished.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use archipelago_core::operation::{Operation, OperationId, PassSeen, Record, Step};
use archipelago_core::pass::PassResult;

use crate::invariants::Invariant;
use crate::process::call::{CallError, Killed};
use crate::world::state::World;

/// The operations that the daemon has taken over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unfinished(BTreeMap<OperationId, Operation>);

impl Unfinished {
    /// Whether no operation waits for a pass or for the removal of its record.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take_up(&mut self, world: &mut World) -> Result<(), Killed> {
        for name in world.disk.names(&world.layout.operations()) {
            let path = world.layout.operations().join(&name);
            let Some(id) = name.strip_suffix(".json").and_then(|id| id.parse().ok()) else {
                continue;
            };
            if world.held_record == Some(id) || self.0.contains_key(&id) {
                continue;
            }
            match Record::parse(&world.disk.read(&path).unwrap_or_default()) {
                Ok(record) => {
                    let disk_state = match world.durable_disk_state(&record.app) {
                        Ok(disk_state) => disk_state,
                        Err(CallError::Failed(_)) => continue,
                        Err(CallError::Killed) => return Err(Killed),
                    };
                    world.log(|| format!("{} {} was interrupted", record.kind.word(), record.app));
                    self.0.insert(id, Operation::resume(record, &disk_state));
                }
                Err(error) => {
                    world.violation(Invariant::OperationsEnd, format!("{name}:{error}"));
                }
            }
        }
        self.advance(world)
    }

    pub(crate) fn passed(&mut self, world: &mut World, pass: &PassResult) -> Result<(), Killed> {
        for operation in self.0.values_mut() {
            if matches!(operation.step(), Some(Step::Follow { .. })) {
                operation.passed(pass_seen(world, pass, pass.acted()));
            }
        }
        self.advance(world)
    }

    fn advance(&mut self, world: &mut World) -> Result<(), Killed> {
        for operation in self.0.values_mut() {
            let (done, is_end) = match operation.step() {
                Some(Step::Switch(record)) => (world.note_restarts(record), false),
                Some(Step::ForgetRecord(record)) => {
                    (world.forget_record(record, operation.ending()), true)
                }
                Some(Step::WriteRecord(_) | Step::Follow { .. }) | None => continue,
            };
            match done {
                Ok(()) if is_end => operation.forgotten(),
                Ok(()) => operation.switched(),
                Err(CallError::Failed(_)) => {}
                Err(CallError::Killed) => return Err(Killed),
            }
        }
        self.0.retain(|_, operation| operation.step().is_some());
        Ok(())
    }
}

/// A pass as an operation judges it.
pub(crate) fn pass_seen<'a>(world: &World, pass: &'a PassResult, acted: bool) -> PassSeen<'a> {
    PassSeen {
        report: &pass.report,
        acted,
        wake_after: pass.wake_after,
        now: world.clock.since_boot,
        stalled: Some(Duration::ZERO),
    }
}
