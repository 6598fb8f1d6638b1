//! The reconciler: what a manager carries from one pass to the next.
//!
//! A pass is: [`Reconciler::recall`], observe, [`Reconciler::plan`], apply with [`Run`],
//! [`Reconciler::finished`], [`Reconciler::keep`]. The daemon, the command line and the simulation
//! drive this same code. A pass does not fail; what failed is remembered with its cause and tried
//! again later.

mod contention;
mod failed;
pub(crate) mod file_writers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::action::{Action, AppAction, AppStep, HostStep};
use crate::cause::Cause;
use crate::desired::{Desired, DesiredImage, Role};
use crate::layout::Layout;
use crate::name::AppId;
use crate::network;
use crate::observed::Observed;
use crate::plan::{self, Plan};
use crate::progress::{Progress, Rejection, Subject};
use crate::quadlet::service_of;
use contention::Contention;
use failed::{held_up, renewed};

/// The net under everything: a pass is made at least this often.
pub const TICK: Duration = Duration::from_secs(30);

/// The least time between the end of one pass and the start of the next, so that a change that
/// keeps coming back costs little.
pub const GAP: Duration = Duration::from_millis(20);

/// And the most: however much a pass costs, what has happened meanwhile waits no longer.
pub const GAP_MAX: Duration = Duration::from_secs(1);

/// What happens mostly happens in bursts: a pass begins when nothing has happened for this long.
pub const SETTLE: Duration = Duration::from_millis(10);

/// The longest that a burst is waited for.
pub const BURST_MAX: Duration = Duration::from_millis(100);

pub use contention::{ANSWER, ANSWERS_MAX, REPAIRS_MAX, SPAN};
pub use file_writers::{FileWriter, FileWriters, Hint, Unit};

/// The time to the next pass without a wake-up. A pass that did something is followed by another
/// one.
#[must_use]
pub fn pause(acted: bool, wake_after: Option<Duration>) -> Duration {
    if acted {
        GAP
    } else {
        wake_after.map_or(TICK, |after| after.clamp(GAP, TICK))
    }
}

/// How an action went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The call returned without error.
    Done,
    /// It was not tried, because an earlier one failed.
    Skipped,
    /// It failed.
    Failed(Cause),
    /// The generator refused units that this pass writes or keeps: name to what it said.
    Refused(BTreeMap<String, String>),
}

/// What a manager carries from pass to pass.
#[derive(Clone, Debug, Default)]
pub struct Reconciler {
    progress: Progress,
    /// What the shared file of progress held when it was last read or written.
    shared: Option<Vec<u8>>,
    contention: Contention,
    /// Whether the names of all secrets on the disk are known to outlast a loss of power.
    secrets_last: bool,
}

impl Reconciler {
    /// Takes over what another manager, or this one before it ended, has tried: what the shared
    /// file of progress holds now.
    pub fn recall(&mut self, shared: Option<Vec<u8>>) {
        if shared == self.shared {
            return;
        }
        // A file that cannot be understood says nothing that a few attempts would not.
        let known = shared
            .as_deref()
            .and_then(|content| serde_json::from_slice(content).ok());
        let before = std::mem::replace(&mut self.progress, known.unwrap_or_default());
        // What another manager holds against a file no more, this one does not either: the operator
        // may have asked.
        let progress = &self.progress;
        self.contention.forget(|file| {
            let subject = Subject::File(file.to_owned());
            before.attempts(&subject).is_some() && progress.attempts(&subject).is_none()
        });
        self.shared = shared;
    }

    /// What the shared file of progress should hold, if that is something else than it does.
    ///
    /// # Panics
    /// Never: progress is plain text and numbers.
    #[must_use]
    pub fn keep(&self) -> Option<Vec<u8>> {
        let content =
            serde_json::to_vec(&self.progress).expect("progress is plain text and numbers");
        let nothing = self.shared.is_none() && self.progress == Progress::default();
        (self.shared.as_deref() != Some(&content[..]) && !nothing).then_some(content)
    }

    /// Notes that the shared file holds this. Where it cannot be written, this manager alone knows
    /// what was tried.
    pub fn kept(&mut self, content: Vec<u8>) {
        self.shared = Some(content);
    }

    /// Works out what to do about what was seen.
    pub fn plan(&mut self, desired: &Desired, observed: &Observed, now: Duration) -> Plan {
        self.contention.begin(desired, now);
        for (_, service) in network::closed(desired, observed) {
            let subject = Subject::Ports(service.to_owned());
            self.progress.suspect(subject, now + network::CLOSED_FOR);
        }
        if !self.progress.is_empty() {
            self.note_what_works(desired, observed);
            self.note_what_is_left_alone(desired, observed, now);
        }
        plan::plan(desired, observed, &self.progress, now)
    }

    /// Whether the names of all secrets on the disk are known to outlast a loss of power.
    pub(crate) fn secrets_last(&self) -> bool {
        self.secrets_last
    }

