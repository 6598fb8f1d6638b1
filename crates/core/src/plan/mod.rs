//! From what should be and what is to what to do: pure, total, and the same for the same arguments.
//!
//! One plan is one pass: it observes nothing again, reloads systemd at most once, and leaves what needs another look to the
//! next pass. The order of the steps is the order of safety: secrets and folders, then the check of the complete set of units, then the
//! record of what a crash must not forget, then the files, one reload, the services, and removal last.

pub mod guard;
mod present;
mod releases;
mod removed;
mod renewal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::action::{Action, Step};
use crate::data_folder::Claim;
use crate::desired::{App, Desired, Present, Role};
use crate::layout::Layout;
use crate::name::AppId;
use crate::observed::{Memory, Observed, Podman};
use crate::progress::{Progress, Subject};
use crate::quadlet::VERSION;

use renewal::Renewal;
pub use renewal::restarted_with;

/// How many services may be coming up at once because of passes. To start a container takes several processes, which compete for the processors,
/// for memory and for Podman's locks; with fewer of them at once, processors would wait for the disk.
#[must_use]
pub fn starts_max(processors: usize) -> usize {
    (4 * processors).max(8)
}

/// For so long a service that was started counts among those that come up. One that still does then waits for something, its health check
/// say, and keeps no processor busy.
pub const STARTING: Duration = Duration::from_secs(3);

/// What to do now, and when to look again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In this order.
    pub actions: Vec<Action>,
    /// The units for whose sake the plan reloads although their files are right: noted as attempts.
    pub regenerates: BTreeSet<String>,
    /// While systemd is not yet to be asked again to read the units: the apps that wait for that.
    pub held: Option<BTreeSet<AppId>>,
    /// When the next attempt at something that failed is due.
    pub wake_at: Option<Duration>,
}

impl Plan {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Whether it keeps in mind that this service runs with something older than its unit.
    #[must_use]
    pub fn remembers(&self, service: &str) -> bool {
        self.actions.iter().any(|action| {
            matches!(&action.step, Step::Remember(memory) if memory.restarts.contains_key(service))
        })
    }
}

/// Works out what to do. `now` is a monotonic time, the one of `progress`.
#[must_use]
pub fn plan(desired: &Desired, observed: &Observed, progress: &Progress, now: Duration) -> Plan {
    if matches!(desired.claim, Claim::Refused(_)) {
        // What runs goes on.
        return Plan::default();
    }
    let mut planner = Planner {
        desired,
        observed,
        progress,
        now,
        steps: Steps::default(),
        memory: observed.memory.clone(),
        complete: true,
        regenerates: BTreeSet::new(),
        restarted: BTreeSet::new(),
        imageless: present::imageless(desired, observed),
        starts_left: starts_left(observed, progress, now),
        crowded: false,
        renewal: Renewal::default(),
    };
    planner.forget_ended_invocations();
    planner.note_unisolated();
    planner.renewal = Renewal::of(&planner);
    for (id, app) in &desired.apps {
        if !progress.is_due(&Subject::App(id.clone()), now) {
            planner.complete = false;
            continue;
        }
        match app {
            App::Broken { .. } | App::NeedsApp { .. } => {}
            App::NeedsSecrets { missing } => {
                for name in missing {
                    let step = Step::GenerateSecret {
                        app: id.clone(),
                        name: name.clone(),
                    };
                    planner.steps.first.push(for_app(id, step));
                }
            }
            App::Present(present) => planner.present(id, present),
            App::Removed {
                purge, required_by, ..
            } => planner.removed(id, *purge, required_by),
        }
    }
    planner.finish()
}

/// Why an app's units are not touched, if so: a name of it is taken, or the generator refused them.
#[must_use]
pub fn blocked(
    layout: &Layout,
    id: &AppId,
    present: &Present,
    observed: &Observed,
    progress: &Progress,
) -> Option<String> {
    present::blocked(layout, id, present, observed).or_else(|| {
        let cause = refused(id, present, progress)?;
        Some(format!("Podman's generator refuses its units: {cause}"))
    })
}

/// Why the generator refused an app's units, if it refused these very ones.
fn refused<'a>(id: &AppId, present: &Present, progress: &'a Progress) -> Option<&'a str> {
    let rejection = progress.rejection(id)?;
    (rejection.revisions == present::revisions(present)).then_some(rejection.cause.as_str())
}

/// The app that this one requires and whose network has no unit file because that app has failed: the generator would refuse every unit
/// that joins it.
#[must_use]
pub fn without_network<'a>(
    desired: &'a Desired,
    present: &'a Present,
    observed: &Observed,
    progress: &Progress,
) -> Option<&'a AppId> {
    let (id, _) = required(desired, present).find(|(id, required)| {
        let failed = || {
            progress.attempts(&Subject::App((*id).clone())).is_some()
                || blocked(&desired.layout, id, required, observed, progress).is_some()
                || without_network(desired, required, observed, progress).is_some()
        };
        !has_network_files(present, required, observed) && failed()
    })?;
    Some(id)
}

