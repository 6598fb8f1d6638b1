//! The gate of an update: whether the new version becomes ready and stays up.

use std::time::Duration;

use crate::health::{AppHealth, State};
use crate::name::AppId;

use super::super::{Follow, PassSeen, Target, Verdict};

/// How long the new version must stay ready. A container that ends is started again after 10 s, so
/// one that ends soon after its start is seen at least once without being ready.
const STAYS_UP: Duration = Duration::from_secs(10);
/// How long a new version that is at work, and says so, may yet fail and be undone. Such work may
/// take days, and the copy of the data is not kept that long.
const AT_WORK_LIMIT: Duration = Duration::from_secs(600);
/// The longest wait before the next observation.
const LOOK: Duration = Duration::from_millis(500);

/// Watches the new version.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    follow: Follow,
    ready_since: Option<Duration>,
    at_work_since: Option<Duration>,
}

/// The conclusion from a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// Look again after this time at the latest.
    Wait(Option<Duration>),
    /// The new version is accepted.
    Open(Box<AppHealth>),
    /// The new version does not work, for this reason.
    Shut(String),
    /// Somebody has asked for something else.
    Superseded,
}

impl Gate {
    pub(super) fn new(app: AppId) -> Self {
        Self {
            follow: Follow::new(app, Target::Ready),
            ready_since: None,
            at_work_since: None,
        }
    }

    /// Whether the app was ready at the last pass.
    pub(super) fn is_ready(&self) -> bool {
        self.ready_since.is_some()
    }

    pub(super) fn after(&mut self, pass: PassSeen<'_>) -> Passage {
        let now = pass.now;
        let health = self.follow.health(pass.report);
        // A unit that the operator has masked makes the app degraded; that is no failure.
        let is_ready =
            health.is_some_and(|health| matches!(health.state, State::Ready | State::Degraded));
        let verdict = self.follow.after(pass);
        if !is_ready || !matches!(verdict, Verdict::Reached(_)) {
            self.ready_since = None;
        }
        match verdict {
            Verdict::Wait(within) => Passage::Wait(within),
            Verdict::Reached(health) if is_ready => {
                let since = *self.ready_since.get_or_insert(now);
                self.open_after(health, now, since, STAYS_UP)
            }
            Verdict::Reached(health) => {
                let since = *self.at_work_since.get_or_insert(now);
                self.open_after(health, now, since, AT_WORK_LIMIT)
            }
            Verdict::Failed(health) => Passage::Shut(cause(&health)),
            Verdict::Silent(_) => Passage::Shut("it runs, but does not answer".to_owned()),
            Verdict::Gone | Verdict::Overtaken(_) => Passage::Superseded,
        }
    }

    fn open_after(
        &self,
        health: Box<AppHealth>,
        now: Duration,
        since: Duration,
        limit: Duration,
    ) -> Passage {
        let left = limit.saturating_sub(now.saturating_sub(since));
        match left.is_zero() {
            true => Passage::Open(health),
            false => Passage::Wait(Some(left.min(LOOK))),
        }
    }
}

/// Why an app does not work, in one sentence.
pub(super) fn cause(health: &AppHealth) -> String {
    let of_units = health.units.iter().map(|unit| unit.message());
    let mut all = std::iter::once(health.message()).chain(of_units);
    let found = all.find(|message| !message.is_empty());
    found.unwrap_or_else(|| format!("it is {}", health.state.word()))
}
