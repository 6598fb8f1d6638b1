//! Whether an action is allowed, judged by the state of the host and not by the observation.

use std::time::Duration;

use archipelago_core::action::{Action, AppAction, AppStep, HostStep};
use archipelago_core::desired::{App, Desired, DesiredUnit, Present, Role};
use archipelago_core::observed::{Memory, Observed};

use crate::invariants::Invariant;
use crate::world::state::World;

/// The allowed pulls of one image within the time. Retries come after 10, 20, 40 … seconds, and
/// each crash and each command may add one.
const PULLS_MAX: usize = 15;
const PULLS_WITHIN: Duration = Duration::from_secs(60);

impl World {
    pub(crate) fn check_action(&mut self, observed: &Observed, action: &Action) {
        let Some(desired) = self.pass_desired.clone() else {
            return;
        };
        match action {
            Action::App(action) => self.check_app_action(&desired, observed, action),
            Action::Host(action) => {
                if let HostStep::Remember(memory) = &action.step {
                    self.justify_restarts(&desired, memory);
                }
            }
        }
    }

    fn check_app_action(&mut self, desired: &Desired, observed: &Observed, action: &AppAction) {
        let AppAction { app: id, step, .. } = action;
        let app = desired.apps.get(id);
        let present = match app {
            Some(App::Present(present)) => Some(present.as_ref()),
            _ => None,
        };
        match step {
            AppStep::EnsureImage(image) => self.check_pull(&image.reference.to_string()),
            AppStep::Stop(service) => {
                if let Some(present) = present
                    && let Some(unit) = unit_of(present, service)
                    && present.running
                    && !self.waits_for_required_app(desired, present)
                    && self.systemd.is_active(service)
                    && !self.began_since_observed(service)
                    && self.runs_as_desired(present, unit)
                {
                    let what = format!("{service} is stopped, and should run");
                    self.violation(Invariant::NoNeedlessStop, what);
                }
            }
            AppStep::Restart(service) => {
                if let Some(present) = present
                    && let Some(unit) = unit_of(present, service)
                    && present.running
                    && !is_definition_in_doubt(observed, service)
                    && !self.started_before_dependency(unit)
                    && !self.began_since_observed(service)
                    && self.runs_as_desired(present, unit)
                {
                    let what = format!("{service} is restarted, and runs as desired");
                    self.violation(Invariant::NoNeedlessStop, what);
                }
            }
            AppStep::Start(service) => {
                if let Some(present) = present
                    && let Some(unit) = unit_of(present, service)
                    && let Role::Container(container) = &unit.role
                    && let Some(view) = observed.podman_view()
                    && !view
                        .images
                        .contains_key(&container.image.reference.to_string())
                {
                    let what = format!("{service} is started without its image");
                    self.violation(Invariant::ImageBeforeStart, what);
                }
            }
            AppStep::RemoveData if !matches!(app, Some(App::Removed { purge: true, .. })) => {
                let what = format!("the data of {id} are removed without a purge");
                self.violation(Invariant::DataKept, what);
            }
            _ => {}
        }
    }

    /// A process that notes a due restart may restart the service later, when nothing but the note
    /// shows why.
    fn justify_restarts(&mut self, desired: &Desired, memory: &Memory) {
        for service in memory.restarts.keys() {
            let is_due = desired.present().any(|(_, present)| {
                unit_of(present, service).is_some_and(|unit| !self.runs_as_desired(present, unit))
            });
            if let Some(run) = self.systemd.run_mut(service).filter(|_| is_due) {
                run.restart_justified = true;
            }
        }
    }

    fn check_pull(&mut self, image: &str) {
        let now = self.clock.since_boot;
        let pulls = self.pulls.entry(image.to_owned()).or_default();
        pulls.retain(|at| *at + PULLS_WITHIN > now);
        pulls.push(now);
        if pulls.len() > PULLS_MAX {
            let what =
                format!("{image} was pulled more than {PULLS_MAX} times in {PULLS_WITHIN:?}");
            self.violation(Invariant::PatientAttempts, what);
        }
    }

    /// Whether systemd started a service by itself after the pass had observed it, for example
    /// while a call of the pass hung. The plan cannot know of that; the next pass starts the
    /// service again.
    fn began_since_observed(&self, service: &str) -> bool {
        let run = self.systemd.run(service);
        run.is_some_and(|run| !self.runs_when_observed.contains(&run.invocation))
    }

    /// Whether a required app stays down until the operator changes that.
    fn waits_for_required_app(&self, desired: &Desired, present: &Present) -> bool {
        present.requires.iter().any(|(app, service)| {
            let app = desired.apps.get(app);
            let is_stopped = matches!(app, Some(App::Present(app)) if !app.running);
            let main = service.as_ref();
            is_stopped
                || main.is_some_and(|main| self.is_masked(main) && self.systemd.run(main).is_none())
        })
    }
}

/// Whether the unit file was changed while systemd was about to start the service. The memory then
/// has no invocation for it.
fn is_definition_in_doubt(observed: &Observed, service: &str) -> bool {
    let invocation = observed.memory.restarts.get(service);
    invocation.is_some_and(String::is_empty)
}

fn unit_of<'a>(present: &'a Present, service: &str) -> Option<&'a DesiredUnit> {
    present.units.values().find(|unit| unit.service == service)
}
