//! The planner: collects the steps of each app and puts them in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::blocked::{has_network_files, name_taken, refused, required};
use crate::action::{Action, AppAction, AppStep, HostAction, HostStep, Reason};
use crate::data_folder::Claim;
use crate::desired::{Desired, DesiredUnit, Present};
use crate::name::AppId;
use crate::network;
use crate::observed::{Memory, Observed, Podman};
use crate::quadlet::{VERSION, mark_of};
use crate::retries::{Retries, Subject};

/// The maximum number of services that passes start at once. Starting a container takes several
/// processes, which compete for the processors, for memory and for Podman's locks. With fewer,
/// processors would wait for the disk.
#[must_use]
pub fn starts_max(processors: usize) -> usize {
    (4 * processors).max(8)
}

/// How long a started service counts against the limit of concurrent starts. One that takes longer
/// waits for something, such as its health check, and uses no processor.
pub const STARTING: Duration = Duration::from_secs(3);

/// The actions of a pass, and the time of the next pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In this order.
    pub actions: Vec<Action>,
    /// The units that make the plan reload although their files are right: noted as attempts.
    pub regenerates: BTreeSet<String>,
    /// The services that the plan restarts because nothing listens on their ports: noted as
    /// attempts.
    pub reopens: BTreeSet<String>,
    /// Apps that wait because the last reload failed and its retry is not due; `None` otherwise.
    pub awaiting_reload: Option<BTreeSet<AppId>>,
    /// When the next attempt at something that failed is due.
    pub wake_at: Option<Duration>,
}

impl Plan {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Whether it records that this service runs with something older than its unit.
    #[must_use]
    pub fn remembers(&self, service: &str) -> bool {
        self.actions.iter().any(|action| {
            matches!(action.host_step(), Some(HostStep::Remember(memory)) if memory.restarts.contains_key(service))
        })
    }
}

pub(super) fn starts_left(observed: &Observed, retries: &Retries, now: Duration) -> usize {
    let coming_up = observed.services.iter().filter(|(service, found)| {
        let started = || retries.attempted_at(&Subject::Start((*service).clone()));
        found.is_coming_up()
            && !found.is_restarting()
            && started().is_some_and(|started| now < started + STARTING)
    });
    observed.starts_max.max(1).saturating_sub(coming_up.count())
}

pub(super) struct Planner<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) retries: &'a Retries,
    pub(super) now: Duration,
    pub(super) steps: Steps,
    pub(super) memory: Memory,
    /// Whether all of Podman's objects that are wanted are known to be there.
    pub(super) complete: bool,
    pub(super) regenerates: BTreeSet<String>,
    pub(super) reopens: BTreeSet<String>,
    /// The services that this pass restarts after systemd has read their units.
    pub(super) restarted: BTreeSet<String>,
    /// The services whose image is not on the node.
    pub(super) imageless: BTreeSet<String>,
    /// The services whose image's `VOLUME` paths are not known yet, so their units cannot be
    /// written.
    pub(super) unknown: BTreeSet<String>,
    /// How many more services may be started now.
    pub(super) starts_left: usize,
    /// Whether a start was postponed because `starts_left` was zero.
    pub(super) crowded: bool,
    pub(super) renewal: Renewal,
}

/// The steps by the part of the pass they belong to.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) first: Vec<AppAction>,
    pub(super) files: Vec<AppAction>,
    pub(super) units: Vec<AppAction>,
    pub(super) services: Vec<AppAction>,
    pub(super) removal: Vec<AppAction>,
    /// Why systemd must read its units anew although no file of them changes.
    pub(super) reload: Option<Reason>,
}

pub(super) fn for_host(step: HostStep, reason: Reason) -> Action {
    Action::Host(HostAction { step, reason })
}

/// The unit files of ours as they will be after these steps.
pub(super) fn staged(observed: &Observed, steps: &[AppAction]) -> BTreeMap<String, String> {
    let mut staged: BTreeMap<String, String> = observed
        .unit_files
        .iter()
        .filter(|(name, _)| observed.mark(name).is_some())
        .map(|(name, content)| (name.clone(), String::from_utf8_lossy(content).into_owned()))
        .collect();
    for action in steps {
        match &action.step {
            AppStep::WriteUnit { name, content } => {
                staged.insert(name.clone(), content.clone());
            }
            AppStep::RemoveUnit(name) => drop(staged.remove(name)),
            _ => {}
        }
    }
    staged
}

/// The networks that this pass makes anew because they are not isolated.
#[derive(Clone, Debug, Default)]
pub(super) struct Renewal {
    /// The networks that go now, by app.
    pub(super) removed: BTreeMap<AppId, BTreeSet<String>>,
    /// The services that do not start before their network is made anew.
    pub(super) start_blocked: BTreeSet<String>,
    /// Those of them that run and are due for a restart, with the network for which they stop
    /// instead.
    pub(super) stopped: BTreeMap<String, String>,
}

impl Renewal {
    pub(super) fn blocks_start(&self, service: &str) -> bool {
        self.start_blocked.contains(service)
    }

