//! Failed attempts: their causes, which people are shown, and the times of the next ones.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cause::{Cause, UnitsRefused};
use crate::name::AppId;

/// The first wait after a failure.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(10);
/// The longest wait between two attempts.
pub const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// Something that can fail by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// Pulling or building an image.
    Image {
        /// Its name.
        reference: String,
        /// Whether its registry may be asked without TLS. Once the operator allows that, earlier
        /// failures say nothing any more.
        without_tls: bool,
    },
    /// Starting a service.
    Start(String),
    /// Marking the data folder as this node's.
    Data,
    /// Reaching Podman.
    Podman,
    /// Starting the processes that serve all containers' networks.
    Networks,
    /// Letting a service's published ports be listened on again.
    Ports(String),
    /// Letting systemd read the units.
    Reload,
    /// Podman's generator accepting an app's units.
    Units(AppId),
    /// Quadlet making a service of a unit file.
    Generate(String),
    /// Keeping a file as it should be, by its name in Quadlet's folder or its path, while something
    /// else keeps changing it.
    File(String),
    /// Making a network anew that is not isolated, by its name.
    Network(String),
    /// Keeping the version of an app that a person has agreed to.
    Granted(AppId),
    /// Any other action for an app.
    App(AppId),
}

/// Attempts at one subject since it last worked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// How many.
    pub count: u32,
    /// When the next one is due.
    pub next: Duration,
    /// The cause of the last failure, if it is known.
    pub cause: Option<Cause>,
}

/// The failures that are remembered from pass to pass. The daemon and the command line share it, so
/// that each knows why the other failed; a reboot forgets it, at no cost but a few attempts. Its
/// times are those since the boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub struct Retries {
    attempts: BTreeMap<Subject, Attempts>,
    rejected: BTreeMap<AppId, Rejection>,
}

/// [`Retries`] as JSON can hold it, whose keys are texts.
#[derive(Serialize, Deserialize)]
struct Kept {
    attempts: Vec<(Subject, Attempts)>,
    rejected: Vec<(AppId, Rejection)>,
}

impl From<Retries> for Kept {
    fn from(retries: Retries) -> Self {
        let Retries { attempts, rejected } = retries;
        Self {
            attempts: attempts.into_iter().collect(),
            rejected: rejected.into_iter().collect(),
        }
    }
}

impl From<Kept> for Retries {
    fn from(kept: Kept) -> Self {
        let Kept { attempts, rejected } = kept;
        Self {
            attempts: attempts.into_iter().collect(),
            rejected: rejected.into_iter().collect(),
        }
    }
}

/// A set of units that Podman's generator refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The revisions of the refused units.
    pub revisions: Vec<String>,
    /// The generator's words, one entry a unit.
    pub words: Vec<String>,
}

/// The wait after the `count`th failure in a row.
#[must_use]
pub fn backoff(count: u32) -> Duration {
    let doublings = count.saturating_sub(1).min(16);
    BACKOFF_FIRST
        .saturating_mul(1 << doublings)
        .min(BACKOFF_MAX)
}

impl Retries {
    /// Whether the subject may be tried now.
    #[must_use]
    pub fn is_due(&self, subject: &Subject, now: Duration) -> bool {
        self.attempts
            .get(subject)
            .is_none_or(|attempts| attempts.next <= now)
    }

    /// When the subject was tried last; none if it has worked since.
    #[must_use]
    pub fn attempted_at(&self, subject: &Subject) -> Option<Duration> {
        let attempts = self.attempts.get(subject)?;
        Some(attempts.next.saturating_sub(backoff(attempts.count)))
    }

    /// Notes an attempt whose outcome is only known later, or that failed for `cause`.
    pub fn attempted(&mut self, subject: Subject, cause: impl Into<Option<Cause>>, now: Duration) {
        let count = self
            .attempts
            .get(&subject)
            .map_or(0, |attempts| attempts.count)
            .saturating_add(1);
        let attempts = Attempts {
            count,
            next: now.saturating_add(backoff(count)),
            cause: cause.into(),
        };
        self.attempts.insert(subject, attempts);
    }

    /// Lets the next attempt at a subject wait at least until then, but no longer than the longest
    /// backoff.
    pub fn wait_until(&mut self, subject: &Subject, until: Duration) {
        if let Some(attempts) = self.attempts.get_mut(subject) {
            let attempted = attempts.next.saturating_sub(backoff(attempts.count));
            let latest = attempted.saturating_add(BACKOFF_MAX);
            attempts.next = attempts.next.max(until.min(latest));
        }
    }

    /// Notes what was seen for the first time and is to be tried only if it is still so after a
    /// while.
    pub fn suspect(&mut self, subject: Subject, until: Duration) {
        self.attempts.entry(subject).or_insert(Attempts {
            count: 0,
            next: until,
            cause: None,
        });
    }

    /// Says better why the attempts at a subject did not work. Returns whether there were any.
    pub fn explain(&mut self, subject: &Subject, cause: &Cause) -> bool {
        let attempts = self.attempts.get_mut(subject);
        attempts
            .map(|attempts| attempts.cause = Some(cause.clone()))
            .is_some()
    }

    /// Notes that the subject works.
    pub fn worked(&mut self, subject: &Subject) {
        self.attempts.remove(subject);
    }

    /// Notes that systemd has read the units, or need not: what was held up by that alone is held
    /// up no more.
    pub fn reload_worked(&mut self) {
        if self.attempts.remove(&Subject::Reload).is_none() {
            return;
        }
        self.attempts.retain(|subject, attempts| {
            let cause = attempts.cause.as_ref();
            !matches!(subject, Subject::App(_)) || !cause.is_some_and(Cause::ends_with_reload)
        });
    }

