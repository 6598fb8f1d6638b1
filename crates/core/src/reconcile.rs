//! The reconciler: the state that a process carries from one pass to the next.
//!
//! A pass is: [`Reconciler::recall`], observe, [`Reconciler::plan`], apply with [`Run`],
//! [`Reconciler::finished`], [`Reconciler::keep`]. The daemon, the command line and the simulation
//! drive this same code. A pass does not fail; what failed is remembered with its cause and tried
//! again later.

mod contention;
mod failed;
mod finished;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::action::AppStep;
use crate::cause::{Cause, FileWriters};
use crate::desired::{Desired, DesiredImage, Role};
use crate::layout::Layout;
use crate::name::AppId;
use crate::network;
use crate::observed::Observed;
use crate::plan::{self, Plan};
use crate::retries::{Retries, Subject};
use contention::Contention;

/// The net under everything: a pass is made at least this often.
pub const TICK: Duration = Duration::from_secs(30);

/// The least time between the end of one pass and the start of the next, so that a change that
/// keeps coming back costs little.
pub const GAP: Duration = Duration::from_millis(20);

/// And the most: however much a pass costs, what has happened meanwhile waits no longer.
pub const GAP_MAX: Duration = Duration::from_secs(1);

/// Events mostly come in bursts: a pass begins when none has come for this long.
pub const SETTLE: Duration = Duration::from_millis(10);

/// The longest that a burst is waited for.
pub const BURST_MAX: Duration = Duration::from_millis(100);

pub use contention::{REACTION_LIMIT, REACTIONS_MAX, REPAIRS_MAX, SPAN};

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
    Failed(Cause),
    /// The generator refused units that this pass writes or keeps: name to what it said.
    Refused(BTreeMap<String, String>),
}

/// The state between passes.
#[derive(Clone, Debug, Default)]
pub struct Reconciler {
    retries: Retries,
    /// The content of the shared retry file when it was last read or written.
    shared: Option<Vec<u8>>,
    contention: Contention,
    /// Whether all secret files are known to survive a power loss (their folders were fsynced).
    secrets_are_durable: bool,
}

/// The shared retry file, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedFile {
    /// It cannot be read; what is known already stays.
    Unreadable,
    Absent,
    Content(Vec<u8>),
}

impl From<Option<Vec<u8>>> for SharedFile {
    fn from(content: Option<Vec<u8>>) -> Self {
        content.map_or(Self::Absent, Self::Content)
    }
}

impl Reconciler {
    /// Takes over the attempts of other processes, and those of this one before it ended.
    pub fn recall(&mut self, shared: SharedFile) {
        let shared = match shared {
            SharedFile::Unreadable => return,
            SharedFile::Absent => None,
            SharedFile::Content(content) => Some(content),
        };
        if shared == self.shared {
            return;
        }
        // A file that cannot be understood says nothing that a few attempts would not.
        let known = shared
            .as_deref()
            .and_then(|content| serde_json::from_slice(content).ok());
        let before = std::mem::replace(&mut self.retries, known.unwrap_or_default());
        // If another process cleared a file's backoff, its history is cleared here too: the
        // operator may have asked for it.
        let retries = &self.retries;
        self.contention.forget(|file| {
            let subject = Subject::File(file.to_owned());
            before.attempts(&subject).is_some() && retries.attempts(&subject).is_none()
        });
        self.shared = shared;
    }

    /// The new content of the shared retry file, if it changes.
    ///
    /// # Panics
    /// Never: the retries are plain text and numbers.
    #[must_use]
    pub fn keep(&self) -> Option<Vec<u8>> {
        let content =
            serde_json::to_vec(&self.retries).expect("the retries are plain text and numbers");
        let nothing = self.shared.is_none() && self.retries == Retries::default();
        (self.shared.as_deref() != Some(&content[..]) && !nothing).then_some(content)
    }

    /// Notes that the shared file holds this. If it cannot be written, only this process knows what
    /// was tried.
    pub fn kept(&mut self, content: Vec<u8>) {
        self.shared = Some(content);
    }

    /// Plans the repair of what was observed.
    pub fn plan(&mut self, desired: &Desired, observed: &Observed, now: Duration) -> Plan {
        self.contention.begin(desired, now);
        for (_, service) in network::closed(desired, observed) {
            let subject = Subject::Ports(service.to_owned());
            self.retries.suspect(subject, now + network::CLOSED_FOR);
        }
        if !self.retries.is_empty() {
            self.note_what_works(desired, observed);
            self.note_what_is_left_alone(desired, observed, now);
        }
        plan::plan(desired, observed, &self.retries, now)
    }

    /// Whether all secret files are known to survive a power loss (their folders were fsynced).
    pub(crate) fn secrets_are_durable(&self) -> bool {
        self.secrets_are_durable
    }

    pub(crate) fn set_secrets_durable(&mut self, last: bool) {
        self.secrets_are_durable = last;
    }