    pub(crate) fn note_secrets_last(&mut self, last: bool) {
        self.secrets_last = last;
    }

    /// Whether Podman did not answer the last time, and is not due for another attempt to wake it.
    #[must_use]
    pub fn podman_is_silent(&self, now: Duration) -> bool {
        self.progress.attempts(&Subject::Podman).is_some()
            && !self.progress.is_due(&Subject::Podman, now)
    }

    /// What was tried and did not work.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    fn note_what_works(&mut self, desired: &Desired, observed: &Observed) {
        if observed.network.gone.is_empty() {
            self.progress.worked(&Subject::Networks);
        }
        if observed.podman_view().is_some() {
            self.progress.worked(&Subject::Podman);
        }
        self.progress.retain_ports(|service| {
            let mut units = desired
                .present()
                .flat_map(|(_, present)| present.units.values());
            units.any(|unit| unit.service == service)
        });
        for (_, present) in desired.present() {
            for unit in present.units.values() {
                if observed
                    .services
                    .get(&unit.service)
                    .is_some_and(crate::observed::Service::is_up)
                {
                    self.progress.worked(&Subject::Start(unit.service.clone()));
                }
                self.note_open_ports(&unit.service, observed);
                if unit.is_generated(&observed.generated) {
                    self.progress
                        .worked(&Subject::Generate(unit.file.name.clone()));
                }
                if let (Role::Network(name), Some(view)) = (&unit.role, observed.podman_view())
                    && view.networks.get(name).is_none_or(|found| found.isolated)
                {
                    self.progress.worked(&Subject::Network(name.clone()));
                }
                if let (Role::Container(container), Some(view)) =
                    (&unit.role, observed.podman_view())
                {
                    let image = container.image.reference.to_string();
                    if view.images.contains_key(&image) {
                        self.progress.image_is_here(&image);
                    }
                }
            }
        }
    }

    /// A service whose ports are listened on has what it was restarted for. A mere suspicion ends
    /// with the service, too.
    fn note_open_ports(&mut self, service: &str, observed: &Observed) {
        if network::is_closed(service, observed) {
            return;
        }
        let subject = Subject::Ports(service.to_owned());
        let found = observed.services.get(service);
        let is_up = found.is_some_and(crate::observed::Service::is_up);
        let attempts = self.progress.attempts(&subject);
        if attempts.is_some_and(|attempts| is_up || attempts.count == 0) {
            self.progress.worked(&subject);
        }
    }

    /// Ends the contention of files that were still right when they could have been written again,
    /// and of files that are no longer wanted.
    fn note_what_is_left_alone(&mut self, desired: &Desired, observed: &Observed, now: Duration) {
        let contention = &mut self.contention;
        self.progress.retain_files(|file, attempts| {
            let wanted = desired.present().find_map(|(_, present)| {
                let unit = present.units.get(file).map(|unit| &unit.file.content);
                unit.or_else(|| present.files.get(Path::new(file)))
            });
            let found = observed
                .unit_files
                .get(file)
                .or_else(|| Some(&observed.files.get(Path::new(file))?.content));
            let right = found.map(Vec::as_slice) == wanted.map(|content| content.as_bytes());
            let fought_over = wanted.is_some() && !(right && attempts.next <= now);
            if !fought_over {
                contention.forget(|other| other == file);
            }
            fought_over
        });
    }

    /// The files that this plan repairs although something else keeps changing them, and where
    /// they lie. Who that is, is seen best before they are.
    #[must_use]
    pub fn fought_over(&self, plan: &Plan, layout: &Layout) -> BTreeMap<String, PathBuf> {
        let written = plan
            .actions
            .iter()
            .filter_map(|action| match action.app_step()? {
                AppStep::WriteUnit { name, content } => {
                    Some((name.clone(), layout.unit(name), content))
                }
                AppStep::WriteFile { path, content } => {
                    Some((path.display().to_string(), path.clone(), content))
                }
                _ => None,
            });
        let is_fought_over = |file: &str, content: &str| {
            let subject = Subject::File(file.to_owned());
            self.progress.attempts(&subject).is_some()
                || self.contention.would_be_one(file, content)
        };
        written
            .filter(|(file, _, content)| is_fought_over(file, content))
            .map(|(file, path, _)| (file, path))
            .collect()
    }

    /// Adds the processes seen around contended files to the causes that people read. Returns the
    /// new messages.
    pub fn attribute(&mut self, file_writers: &BTreeMap<String, FileWriters>) -> Vec<Cause> {
        let told = file_writers.iter().filter_map(|(file, file_writers)| {
            let cause = Cause::Contention {
                file: file.clone(),
                writers: Some(file_writers.clone()),
            };
            let subject = Subject::File(file.clone());
            self.progress.explain(&subject, &cause).then_some(cause)
        });
        told.collect()
    }

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
                // Whether it helped, the next look tells.
                self.progress.attempted(Subject::Podman, None, now);
                continue;
            }
            if let Some(HostStep::ReloadNetworks(_)) = action.host_step() {
                let cause = match outcome {
                    Outcome::Failed(cause) => Some(cause.clone()),
                    _ => None,
                };
                self.progress.attempted(Subject::Networks, cause, now);
                continue;
            }
            if let Outcome::Failed(cause) = outcome {
                let subject = match action.host_step() {
                    Some(HostStep::Reload) => Some(Subject::Reload),
                    Some(HostStep::ClaimData(_)) => Some(Subject::Data),
                    _ => None,
                };
                if let Some(subject) = subject {
                    self.progress.attempted(subject, cause.clone(), now);
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
                            self.progress.attempted(subject, cause.clone(), now);
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
        match &plan.held {
            Some(held) => {
                let reload = self.progress.attempts(&Subject::Reload);
                let cause = reload.and_then(|reload| reload.cause.clone());
                let cause = cause.map(|cause| Cause::NotReloaded(Box::new(cause)));
                for app in held {
                    failed.entry(app.clone()).or_insert_with(|| cause.clone());
                }
            }
            None if plan
                .actions
                .iter()
                .all(|action| !matches!(action.host_step(), Some(HostStep::Reload))) =>
            {
                self.progress.reload_worked();
            }
            None => {}
        }
        for app in plan.actions.iter().filter_map(Action::app) {
            if !failed.contains_key(app) {
                self.progress.worked(&Subject::App(app.clone()));
            }
        }
        for (app, cause) in failed {
            self.progress.attempted(Subject::App(app), cause, now);
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
                self.progress
                    .attempted(Subject::Start(service.clone()), None, now);
                if plan.reopens.contains(service) {
                    self.progress
                        .attempted(Subject::Ports(service.clone()), None, now);
                }
            }
            AppStep::WriteUnit { name, content } => {
                // A job that failed with the old unit may be tried with the new one.
                self.progress.worked(&Subject::Start(service_of(name)));
                self.wrote(app, name, content, now);
            }
            AppStep::WriteFile { path, content } => {
                self.wrote(app, &path.display().to_string(), content, now);
            }
            AppStep::Forget => self.progress.forget(app),
            _ => {}
        }
    }

    fn done_for_host(&mut self, plan: &Plan, step: &HostStep, now: Duration) {
        match step {
            HostStep::Reload => {
                self.progress.reload_worked();
                for unit in &plan.regenerates {
                    let subject = Subject::Generate(unit.clone());
                    self.progress.attempted(subject, Cause::NotGenerated, now);
                }
            }
            HostStep::CheckUnits { .. } => {
                for app in plan.actions.iter().filter_map(Action::app) {
                    self.progress.accept(app);
                }
            }
            HostStep::ClaimData(_) => self.progress.worked(&Subject::Data),
            HostStep::Remember(_)
            | HostStep::RemoveRelease(_)
            | HostStep::RestartPodmanSocket
            | HostStep::ReloadNetworks(_) => {}
        }
    }

    fn wrote(&mut self, app: &AppId, file: &str, content: &str, now: Duration) {
        let subject = Subject::File(file.to_owned());
        let fight = self.contention.wrote(app, file, content, now);
        if fight.is_none() && self.progress.attempts(&subject).is_none() {
            return;
        }
        let cause = Cause::Contention {
            file: file.to_owned(),
            writers: None,
        };
        self.progress.attempted(subject.clone(), cause, now);
        if let Some(fight) = fight {
            self.progress.wait_until(&subject, now + fight.quiet);
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
                self.progress.reject(id.clone(), rejection, now);
            }
        }
    }

    /// Notes the end of a pull or build.
    pub fn image_finished(
        &mut self,
        image: &DesiredImage,
        result: Result<(), Cause>,
        now: Duration,
    ) {
        let subject = image.subject();
        match result {
            // That it is there, the next look shows. Taken at its word, a pull that brings nothing
            // would be made again and again.
            Ok(()) => self.progress.attempted(subject, Cause::ImageNotListed, now),
            Err(cause) => self.progress.attempted(subject, cause, now),
        }
    }

    /// Lets what failed for this app be tried at once: the operator asked.
    pub fn retry_now(&mut self, desired: &Desired, id: &AppId) {
        self.progress.forget(id);
        self.progress.retry_now(&Subject::Reload);
        self.progress.retry_now(&Subject::Networks);
        for (_, present) in desired.present().filter(|(other, _)| *other == id) {
            for (unit, container) in present.containers() {
                self.progress.worked(&Subject::Start(unit.service.clone()));
                self.progress.worked(&Subject::Ports(unit.service.clone()));
                self.progress.worked(&container.image.subject());
            }
            for unit in present.units.values() {
                if let Role::Network(name) = &unit.role {
                    self.progress.worked(&Subject::Network(name.clone()));
                }
            }
            let is_its_own = |file: &str| {
                present.units.contains_key(file) || present.files.contains_key(Path::new(file))
            };
            self.progress.retain_files(|file, _| !is_its_own(file));
            self.contention.forget(is_its_own);
        }
    }
}