    /// Lets a subject be tried at once.
    pub fn retry_now(&mut self, subject: &Subject) {
        if let Some(attempts) = self.attempts.get_mut(subject) {
            attempts.next = Duration::ZERO;
        }
    }

    /// Notes that an image is here, however it came.
    pub fn image_is_here(&mut self, image: &str) {
        self.attempts.retain(
            |subject, _| !matches!(subject, Subject::Image { reference, .. } if reference == image),
        );
    }

    /// The attempts at a subject since it last worked.
    #[must_use]
    pub fn attempts(&self, subject: &Subject) -> Option<&Attempts> {
        self.attempts.get(subject)
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attempts.is_empty() && self.rejected.is_empty()
    }

    /// Goes on remembering only those files for which `keep` says so.
    pub fn retain_files(&mut self, mut keep: impl FnMut(&str, &Attempts) -> bool) {
        self.attempts.retain(|subject, attempts| match subject {
            Subject::File(file) => keep(file, attempts),
            _ => true,
        });
    }

    /// Goes on remembering the ports of only those services for which `keep` says so.
    pub fn retain_ports(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.attempts.retain(|subject, _| match subject {
            Subject::Ports(service) => keep(service),
            _ => true,
        });
    }

    /// When the earliest subject is due again, after `now`.
    #[must_use]
    pub fn next_due(&self, now: Duration) -> Option<Duration> {
        self.attempts
            .values()
            .map(|attempts| attempts.next)
            .filter(|next| *next > now)
            .min()
    }

    /// Notes that the generator refused an app's units.
    pub fn reject(&mut self, app: AppId, rejection: Rejection, now: Duration) {
        let cause = Cause::from(UnitsRefused(rejection.words.clone()));
        self.attempted(Subject::Units(app.clone()), cause, now);
        self.rejected.insert(app, rejection);
    }

    /// Notes that the generator accepted an app's units.
    pub fn accept(&mut self, app: &AppId) {
        self.rejected.remove(app);
        self.attempts.remove(&Subject::Units(app.clone()));
    }

    /// The last set of an app's units that the generator refused, if it has accepted none since.
    #[must_use]
    pub fn rejection(&self, app: &AppId) -> Option<&Rejection> {
        self.rejected.get(app)
    }

    /// Forgets an app that is gone.
    pub fn forget(&mut self, app: &AppId) {
        self.accept(app);
        self.attempts.remove(&Subject::App(app.clone()));
        self.attempts.remove(&Subject::Granted(app.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(reference: &str) -> Subject {
        Subject::Image {
            reference: reference.to_owned(),
            without_tls: false,
        }
    }

    fn podman(words: &str) -> Cause {
        Cause::Podman(words.to_owned())
    }

    #[test]
    fn the_wait_doubles_from_ten_seconds_to_five_minutes() {
        let waits: Vec<u64> = (1..=8).map(|count| backoff(count).as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(backoff(u32::MAX), BACKOFF_MAX);
    }

    #[test]
    fn it_survives_its_file() {
        let mut retries = Retries::default();
        let app = AppId::parse("web").unwrap();
        retries.attempted(
            Subject::App(app.clone()),
            Cause::File("no space left".into()),
            Duration::from_millis(1500),
        );
        retries.attempted(image("x:1"), None, Duration::ZERO);
        let rejection = Rejection {
            revisions: vec!["a".into()],
            words: vec!["unsupported key".into()],
        };
        retries.reject(app, rejection, Duration::ZERO);
        let text = serde_json::to_string(&retries).unwrap();
        assert_eq!(serde_json::from_str::<Retries>(&text).unwrap(), retries);
        let wrong = text.replace("\"web\"", "\"../web\"");
        assert!(serde_json::from_str::<Retries>(&wrong).is_err(), "{wrong}");
    }

    #[test]
    fn a_pull_that_may_now_go_without_tls_is_due_at_once_and_an_image_that_came_settles_both() {
        let mut retries = Retries::default();
        let without_tls = Subject::Image {
            reference: "x".to_owned(),
            without_tls: true,
        };
        retries.attempted(image("x"), podman("no certificate"), Duration::ZERO);
        assert!(!retries.is_due(&image("x"), Duration::ZERO));
        assert!(retries.is_due(&without_tls, Duration::ZERO));
        retries.attempted(without_tls, podman("not found"), Duration::ZERO);
        retries.attempted(image("y"), podman("not found"), Duration::ZERO);
        retries.image_is_here("x");
        assert!(retries.is_due(&image("x"), Duration::ZERO));
        assert!(!retries.is_due(&image("y"), Duration::ZERO));
        assert_eq!(retries.attempts.len(), 1);
    }

    #[test]
    fn a_subject_is_due_again_after_its_wait_and_at_once_after_success() {
        let subject = image("x");
        let mut retries = Retries::default();
        let start = Duration::from_secs(100);
        assert!(retries.is_due(&subject, start));
        retries.attempted(subject.clone(), podman("no network"), start);
        assert!(!retries.is_due(&subject, start + Duration::from_secs(9)));
        assert_eq!(
            retries.next_due(start),
            Some(start + Duration::from_secs(10))
        );
        assert!(retries.is_due(&subject, start + Duration::from_secs(10)));
        retries.worked(&subject);
        assert!(retries.is_due(&subject, start) && retries.next_due(start).is_none());
    }
}