/// The apps that this one requires.
fn required<'a>(
    desired: &'a Desired,
    present: &'a Present,
) -> impl Iterator<Item = (&'a AppId, &'a Present)> {
    let all = present.requires.keys();
    all.filter_map(|id| match desired.apps.get(id)? {
        App::Present(required) => Some((id, required.as_ref())),
        _ => None,
    })
}

/// Whether there are unit files of those networks of a required app that this one joins.
fn has_network_files(present: &Present, required: &Present, observed: &Observed) -> bool {
    let joins = |network: &String| {
        let mut containers = present.containers();
        containers.any(|(_, container)| container.networks.contains(network))
    };
    let mut networks = required
        .units
        .values()
        .filter(|unit| matches!(&unit.role, Role::Network(network) if joins(network)));
    networks.all(|unit| observed.mark(&unit.file.name).is_some())
}

/// Whether this pass leaves an app without the unit file of a network that it joins. Refused for that, it would pay for the failure of another
/// app with a wait of its own.
fn lacks_network(planner: &Planner<'_>, present: &Present) -> bool {
    required(planner.desired, present).any(|(id, required)| {
        let subject = Subject::App(id.clone());
        let written =
            planner.progress.is_due(&subject, planner.now) && !is_held_back(planner, id, required);
        !has_network_files(present, required, planner.observed) && !written
    })
}

/// Whether nothing may be done for an app now. A refusal by the generator is tried again after a while: Podman may have been updated.
fn is_held_back(planner: &Planner<'_>, id: &AppId, present: &Present) -> bool {
    present::blocked(&planner.desired.layout, id, present, planner.observed).is_some()
        || (refused(id, present, planner.progress).is_some()
            && !planner
                .progress
                .is_due(&Subject::Units(id.clone()), planner.now))
        || lacks_network(planner, present)
}

/// The revisions of an app's units, by which a refusal is remembered.
#[must_use]
pub fn revisions(present: &Present) -> Vec<String> {
    present::revisions(present)
}

fn starts_left(observed: &Observed, progress: &Progress, now: Duration) -> usize {
    let coming_up = observed.services.iter().filter(|(service, found)| {
        let started = || progress.attempted_at(&Subject::Start((*service).clone()));
        found.is_coming_up()
            && !found.is_restarting()
            && started().is_some_and(|started| now < started + STARTING)
    });
    observed.starts_max.max(1).saturating_sub(coming_up.count())
}

struct Planner<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    progress: &'a Progress,
    now: Duration,
    steps: Steps,
    memory: Memory,
    /// Whether all of Podman's objects that are wanted are known to be there.
    complete: bool,
    regenerates: BTreeSet<String>,
    /// The services that this pass restarts after systemd has read their units.
    restarted: BTreeSet<String>,
    /// The services whose image is not on the node.
    imageless: BTreeSet<String>,
    /// How many more services may be started now.
    starts_left: usize,
    /// Whether one was not, for want of that.
    crowded: bool,
    renewal: Renewal,
}

/// The steps by the part of the pass they belong to.
#[derive(Default)]
struct Steps {
    first: Vec<Action>,
    files: Vec<Action>,
    units: Vec<Action>,
    services: Vec<Action>,
    removal: Vec<Action>,
    reload: bool,
}

fn for_app(app: &AppId, step: Step) -> Action {
    Action {
        app: Some(app.clone()),
        step,
    }
}

fn for_all(step: Step) -> Action {
    Action { app: None, step }
}

/// The unit files of ours as they will be after these steps.
fn staged(observed: &Observed, steps: &[Action]) -> BTreeMap<String, String> {
    let mut staged: BTreeMap<String, String> = observed
        .unit_files
        .iter()
        .filter(|(name, _)| observed.mark(name).is_some())
        .map(|(name, content)| (name.clone(), String::from_utf8_lossy(content).into_owned()))
        .collect();
    for action in steps {
        match &action.step {
            Step::WriteUnit { name, content } => {
                staged.insert(name.clone(), content.clone());
            }
            Step::RemoveUnit(name) => drop(staged.remove(name)),
            _ => {}
        }
    }
    staged
}

