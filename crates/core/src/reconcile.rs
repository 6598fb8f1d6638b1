//! The reconciler: what a manager carries from one pass to the next.
//!
//! A pass is: [`Reconciler::recall`], observe, [`Reconciler::plan`], apply with [`Run`], [`Reconciler::finished`], [`Reconciler::keep`]. The
//! daemon, the command line and the simulation drive this same code. A pass does not fail; what failed is remembered with its cause and tried again later.

mod contention;
mod file_writers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::action::{Action, Step};
use crate::desired::{Desired, DesiredImage, Role};
use crate::layout::Layout;
use crate::name::AppId;
use crate::observed::Observed;
use crate::plan::{self, Plan};
use crate::progress::{Progress, Rejection, Subject};
use contention::Contention;

/// The net under everything: a pass is made at least this often.
pub const TICK: Duration = Duration::from_secs(30);

/// The least time between the end of one pass and the start of the next, so that a change that keeps coming back costs little.
pub const GAP: Duration = Duration::from_millis(20);

/// And the most: however much a pass costs, what has happened meanwhile waits no longer.
pub const GAP_MAX: Duration = Duration::from_secs(1);

/// What happens mostly happens in bursts: a pass begins when nothing has happened for this long.
pub const SETTLE: Duration = Duration::from_millis(10);

/// The longest that a burst is waited for.
pub const BURST_MAX: Duration = Duration::from_millis(100);

pub use contention::{REPAIRS_MAX, SPAN};
pub use file_writers::{FileWriter, FileWriters, Hint, Unit};