    /// Whether Podman did not answer the last time, and is not due for another attempt to wake it.
    #[must_use]
    pub fn podman_is_silent(&self, now: Duration) -> bool {
        self.retries.attempts(&Subject::Podman).is_some()
            && !self.retries.is_due(&Subject::Podman, now)
    }

    #[must_use]
    pub fn retries(&self) -> &Retries {
        &self.retries
    }

    fn note_what_works(&mut self, desired: &Desired, observed: &Observed) {
        if observed.network.gone.is_empty() {
            self.retries.worked(&Subject::Networks);
        }
        if observed.podman_view().is_some() {
            self.retries.worked(&Subject::Podman);
        }
        self.retries.retain_ports(|service| {
            let mut units = desired
                .present()
                .flat_map(|(_, present)| present.units.values());
            units.any(|unit| unit.service == service)
        });
        for app in desired.apps.keys() {
            if !desired.newly_granted.contains_key(app) {
                self.retries.worked(&Subject::Granted(app.clone()));
            }
        }
        for (_, present) in desired.present() {
            for unit in present.units.values() {
                if observed
                    .services
                    .get(&unit.service)
                    .is_some_and(crate::observed::Service::is_up)
                {
                    self.retries.worked(&Subject::Start(unit.service.clone()));
                }
                self.note_open_ports(&unit.service, observed);
                if unit.is_generated(&observed.generated) {
                    self.retries
                        .worked(&Subject::Generate(unit.file.name.clone()));
                }
                if let (Role::Network(name), Some(view)) = (&unit.role, observed.podman_view())
                    && view.networks.get(name).is_none_or(|found| found.isolated)
                {
                    self.retries.worked(&Subject::Network(name.clone()));
                }
                if let (Role::Container(container), Some(view)) =
                    (&unit.role, observed.podman_view())
                {
                    let image = container.image.reference.to_string();
                    if view.images.contains_key(&image) {
                        self.retries.image_is_here(&image);
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
        let attempts = self.retries.attempts(&subject);
        if attempts.is_some_and(|attempts| is_up || attempts.count == 0) {
            self.retries.worked(&subject);
        }
    }

    /// Ends the contention of files that were still right when they could have been written again,
    /// and of files that are no longer wanted.
    fn note_what_is_left_alone(&mut self, desired: &Desired, observed: &Observed, now: Duration) {
        let contention = &mut self.contention;
        self.retries.retain_files(|file, attempts| {
            let wanted = desired.present().find_map(|(_, present)| {
                let unit = present.units.get(file).map(|unit| &unit.file.content);
                unit.or_else(|| present.files.get(Path::new(file)))
            });
            let found = observed
                .unit_files
                .get(file)
                .or_else(|| Some(&observed.files.get(Path::new(file))?.content));
            let right = found.map(Vec::as_slice) == wanted.map(|content| content.as_bytes());
            let contended = wanted.is_some() && !(right && attempts.next <= now);
            if !contended {
                contention.forget(|other| other == file);
            }
            contended
        });
    }

    /// The contended files that this plan repairs, with their paths. Their writers are looked for
    /// before the repair, which replaces the files.
    #[must_use]
    pub fn contended_files(&self, plan: &Plan, layout: &Layout) -> BTreeMap<String, PathBuf> {
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
        let is_contended = |file: &str, content: &str| {
            let subject = Subject::File(file.to_owned());
            self.retries.attempts(&subject).is_some()
                || self.contention.is_contended_by_writing(file, content)
        };
        written
            .filter(|(file, _, content)| is_contended(file, content))
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
            self.retries.explain(&subject, &cause).then_some(cause)
        });
        told.collect()
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
            // The next observation shows whether it is there. If this were taken for success, a
            // pull that brings nothing would be made again and again.
            Ok(()) => self.retries.attempted(subject, Cause::ImageNotListed, now),
            Err(cause) => self.retries.attempted(subject, cause, now),
        }
    }

    /// Lets what failed for this app be tried at once: the operator asked.
    pub fn retry_now(&mut self, desired: &Desired, id: &AppId) {
        self.retries.forget(id);
        self.retries.retry_now(&Subject::Reload);
        self.retries.retry_now(&Subject::Networks);
        for (_, present) in desired.present().filter(|(other, _)| *other == id) {
            for (unit, container) in present.containers() {
                self.retries.worked(&Subject::Start(unit.service.clone()));
                self.retries.worked(&Subject::Ports(unit.service.clone()));
                self.retries.worked(&container.image.subject());
            }
            for unit in present.units.values() {
                if let Role::Network(name) = &unit.role {
                    self.retries.worked(&Subject::Network(name.clone()));
                }
            }
            let is_its_own = |file: &str| {
                present.units.contains_key(file) || present.files.contains_key(Path::new(file))
            };
            self.retries.retain_files(|file, _| !is_its_own(file));
            self.contention.forget(is_its_own);
        }
    }
}
