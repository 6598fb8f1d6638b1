//! The consequences of a plan's outcomes for the next passes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::failed::{held_up, renewed};
use super::{Outcome, Reconciler};
use crate::action::{Action, AppAction, AppStep, HostStep};
use crate::cause::Cause;
use crate::desired::Desired;
use crate::name::AppId;
use crate::plan::{self, Plan};
use crate::retries::{Rejection, Subject};

impl Reconciler {
    /// Notes how the actions of a plan went; `outcomes` is in the order of the actions.
    pub fn finished(
        &mut self,
        desired: &Desired,
        plan: &Plan,
        outcomes: &[Outcome],
        now: Duration,
    ) {
        let mut failed = BTreeMap::new();
        for (action, outcome) in plan.actions.iter().zip(outcomes) {
            if matches!(action.host_step(), Some(HostStep::RestartPodmanSocket)) {
                // The next observation shows whether it helped.
                self.retries.attempted(Subject::Podman, None, now);
                continue;
            }
            if let Some(HostStep::ReloadNetworks(_)) = action.host_step() {
                let cause = match outcome {
                    Outcome::Failed(cause) => Some(cause.clone()),
                    _ => None,
                };
                self.retries.attempted(Subject::Networks, cause, now);
                continue;
            }
            if let Outcome::Failed(cause) = outcome {
                let subject = match action.host_step() {
                    Some(HostStep::Reload) => Some(Subject::Reload),
                    Some(HostStep::ClaimData(_)) => Some(Subject::Data),
                    _ => None,
                };
                if let Some(subject) = subject {
                    self.retries.attempted(subject, cause.clone(), now);
                }
            }
            match outcome {
                Outcome::Done => self.done(plan, action, now),
                Outcome::Skipped => {}
                Outcome::Refused(units) => self.refused(desired, units, now),
                Outcome::Failed(cause) => match action {
                    Action::App(action) => {
                        if let Some(network) = renewed(desired, action) {
                            // Without it the app keeps its old image.
                            let subject = Subject::Network(network.clone());
                            self.retries.attempted(subject, cause.clone(), now);
                        } else if let AppStep::KeepGranted(_) = &action.step {
                            // The next passes go on with the app all the same.
                            let subject = Subject::Granted(action.app.clone());
                            self.retries.attempted(subject, cause.clone(), now);
                        } else {
                            failed.insert(action.app.clone(), Some(cause.clone()));
                        }
                    }
                    Action::Host(action) => {
                        let cause = match &action.step {
                            HostStep::Reload => Cause::NotReloaded(Box::new(cause.clone())),
                            _ => cause.clone(),
                        };
                        for app in held_up(desired, plan, &action.step) {
                            let cause = || Some(cause.clone());
                            failed.entry(app.clone()).or_insert_with(cause);
                        }
                    }
                },
            }
        }
        match &plan.awaiting_reload {
            Some(waiting) => {
                let reload = self.retries.attempts(&Subject::Reload);
                let cause = reload.and_then(|reload| reload.cause.clone());
                let cause = cause.map(|cause| Cause::NotReloaded(Box::new(cause)));
                for app in waiting {
                    failed.entry(app.clone()).or_insert_with(|| cause.clone());
                }
            }
            None if plan
                .actions
                .iter()
                .all(|action| !matches!(action.host_step(), Some(HostStep::Reload))) =>
            {
                self.retries.reload_worked();
            }
            None => {}
        }
        for app in plan.actions.iter().filter_map(Action::app) {
            if !failed.contains_key(app) {
                self.retries.worked(&Subject::App(app.clone()));
            }
        }
        for (app, cause) in failed {
            self.retries.attempted(Subject::App(app), cause, now);
        }
    }

    fn done(&mut self, plan: &Plan, action: &Action, now: Duration) {
        match action {
            Action::App(action) => self.done_for_app(plan, action, now),
            Action::Host(action) => self.done_for_host(plan, &action.step, now),
        }
    }

    fn done_for_app(&mut self, plan: &Plan, action: &AppAction, now: Duration) {
        let app = &action.app;
        match &action.step {
            AppStep::Start(service) | AppStep::Restart(service) => {
                self.retries
                    .attempted(Subject::Start(service.clone()), None, now);
                if plan.reopens.contains(service) {
                    self.retries
                        .attempted(Subject::Ports(service.clone()), None, now);
                }
            }
            AppStep::WriteUnit { name, content } => self.wrote(app, name, content, now),
            AppStep::WriteFile { path, content } => {
                self.wrote(app, &path.display().to_string(), content, now);
            }
            AppStep::KeepGranted(_) => self.retries.worked(&Subject::Granted(app.clone())),
            AppStep::Forget => self.retries.forget(app),
            _ => {}
        }
    }

    fn done_for_host(&mut self, plan: &Plan, step: &HostStep, now: Duration) {
        match step {
            HostStep::Reload => {
                self.retries.reload_worked();
                for unit in &plan.regenerates {
                    let subject = Subject::Generate(unit.clone());
                    self.retries.attempted(subject, Cause::NotGenerated, now);
                }
            }
            HostStep::CheckUnits { .. } => {
                for app in plan.actions.iter().filter_map(Action::app) {
                    self.retries.accept(app);
                }
            }
            HostStep::ClaimData(_) => self.retries.worked(&Subject::Data),
            HostStep::Remember(_)
            | HostStep::RemoveRelease(_)
            | HostStep::RestartPodmanSocket
            | HostStep::ReloadNetworks(_) => {}
        }
    }

    fn wrote(&mut self, app: &AppId, file: &str, content: &str, now: Duration) {
        let subject = Subject::File(file.to_owned());
        let contended = self.contention.wrote(app, file, content, now);
        if contended.is_none() && self.retries.attempts(&subject).is_none() {
            return;
        }
        let cause = Cause::Contention {
            file: file.to_owned(),
            writers: None,
        };
        self.retries.attempted(subject.clone(), cause, now);
        if let Some(contended) = contended {
            self.retries.wait_until(&subject, now + contended.quiet);
        }
    }

    /// Blames the apps whose units were refused; this pass was to change units of each of them.
    fn refused(&mut self, desired: &Desired, units: &BTreeMap<String, String>, now: Duration) {
        for (id, present) in desired.present() {
            let words = present.units.keys().filter_map(|unit| units.get(unit));
            let words: Vec<String> = words.cloned().collect();
            if !words.is_empty() {
                let rejection = Rejection {
                    revisions: plan::revisions(present),
                    words,
                };
                self.retries.reject(id.clone(), rejection, now);
            }
        }
    }
}
