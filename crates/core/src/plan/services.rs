//! The part of a plan for services: what starts, restarts and stops.

use super::planner::{Planner, is_blocked};
use crate::action::{AppStep, Reason};
use crate::desired::{DesiredContainer, DesiredUnit, Present, Role};
use crate::name::AppId;
use crate::network;
use crate::observed::{Active, Job, Load, Service};
use crate::retries::Subject;

/// A service that should not run.
pub(super) struct ToStop {
    pub(super) service: String,
    pub(super) companion: bool,
    pub(super) reason: Reason,
}

impl Planner<'_> {
    /// A network or volume that Podman no longer has, while systemd takes its service for done. A
    /// stopped app needs only the network that others have joined.
    pub(super) fn recreate_vanished(&mut self, id: &AppId, present: &Present) {
        let Some(view) = self.observed.podman_view() else {
            return;
        };
        let is_joined = |network: &String| {
            let running = self.desired.present().filter(|(_, other)| other.running);
            let mut containers = running.flat_map(|(_, other)| other.containers());
            containers.any(|(_, container)| container.networks.contains(network))
        };
        for unit in present.units.values() {
            let there = match &unit.role {
                Role::Network(name) => {
                    view.networks.contains_key(name) || !(present.running || is_joined(name))
                }
                Role::Volume(name) => !present.running || view.volumes.contains_key(name),
                Role::Container(_) => true,
            };
            let done = self
                .observed
                .services
                .get(&unit.service)
                .is_some_and(Service::is_up);
            if !there && done {
                self.complete = false;
                self.queue(id, &unit.service, AppStep::Restart, Reason::Vanished);
            }
        }
    }

    pub(super) fn run(&mut self, id: &AppId, unit: &DesiredUnit, container: &DesiredContainer) {
        let service = self.observed.services.get(&unit.service);
        if self.observed.overrides.contains_key(&unit.service)
            || service.is_some_and(|service| service.load == Load::Masked)
        {
            return;
        }
        let Some(service) = service else {
            self.queue(id, &unit.service, AppStep::Start, Reason::NotRunning);
            return;
        };
        // A start lasts until the container's health check has succeeded, which may be never. One
        // that began with something older is not waited for; one that has not begun reads what is
        // there then, and any other job comes to its end.
        let began_stale = service.active == Active::Activating
            && self
                .memory
                .restarts
                .get(&unit.service)
                .is_some_and(|stale| !stale.is_empty());
        if service.job.is_some() && !began_stale {
            return;
        }
        let stale = self.memory.restart_reason(&unit.service).or_else(|| {
            let service = self.observed.fell_behind(&unit.service, container)?.clone();
            Some(Reason::FellBehind { service })
        });
        match (service.active, stale) {
            (Active::Active | Active::Activating, Some(reason)) => {
                if self.queue(id, &unit.service, AppStep::Restart, reason) {
                    self.restarted.insert(unit.service.clone());
                }
            }
            (Active::Active, None) if self.must_reopen(&unit.service) => {
                if self.queue(id, &unit.service, AppStep::Restart, Reason::PortsClosed) {
                    self.reopens.insert(unit.service.clone());
                }
            }
            (Active::Active | Active::Activating, None) | (Active::Deactivating, _) => {}
            // It has been tried. A command for the app lets it be tried again, and so does a change
            // of its unit.
            (Active::Failed, _)
                if container.is_job
                    && service.has_program_failed()
                    && self.was_started(&unit.service) => {}
            (Active::Inactive | Active::Failed, _) => {
                let failure = service.failure.as_ref();
                let reason = match failure.filter(|_| service.active == Active::Failed) {
                    Some(failure) => Reason::Failed {
                        result: failure.result.clone(),
                        status: failure.status,
                    },
                    None => Reason::NotRunning,
                };
                self.queue(id, &unit.service, AppStep::Start, reason);
            }
        }
    }

    /// Whether a pass has started a service that has not been up since.
    fn was_started(&self, service: &str) -> bool {
        let subject = Subject::Start(service.to_owned());
        self.retries.attempts(&subject).is_some()
    }

    /// systemd restarts crashed services again and again. A service that crashed because a required
    /// app cannot be reached is started once that app can be.
    pub(super) fn stop_crash_loops(&mut self, id: &AppId, present: &Present, required: &AppId) {
        let in_vain = present.containers().filter(|(unit, container)| {
            let found = self.observed.services.get(&unit.service);
            !container.follows.is_empty() && found.is_some_and(Service::is_crash_looping)
        });
        let actions: Vec<_> = in_vain
            .map(|(unit, _)| {
                let app = required.clone();
                let step = AppStep::Stop(unit.service.clone());
                self.action(id, step, Reason::RequiredUnreachable { app })
            })
            .collect();
        self.steps.services.extend(actions);
    }

    /// Before systemd starts a service, it stops the services that are ordered after it (`After=`).
    /// While a node is down, its callers may take minutes to stop, and the node need not wait for
    /// that.
    pub(super) fn cancel_stops_that_delay_starts(&mut self, id: &AppId, present: &Present) {
        let is_to_start = |service: &String| {
            let found = self.observed.services.get(service);
            found.is_some_and(|found| {
                let rests = matches!(found.active, Active::Inactive | Active::Failed);
                found.job == Some(Job::Other) && (rests || found.is_restarting())
            })
        };
        let held_up = present.containers().filter_map(|(unit, container)| {
            let found = self.observed.services.get(&unit.service)?;
            let stops = found.active == Active::Deactivating && found.job.is_some();
            let mut follows = container.follows.iter().filter(|_| stops);
            Some((unit, follows.find(|service| is_to_start(service))?))
        });
        let actions: Vec<_> = held_up
            .map(|(unit, service)| {
                let service = service.clone();
                let step = AppStep::CancelJob(unit.service.clone());
                self.action(id, step, Reason::DelaysStart { service })
            })
            .collect();
        self.steps.services.extend(actions);
    }

    /// Whether an app that requires this one still runs, and is about to stop.
    pub(super) fn is_followed(&self, id: &AppId) -> bool {
        self.desired.present().any(|(other, present)| {
            let runs = |unit: &DesiredUnit| {
                let found = self.observed.services.get(&unit.service);
                found.is_some_and(|found| !found.is_down())
            };
            present.requires.contains_key(id)
                && present
                    .containers()
                    .any(|(unit, container)| !container.companion && runs(unit))
                && !is_blocked(self, other, present)
                && self.retries.is_due(&Subject::App(other.clone()), self.now)
        })
    }

    /// Whether nothing has listened on its ports for long enough, and it may help to restart it.
    fn must_reopen(&self, service: &str) -> bool {
        let subject = Subject::Ports(service.to_owned());
        network::is_closed(service, self.observed)
            && self.retries.attempts(&subject).is_some_and(|attempts| {
                attempts.next <= self.now && attempts.count < network::PORT_RESTARTS_MAX
            })
    }

    /// Plans a start or restart, unless its backoff has not expired or too many services are
    /// starting. Returns whether it was planned. The end of one of those starts wakes the next
    /// pass.
    pub(super) fn queue(
        &mut self,
        id: &AppId,
        service: &str,
        step: fn(String) -> AppStep,
        reason: Reason,
    ) -> bool {
        let due = self
            .retries
            .is_due(&Subject::Start(service.to_owned()), self.now);
        if !due {
            return false;
        }
        if self.starts_left == 0 {
            self.crowded = true;
            return false;
        }
        self.starts_left -= 1;
        let action = self.action(id, step(service.to_owned()), reason);
        self.steps.services.push(action);
        true
    }

    /// Stops the companions, and the other services once no companion runs. Returns whether all
    /// have ended.
    pub(super) fn stop_all(&mut self, id: &AppId, services: impl Iterator<Item = ToStop>) -> bool {
        let running: Vec<ToStop> = services
            .filter(|ToStop { service, .. }| {
                let found = self.observed.services.get(service);
                found.is_some_and(|found| !found.is_down())
            })
            .collect();
        let rest = running.is_empty();
        let companions_run = running.iter().any(|stop| stop.companion);
        for ToStop {
            service,
            companion,
            reason,
        } in running
        {
            let found = self.observed.services.get(&service);
            let stopping = found.is_some_and(|found| {
                found.active == Active::Deactivating || found.job == Some(Job::Stop)
            });
            if companion == companions_run && !stopping {
                let action = self.action(id, AppStep::Stop(service), reason);
                self.steps.services.push(action);
            }
        }
        rest
    }
}
