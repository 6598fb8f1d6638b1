//! The verdict at the end of a simulation.

use std::collections::BTreeSet;
use std::time::Duration;

use archipelago_core::desired::App;
use archipelago_core::health::{AppHealth, Report, State};
use archipelago_core::reconcile::TICK;

use crate::host::registry::PullOutcome;
use crate::invariants::Invariant;
use crate::script::intervention::Intervention;
use crate::simulation::driver::Simulation;

/// The most passes that may take an action until the host is quiescent.
const ACTING_PASSES_MAX: usize = 24;

impl Simulation {
    /// Ends all disturbances. Then the host must become quiescent within the bound, be as desired,
    /// stay so, and survive a boot without Archipelago.
    pub fn judge(&mut self) {
        self.end_disturbances();
        for check in [
            Self::check_becomes_quiescent,
            Self::check_quiescent_state,
            Self::check_operations,
            Self::check_stays_quiescent,
            Self::check_boots_alone,
        ] {
            if !self.has_violation() {
                check(self);
            }
        }
    }

    fn end_disturbances(&mut self) {
        self.world.faults.clear();
        for intervention in [
            Intervention::MendDisk,
            Intervention::MountData,
            Intervention::MendPodman,
            Intervention::Registry(PullOutcome::Succeeds),
        ] {
            self.world.intervene(&intervention);
        }
        self.world.next_observation_is_stale = false;
        let now = self.world.clock.since_boot;
        if !self.daemon_restarts {
            self.daemon_restarts = true;
            self.next_pass = now;
        }
        if let Some(daemon) = &mut self.daemon {
            daemon.pulls.end_hanging(now);
        }
    }

    fn check_becomes_quiescent(&mut self) {
        let spent = self.quiesce();
        let acting = self.acting_passes;
        if !self.has_violation() && (!self.is_quiescent() || acting > ACTING_PASSES_MAX) {
            let report = self.report.clone().unwrap_or_default();
            let what = format!("after {spent:?} and {acting} passes that acted: {report:?}");
            self.world.violation(Invariant::QuietInTime, what);
        }
    }

    /// Every app is as asked, or the report says why not. Nothing of ours is left over.
    fn check_quiescent_state(&mut self) {
        let desired = self.world.desired();
        let report = self.report.clone().unwrap_or_default();
        for (id, app) in &desired.apps {
            let problem = self.world.problem_of(id, app);
            let health = report.apps.iter().find(|health| health.id == *id);
            let state = health.map(|health| health.state);
            let message = health.map(AppHealth::message).unwrap_or_default();
            let reported_well = state.is_some_and(is_well);
            let is_wrong = match &problem {
                None => matches!(app, App::Present(_)) && !reported_well && message.is_empty(),
                Some(_) => reported_well || message.is_empty(),
            };
            if is_wrong {
                let what = format!("{id}: {problem:?}; the report says {state:?} {message:?}");
                self.world.violation(Invariant::ReachedOrReported, what);
            }
        }
        if let Some(service) = self.world.without_names(&desired) {
            let what = format!("{service} runs, and nothing resolves names for it");
            self.world.violation(Invariant::NamesServed, what);
        }
        if let Some(left) = self.world.left_over(&desired, all_well(&report)) {
            self.world.violation(Invariant::NothingLeft, left);
        }
    }

    fn check_operations(&mut self) {
        self.world.check_operations();
    }

    fn check_stays_quiescent(&mut self) {
        let (changes, acting) = (self.world.disk.changes, self.acting_passes);
        self.wait(TICK * 2);
        let acted = self.acting_passes - acting;
        let changed = self.world.disk.changes - changes;
        if acted > 0 || changed > 0 {
            let what = format!(
                "on a quiescent host {acted} passes acted, and the disk changed {changed} times"
            );
            self.world.violation(Invariant::QuietStaysQuiet, what);
        }
    }

    fn check_boots_alone(&mut self) {
        let mut alone = self.world.clone();
        alone.boot(None);
        alone.elapse(Duration::from_secs(120));
        // While the definition of an app is refused, nothing restores its lost unit files, secrets
        // and rendered files.
        let desired = self.world.desired();
        let restorable: BTreeSet<&str> = desired
            .present()
            .flat_map(|(_, present)| present.units.values())
            .map(|unit| unit.service.as_str())
            .collect();
        let mut running = self.world.running_containers();
        running.retain(|service| {
            restorable.contains(service.as_str()) || alone.has_inputs_of(service)
        });
        let allowed = self.world.containers_that_may_run();
        let after = alone.running_containers();
        // systemd also starts services that Archipelago would let wait for another app.
        if !running.is_subset(&after) || !after.is_subset(&allowed) {
            let what = format!(
                "{running:?} ran before, {after:?} after a boot without Archipelago, and \
                 {allowed:?} may run"
            );
            self.world.violation(Invariant::BootsAlone, what);
        }
    }
}

fn is_well(state: State) -> bool {
    matches!(state, State::Ready | State::Stopped)
}

fn all_well(report: &Report) -> bool {
    report.apps.iter().all(|app| is_well(app.state))
}