/// How long to wait after a pass when nothing rings: one that did something is followed by another look.
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
    Failed(String),
    /// The generator refused units that this pass writes: name to what it said.
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
    /// Takes over what another manager, or this one before it ended, has tried: what the shared file of progress holds now.
    pub fn recall(&mut self, shared: Option<Vec<u8>>) {
        if shared == self.shared {
            return;
        }
        // A file that cannot be understood says nothing that a few attempts would not.
        let known = shared
            .as_deref()
            .and_then(|content| serde_json::from_slice(content).ok());
        let before = std::mem::replace(&mut self.progress, known.unwrap_or_default());
        // What another manager holds against a file no more, this one does not either: the operator may have asked.
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

    /// Notes that the shared file holds this. Where it cannot be written, this manager alone knows what was tried.
    pub fn kept(&mut self, content: Vec<u8>) {
        self.shared = Some(content);
    }

    /// Works out what to do about what was seen.
    pub fn plan(&mut self, desired: &Desired, observed: &Observed, now: Duration) -> Plan {
        self.contention.forget_before(now);
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
        if observed.podman_view().is_some() {
            self.progress.worked(&Subject::Podman);
        }
        for (_, present) in desired.present() {
            for unit in present.units.values() {
                if observed
                    .services
                    .get(&unit.service)
                    .is_some_and(crate::observed::Service::is_up)
                {
                    self.progress.worked(&Subject::Start(unit.service.clone()));
                }
                if unit.is_generated(&observed.generated) {
                    self.progress
                        .worked(&Subject::Generate(unit.file.name.clone()));
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

    /// A file that was still right when it might have been written again is not fought over any more, nor is one that is not wanted.
    fn note_what_is_left_alone(&mut self, desired: &Desired, observed: &Observed, now: Duration) {
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
            wanted.is_some() && !(right && attempts.next <= now)
        });
    }

    /// The files that this plan puts right although something else keeps changing them, and where they lie. Who that is, is seen best before
    /// they are.
    #[must_use]
    pub fn fought_over(&self, plan: &Plan, layout: &Layout) -> BTreeMap<String, PathBuf> {
        let written = plan.actions.iter().filter_map(|action| match &action.step {
            Step::WriteUnit { name, content } => Some((name.clone(), layout.unit(name), content)),
            Step::WriteFile { path, content } => {
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

    /// Takes what was seen around files that are fought over into what people are told, once their writing is noted. Returns what they are told.
    pub fn attribute(&mut self, file_writers: &BTreeMap<String, FileWriters>) -> Vec<String> {
        let told = file_writers.iter().filter_map(|(file, file_writers)| {
            let cause = contention::cause(file, Some(file_writers));
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
            if action.step == Step::RestartPodmanSocket {
                // Whether it helped, the next look tells.
                self.progress.attempted(Subject::Podman, "", now);
                continue;
            }
            if let Outcome::Failed(cause) = outcome {
                let subject = match &action.step {
                    Step::Reload => Some(Subject::Reload),
                    Step::ClaimData(_) => Some(Subject::Data),
                    Step::RemoveRelease(_) | Step::RemoveDefinition(_) => Some(Subject::Releases),
                    _ => None,
                };
                if let Some(subject) = subject {
                    self.progress.attempted(subject, cause, now);
                }
            }
            match outcome {
                Outcome::Done => self.done(plan, action, now),
                Outcome::Skipped => {}
                Outcome::Refused(units) => self.refused(desired, units, now),
                Outcome::Failed(cause) => {
                    if let Some(app) = &action.app {
                        failed.insert(app.clone(), cause.clone());
                    } else {
                        for app in held_up(desired, plan, &action.step) {
                            failed.entry(app.clone()).or_insert_with(|| cause.clone());
                        }
                    }
                }
            }
        }
        match &plan.held {
            Some(held) => {
                let reload = self.progress.attempts(&Subject::Reload);
                let cause = reload.map(|reload| reload.cause.clone());
                for app in held {
                    let cause = || cause.clone().unwrap_or_default();
                    failed.entry(app.clone()).or_insert_with(cause);
                }
            }
            None if plan
                .actions
                .iter()
                .all(|action| action.step != Step::Reload) =>
            {
                self.progress.reload_worked();
            }
            None => {}
        }
        for app in plan.actions.iter().filter_map(|action| action.app.as_ref()) {
            if !failed.contains_key(app) {
                self.progress.worked(&Subject::App(app.clone()));
            }
        }
        for (app, cause) in failed {
            self.progress.attempted(Subject::App(app), cause, now);
        }
    }

    fn done(&mut self, plan: &Plan, action: &Action, now: Duration) {
        match &action.step {
            Step::Start(service) | Step::Restart(service) => {
                self.progress
                    .attempted(Subject::Start(service.clone()), "", now);
            }
            Step::Reload => {
                self.progress.reload_worked();
                for unit in &plan.regenerates {
                    let cause = "Quadlet made no service of it; this says why: \
                                 /usr/lib/systemd/user-generators/podman-user-generator -user -dryrun";
                    self.progress
                        .attempted(Subject::Generate(unit.clone()), cause, now);
                }
            }
            Step::CheckUnits { .. } => {
                for app in plan.actions.iter().filter_map(|action| action.app.as_ref()) {
                    self.progress.accept(app);
                }
            }
            Step::WriteUnit { name, content } => self.wrote(name, content, now),
            Step::WriteFile { path, content } => {
                self.wrote(&path.display().to_string(), content, now);
            }
            Step::Forget(app) => self.progress.forget(app),
            Step::ClaimData(_) => self.progress.worked(&Subject::Data),
            Step::RemoveRelease(_) | Step::RemoveDefinition(_) => {
                self.progress.worked(&Subject::Releases);
            }
            _ => {}
        }
    }

    fn wrote(&mut self, file: &str, content: &str, now: Duration) {
        let subject = Subject::File(file.to_owned());
        let fought_over = self.contention.wrote(file, content, now);
        if fought_over || self.progress.attempts(&subject).is_some() {
            self.progress
                .attempted(subject, contention::cause(file, None), now);
        }
    }

    /// Blames the apps whose units were refused; they were all to be written in this pass.
    fn refused(&mut self, desired: &Desired, units: &BTreeMap<String, String>, now: Duration) {
        for (id, present) in desired.present() {
            let causes = present.units.keys().filter_map(|unit| units.get(unit));
            let cause = causes.cloned().collect::<Vec<_>>().join("; ");
            if !cause.is_empty() {
                let rejection = Rejection {
                    revisions: plan::revisions(present),
                    cause,
                };
                self.progress.reject(id.clone(), rejection, now);
            }
        }
    }

    /// Notes the end of a pull or build.
    pub fn image_finished(
        &mut self,
        image: &DesiredImage,
        result: Result<(), String>,
        now: Duration,
    ) {
        let subject = image.subject();
        match result {
            // That it is there, the next look shows. Taken at its word, a pull that brings nothing would be made again and again.
            Ok(()) => {
                let cause = "Podman says that it came, but does not list it";
                self.progress.attempted(subject, cause, now);
            }
            Err(cause) => self.progress.attempted(subject, cause, now),
        }
    }

    /// Lets what failed for this app be tried at once: the operator asked.
    pub fn retry_now(&mut self, desired: &Desired, id: &AppId) {
        self.progress.forget(id);
        self.progress.retry_now(&Subject::Reload);
        for (_, present) in desired.present().filter(|(other, _)| *other == id) {
            for (unit, container) in present.containers() {
                self.progress.worked(&Subject::Start(unit.service.clone()));
                self.progress.worked(&container.image.subject());
            }
            let is_its_own = |file: &str| {
                present.units.contains_key(file) || present.files.contains_key(Path::new(file))
            };
            self.progress.retain_files(|file, _| !is_its_own(file));
            self.contention.forget(is_its_own);
        }
    }
}

/// The apps that cannot go on when this, which is for all, has failed: every app that wanted something; of a reload, those whose units it is to read.
fn held_up<'a>(desired: &'a Desired, plan: &'a Plan, step: &Step) -> BTreeSet<&'a AppId> {
    let is_reload = *step == Step::Reload;
    let is_held_up = |action: &&Action| {
        !is_reload || matches!(action.step, Step::WriteUnit { .. } | Step::RemoveUnit(_))
    };
    let acting = plan.actions.iter().filter(is_held_up);
    let regenerated = desired.present().filter(|(_, present)| {
        is_reload
            && plan
                .regenerates
                .iter()
                .any(|unit| present.units.contains_key(unit))
    });
    acting
        .filter_map(|action| action.app.as_ref())
        .chain(regenerated.map(|(id, _)| id))
        .collect()
}