    /// The network for which a service stops, if it does.
    pub(super) fn stops_for(&self, service: &str) -> Option<&String> {
        self.stopped.get(service)
    }
}

/// Whether a network that the app joins will have no unit file after this pass. The generator would
/// refuse the app's units, and the app would get a backoff for another app's failure.
fn lacks_network(planner: &Planner<'_>, present: &Present) -> bool {
    required(planner.desired, present).any(|(id, required)| {
        let subject = Subject::App(id.clone());
        let written =
            planner.retries.is_due(&subject, planner.now) && !is_blocked(planner, id, required);
        !has_network_files(present, required, planner.observed) && !written
    })
}

/// Whether nothing may be done for an app now. A refusal by the generator is tried again after a
/// while: Podman may have been updated.
pub(super) fn is_blocked(planner: &Planner<'_>, id: &AppId, present: &Present) -> bool {
    name_taken(&planner.desired.layout, id, present, planner.observed).is_some()
        || (refused(id, present, planner.retries).is_some()
            && !planner
                .retries
                .is_due(&Subject::Units(id.clone()), planner.now))
        || lacks_network(planner, present)
}

impl Planner<'_> {
    pub(super) fn forget_ended_invocations(&mut self) {
        let observed = self.observed;
        self.memory
            .carried_over
            .retain(|service, invocation| observed.invocations.get(service) == Some(invocation));
        for (service, stale) in &mut self.memory.restarts {
            // It was about to start when its unit was changed, and has come up since, perhaps
            // before systemd read the new one.
            if stale.is_empty()
                && let Some(current) = observed.invocations.get(service)
            {
                stale.clone_from(current);
            }
        }
        if !observed.memory.reload {
            self.memory.retain_restarts(|service, stale| {
                let runs = observed.invocations.get(service);
                runs.is_some_and(|runs| runs == stale)
                    || (stale.is_empty() && observed.is_coming_up(service))
            });
            return;
        }
        // A service that started before the reload runs with the old unit, so that run must end as
        // well.
        for (service, stale) in &mut self.memory.restarts {
            if let Some(current) = observed.invocations.get(service) {
                stale.clone_from(current);
            }
        }
    }

    /// Notes that a service runs with something older than what is written now.
    pub(super) fn must_restart(&mut self, service: &str, reason: Reason) {
        let invocation = self.observed.invocations.get(service);
        if invocation.is_some() || self.observed.is_coming_up(service) {
            let invocation = invocation.cloned().unwrap_or_default();
            self.memory.must_end(service, invocation, reason);
        }
    }

    /// Notes that a service goes on with what another version of Archipelago wrote.
    pub(super) fn carry_over(&mut self, service: &str) {
        if let Some(invocation) = self.observed.invocations.get(service) {
            let carried_over = &mut self.memory.carried_over;
            carried_over.insert(service.to_owned(), invocation.clone());
        }
    }

    pub(super) fn action(&self, app: &AppId, step: AppStep, reason: Reason) -> AppAction {
        AppAction {
            app: app.clone(),
            step,
            reason,
            operation: self.desired.operations.get(app).copied(),
        }
    }

    /// The last reload failed and is not due yet. Until then only stopped services start whose
    /// loaded unit is the wanted one, and nothing is removed that systemd may still know. Returns
    /// the apps that must wait.
    pub(super) fn wait_for_reload(&mut self) -> BTreeSet<AppId> {
        let present = self.desired.present();
        let read: BTreeSet<&str> = present
            .flat_map(|(_, present)| present.units.values())
            .filter(|unit| unit.is_generated(&self.observed.generated))
            .filter(|unit| !self.memory.restarts.contains_key(&unit.service))
            .map(|unit| unit.service.as_str())
            .collect();
        let waits = |action: &mut AppAction| match &action.step {
            AppStep::Start(service) => !read.contains(service.as_str()),
            AppStep::Restart(_) | AppStep::RemoveRendered(_) => true,
            _ => false,
        };
        let Steps {
            files,
            services,
            removal,
            ..
        } = &mut self.steps;
        let waiting = files
            .extract_if(.., waits)
            .chain(services.extract_if(.., waits))
            .chain(removal.drain(..));
        waiting.map(|action| action.app).collect()
    }

    /// The units that this pass writes, and those that it keeps of the same apps and of which
    /// Quadlet has made services: they may name a network or volume that is removed.
    fn required(&self, staged: &BTreeMap<String, String>) -> BTreeSet<String> {
        let steps = &self.steps.units;
        let written = steps.iter().filter_map(|action| match &action.step {
            AppStep::WriteUnit { name, .. } => Some(name),
            _ => None,
        });
        let changed: BTreeSet<&AppId> = steps.iter().map(|action| &action.app).collect();
        let is_made = |unit: &DesiredUnit| {
            let content = staged.get(&unit.file.name);
            let mark = content.and_then(|content| mark_of(content.as_bytes()));
            mark.is_some() && self.observed.generated.get(&unit.service) == mark.as_ref()
        };
        let kept = self
            .desired
            .present()
            .filter(|(id, _)| changed.contains(id))
            .flat_map(|(_, present)| present.units.values())
            .filter(|unit| is_made(unit))
            .map(|unit| &unit.file.name);
        written.chain(kept).cloned().collect()
    }

    pub(super) fn finish(mut self) -> Plan {
        let changes_units = !self.steps.units.is_empty();
        let pending = self.memory.reload.then_some(Reason::ReloadPending);
        let reload = changes_units
            .then_some(Reason::UnitsChange)
            .or_else(|| self.steps.reload.take())
            .or(pending);
        let waits = reload.is_some() && !self.retries.is_due(&Subject::Reload, self.now);
        let awaiting_reload = waits.then(|| self.wait_for_reload());
        let reload = reload.filter(|_| !waits);
        let reload_networks = self.reload_networks();
        let mut actions = Vec::new();
        // Until there is an app, the data may still come to lie elsewhere: root makes the system's
        // folder.
        if let Claim::Take(id) = &self.desired.claim
            && !self.desired.apps.is_empty()
            && self.retries.is_due(&Subject::Data, self.now)
        {
            // Before anything is made there.
            let step = HostStep::ClaimData(id.clone());
            actions.push(for_host(step, Reason::DataUnclaimed));
        }
        let push = |actions: &mut Vec<Action>, steps: &mut Vec<AppAction>| {
            actions.extend(steps.drain(..).map(Action::App));
        };
        // Before anything changes: once an app runs as a person has agreed to, an edit that asks
        // for more must not lead back to the version before.
        push(&mut actions, &mut self.keep_granted());
        push(&mut actions, &mut self.steps.first);
        if changes_units {
            let units = staged(self.observed, &self.steps.units);
            let required = self.required(&units);
            if !required.is_empty() {
                let step = HostStep::CheckUnits { units, required };
                actions.push(for_host(step, Reason::UnitsChange));
            }
        }
        // The memory is written before the first file that it is about: it must survive a crash.
        self.memory.reload |= changes_units;
        let mut known = self.observed.memory.clone();
        let remember = |memory: &Memory, known: &mut Memory, actions: &mut Vec<Action>| {
            if memory != known {
                let step = HostStep::Remember(memory.clone());
                actions.push(for_host(step, Reason::NotRemembered));
                *known = memory.clone();
            }
        };
        remember(&self.memory, &mut known, &mut actions);
        push(&mut actions, &mut self.steps.files);
        push(&mut actions, &mut self.steps.units);
        if let Some(reason) = reload {
            actions.push(for_host(HostStep::Reload, reason));
            self.memory.reload = false;
        }
        let restarted = &self.restarted;
        self.memory
            .retain_restarts(|service, stale| !(stale.is_empty() && restarted.contains(service)));
        if let Some(fingerprint) = &self.observed.fingerprint
            && self.complete
            && self.observed.podman_view().is_some()
        {
            self.memory.fingerprint.clone_from(fingerprint);
        }
        remember(&self.memory, &mut known, &mut actions);
        push(&mut actions, &mut self.steps.services);
        push(&mut actions, &mut self.steps.removal);
        push(&mut actions, &mut self.take_over());
        if actions.is_empty() && !self.memory.reload {
            actions.append(&mut self.collect());
        }
        // Last, because what is for all ends the pass when it fails.
        if matches!(self.observed.podman, Podman::Unreachable(_))
            && self.retries.is_due(&Subject::Podman, self.now)
        {
            let step = HostStep::RestartPodmanSocket;
            actions.push(for_host(step, Reason::PodmanUnreachable));
        }
        actions.extend(reload_networks);
        Plan {
            actions,
            regenerates: self.regenerates,
            reopens: self.reopens,
            awaiting_reload,
            // The end of a start wakes as well.
            wake_at: self
                .retries
                .next_due(self.now)
                .into_iter()
                .chain(self.crowded.then(|| self.now + STARTING))
                .min(),
        }
    }

    /// One container is enough: what Podman starts for it serves all. Should that not help, all of
    /// them are tried.
    pub(super) fn reload_networks(&self) -> Option<Action> {
        let helper = *self.observed.network.gone.first()?;
        let cut_off = network::cut_off(self.desired, self.observed);
        let names: BTreeSet<String> = cut_off.map(|container| container.name.clone()).collect();
        let first = names.first()?.clone();
        if !self.retries.is_due(&Subject::Networks, self.now) {
            return None;
        }
        let tried = self.retries.attempts(&Subject::Networks).is_some();
        let step = HostStep::ReloadNetworks(if tried {
            names
        } else {
            BTreeSet::from([first])
        });
        Some(for_host(step, Reason::HelperGone { helper }))
    }

    /// Whether a file that differs was written by another version of Archipelago: then it is
    /// brought up to date, and the service goes on as it is, because updating Archipelago restarts
    /// nothing.
    pub(super) fn is_upgrade(version: &str) -> bool {
        version != VERSION
    }
}
