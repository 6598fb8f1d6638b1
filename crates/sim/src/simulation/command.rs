//! A command beside the daemon. It judges the daemon's passes, as a real command mostly does while
//! it waits for the lock.

use std::time::Duration;

use archipelago_core::operation::{Kind, Operation, Step};
use archipelago_core::reconcile::TICK;

use crate::host::registry::PULL_TIME;
use crate::mutation::Mutation;
use crate::process::call::CallError;
use crate::process::unfinished::pass_seen;
use crate::script::intervention::Intervention;
use crate::simulation::driver::Simulation;
use crate::world::operations::Change;

/// The person interrupts a command after this time.
const PATIENCE: Duration = Duration::from_secs(120);

impl Simulation {
    /// Carries out an operation until it ends, fails or is killed.
    pub(crate) fn operate(&mut self, intervention: &Intervention) {
        let boot = self.world.boots;
        // A failed command reports that to the person. The daemon finds the record that it leaves.
        if let Ok(Some(change)) = self.prepare(intervention) {
            self.world.held_record = Some(change.record.id);
            let _ = self.carry_out(&change);
        }
        self.world.locked = false;
        self.world.held_record = None;
        if self.world.boots == boot {
            self.send_events();
        } else {
            self.daemon_ended();
            self.booted();
        }
    }

    /// The change of an operation, once the images are built that it needs first. Passes go on
    /// meanwhile. `None` when it cannot be done, or no longer as it was worked out before.
    fn prepare(&mut self, intervention: &Intervention) -> Result<Option<Change>, CallError> {
        let Some(change) = self.world.change_of(intervention) else {
            return Ok(None);
        };
        let builds = change.builds();
        if builds.is_empty() {
            return Ok(Some(change));
        }
        let boot = self.world.boots;
        for image in &builds {
            self.wait(PULL_TIME);
            if self.has_violation() || self.world.boots != boot {
                return Ok(None);
            }
            self.world.build(image)?;
        }
        let now = self.world.change_of(intervention);
        Ok(now.filter(|now| change.proposal.still_holds(&now.proposal)))
    }

    fn carry_out(&mut self, change: &Change) -> Result<(), CallError> {
        let mut operation = Operation::begin(change.record.clone());
        let until = self.world.clock.since_boot + PATIENCE;
        let boot = self.world.boots;
        if change.record.changes_nothing() {
            // The definition may have been damaged; it is stored anew.
            self.world.locked = true;
            self.world.switch(change)?;
            self.world.retry_now(&change.record.app);
            self.send_events();
        }
        let mut reports = self.reports;
        let mut has_judged = false;
        while let Some(step) = operation.step() {
            match step {
                Step::WriteRecord(_) => {
                    self.world.locked = true;
                    self.world.write_record(change)?;
                    operation.recorded();
                }
                Step::Switch(record) => match self.world.switch(change) {
                    Ok(()) => {
                        if record.kind != Kind::Restart {
                            self.world.retry_now(&record.app);
                        }
                        if self.world.mutation == Some(Mutation::RecordForgottenFirst) {
                            self.world.forget_record(record, None)?;
                        }
                        operation.switched();
                        self.send_events();
                        reports = self.reports;
                    }
                    Err(CallError::Failed(_)) => {
                        let disk_state = self.world.durable_disk_state(&change.record.app)?;
                        operation.not_switched(&disk_state);
                        reports = self.reports;
                    }
                    Err(CallError::Killed) => return Err(CallError::Killed),
                },
                Step::Follow { within } => {
                    self.world.locked = false;
                    let left = self.next_pass.saturating_sub(self.world.clock.since_boot);
                    let within = within.unwrap_or(left).min(TICK);
                    self.wait(within.max(Duration::from_millis(1)));
                    let is_over = self.world.clock.since_boot > until;
                    if is_over || self.has_violation() || self.world.boots != boot {
                        return Ok(());
                    }
                    let is_new = self.reports != reports;
                    reports = self.reports;
                    has_judged |= is_new;
                    let Some(pass) = self.last.clone().filter(|_| has_judged) else {
                        continue;
                    };
                    if is_new {
                        self.world.observing_call("follow an operation")?;
                    }
                    let acted = is_new && pass.acted();
                    operation.passed(pass_seen(&self.world, &pass, acted));
                }
                Step::ForgetRecord(record) => {
                    let ending = operation.ending();
                    self.world.forget_record(record, ending)?;
                    operation.forgotten();
                }
            }
        }
        Ok(())
    }
}