impl Planner<'_> {
    fn forget_ended_invocations(&mut self) {
        let observed = self.observed;
        for (service, stale) in &mut self.memory.restarts {
            // It was about to start when its unit was changed, and has come up since, perhaps before systemd read the new one.
            if stale.is_empty()
                && let Some(current) = observed.invocations.get(service)
            {
                stale.clone_from(current);
            }
        }
        if !observed.memory.reload {
            self.memory.restarts.retain(|service, stale| {
                observed.invocations.get(service) == Some(stale)
                    || (stale.is_empty() && observed.is_coming_up(service))
            });
            return;
        }
        // What started before the reload started with the old unit: that run must end as well.
        for (service, stale) in &mut self.memory.restarts {
            if let Some(current) = observed.invocations.get(service) {
                stale.clone_from(current);
            }
        }
    }

    /// Notes that a service runs with something older than what is written now.
    fn must_restart(&mut self, service: &str) {
        let invocation = self.observed.invocations.get(service);
        if invocation.is_some() || self.observed.is_coming_up(service) {
            self.memory
                .restarts
                .insert(service.to_owned(), invocation.cloned().unwrap_or_default());
        }
    }

    fn write_unit(&mut self, app: &AppId, name: &str, content: &str) {
        let step = Step::WriteUnit {
            name: name.to_owned(),
            content: content.to_owned(),
        };
        self.steps.units.push(for_app(app, step));
    }

    fn remove_unit(&mut self, app: &AppId, name: &str) {
        self.steps
            .units
            .push(for_app(app, Step::RemoveUnit(name.to_owned())));
    }

    /// Systemd would not read the units, and is not yet to be asked again. Meanwhile nothing starts but what rests, and of which it has read what is
    /// wanted; nothing is removed that it may still know. Returns whose turn it is not.
    fn wait_for_reload(&mut self) -> BTreeSet<AppId> {
        let present = self.desired.present();
        let read: BTreeSet<&str> = present
            .flat_map(|(_, present)| present.units.values())
            .filter(|unit| unit.is_generated(&self.observed.generated))
            .filter(|unit| !self.memory.restarts.contains_key(&unit.service))
            .map(|unit| unit.service.as_str())
            .collect();
        let waits = |action: &mut Action| match &action.step {
            Step::Start(service) => !read.contains(service.as_str()),
            Step::Restart(_) | Step::RemoveRendered(_) => true,
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
        waiting.filter_map(|action| action.app).collect()
    }

    fn finish(mut self) -> Plan {
        let changes_units = !self.steps.units.is_empty();
        let reload = changes_units || self.steps.reload || self.memory.reload;
        let waits = reload && !self.progress.is_due(&Subject::Reload, self.now);
        let held = waits.then(|| self.wait_for_reload());
        let reload = reload && !waits;
        let mut actions = Vec::new();
        // Until there is an app, the data may still come to lie elsewhere: root makes the system's folder.
        if let Claim::Take(id) = &self.desired.claim
            && !self.desired.apps.is_empty()
            && self.progress.is_due(&Subject::Data, self.now)
        {
            // Before anything is made there.
            actions.push(for_all(Step::ClaimData(id.clone())));
        }
        actions.append(&mut self.steps.first);
        let written: BTreeSet<String> = self
            .steps
            .units
            .iter()
            .filter_map(|action| match &action.step {
                Step::WriteUnit { name, .. } => Some(name.clone()),
                _ => None,
            })
            .collect();
        if !written.is_empty() {
            actions.push(for_all(Step::CheckUnits {
                units: staged(self.observed, &self.steps.units),
                written,
            }));
        }
        // What a crash must not forget is written before the first file it is about.
        self.memory.reload |= changes_units;
        let mut known = self.observed.memory.clone();
        let remember = |memory: &Memory, known: &mut Memory, actions: &mut Vec<Action>| {
            if memory != known {
                actions.push(for_all(Step::Remember(memory.clone())));
                *known = memory.clone();
            }
        };
        remember(&self.memory, &mut known, &mut actions);
        actions.append(&mut self.steps.files);
        actions.append(&mut self.steps.units);
        if reload {
            actions.push(for_all(Step::Reload));
            self.memory.reload = false;
        }
        let restarted = &self.restarted;
        self.memory
            .restarts
            .retain(|service, stale| !(stale.is_empty() && restarted.contains(service)));
        if let Some(fingerprint) = &self.observed.fingerprint
            && self.complete
            && self.observed.podman_view().is_some()
        {
            self.memory.fingerprint.clone_from(fingerprint);
        }
        remember(&self.memory, &mut known, &mut actions);
        actions.append(&mut self.steps.services);
        actions.append(&mut self.steps.removal);
        if actions.is_empty() {
            actions = self.collect();
        }
        // Last, because what is for all ends the pass when it fails.
        if matches!(self.observed.podman, Podman::Unreachable(_))
            && self.progress.is_due(&Subject::Podman, self.now)
        {
            actions.push(for_all(Step::RestartPodmanSocket));
        }
        Plan {
            actions,
            regenerates: self.regenerates,
            held,
            // The end of a start wakes as well.
            wake_at: self
                .progress
                .next_due(self.now)
                .into_iter()
                .chain(self.crowded.then(|| self.now + STARTING))
                .min(),
        }
    }

    /// Whether a file that differs was written by another version of Archipelago: then it is brought up to date, and the service goes on as it
    /// is, because updating Archipelago restarts nothing.
    fn is_upgrade(version: &str) -> bool {
        version != VERSION
    }
}
