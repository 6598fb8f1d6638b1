//! Whether an app has become what was asked, judged from pass to pass.

use std::time::Duration;

use crate::health::{AppHealth, AwaitedImage, Report, State, UnitHealth, UnitState, Why};
use crate::name::AppId;

use super::{Stability, Target};

/// Containers that run but do not answer may be busy for hours; after this long they are left to
/// it.
const ANSWER_LIMIT: Duration = Duration::from_secs(300);
/// An app that says how far it is, or waits for another, may take days. After this long it is no
/// passing state.
const PATIENCE: Duration = Duration::from_secs(15);
/// An app that says what it does, but not how far it is, is mostly done with it within this time.
const LONG_PATIENCE: Duration = Duration::from_secs(60);
/// The longest wait before the next observation: probes and lines of progress send no signal.
const LOOK: Duration = Duration::from_millis(500);

/// Follows one app until it is as asked, or will not be.
#[derive(Clone, Debug)]
pub struct Follow {
    app: AppId,
    goal: Target,
    /// Whether something had to be done first.
    has_acted: bool,
    stability: Option<Stability>,
    busy_since: Option<Duration>,
    running_since: Option<Duration>,
}

/// One pass, as seen by who follows an app.
#[derive(Clone, Copy, Debug)]
pub struct PassSeen<'a> {
    pub report: &'a Report,
    /// Whether the pass did something.
    pub acted: bool,
    /// When something that failed is due again, from now.
    pub wake_after: Option<Duration>,
    /// A monotonic time.
    pub now: Duration,
    /// The time since the boot in which somebody waited for a processor or disk.
    pub stalled: Option<Duration>,
}

/// The conclusion from a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Look again after this time at the latest. `None`: as soon as passes may follow each other.
    Wait(Option<Duration>),
    /// The app is as asked, or gets there by itself and says so.
    Reached(Box<AppHealth>),
    /// The app is gone, as asked.
    Gone,
    /// Somebody has asked for something else since.
    Overtaken(Overtaken),
    /// It will not be as asked without a change or another attempt.
    Failed(Box<AppHealth>),
    /// It runs, but does not answer; it is left to it.
    Silent(Box<AppHealth>),
}

/// Another request for the app that came meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overtaken {
    Installed,
    Uninstalled,
    Started,
    Stopped,
}

impl Follow {
    #[must_use]
    pub fn new(app: AppId, goal: Target) -> Self {
        Self {
            app,
            goal,
            has_acted: false,
            stability: None,
            busy_since: None,
            running_since: None,
        }
    }

    /// The app in a report.
    #[must_use]
    pub fn health<'a>(&self, report: &'a Report) -> Option<&'a AppHealth> {
        report.apps.iter().find(|app| app.id == self.app)
    }

    /// Judges a pass.
    pub fn after(&mut self, pass: PassSeen<'_>) -> Verdict {
        let PassSeen {
            report,
            acted,
            wake_after,
            now,
            stalled,
        } = pass;
        let Some(health) = self.health(report) else {
            return match self.goal {
                Target::Gone => Verdict::Gone,
                Target::Ready | Target::Stopped => Verdict::Overtaken(Overtaken::Uninstalled),
            };
        };
        if self.is_reached(health, acted) {
            let stability = self
                .stability
                .get_or_insert_with(|| Stability::begin(now, stalled));
            let left = stability.left(now, stalled);
            if self.goal != Target::Ready || !self.has_acted || left.is_zero() {
                return Verdict::Reached(Box::new(health.clone()));
            }
        } else {
            self.has_acted = true;
            self.stability = None;
        }
        if acted {
            self.busy_since = None;
        } else if let Some(verdict) = self.ended(health, now) {
            return verdict;
        }
        let runs = self.goal == Target::Ready
            && all_run(health)
            && awaited_images(health).next().is_none();
        if let Some(since) = since(&mut self.running_since, runs, now)
            && now.saturating_sub(since) > ANSWER_LIMIT
        {
            return Verdict::Silent(Box::new(health.clone()));
        }
        Verdict::Wait(if acted {
            None
        } else if let Some(stability) = &self.stability {
            Some(stability.left(now, stalled))
        } else {
            Some(wake_after.unwrap_or(LOOK).min(LOOK))
        })
    }

    fn is_reached(&self, health: &AppHealth, acted: bool) -> bool {
        !acted
            && match self.goal {
                Target::Ready => is_up(health) && awaited_images(health).next().is_none(),
                Target::Stopped => health.state == State::Stopped,
                Target::Gone => false,
            }
    }

    /// Whether it ends otherwise, after a pass that did nothing.
    fn ended(&mut self, health: &AppHealth, now: Duration) -> Option<Verdict> {
        if let Some(overtaken) = overtaken(health, self.goal) {
            return Some(Verdict::Overtaken(overtaken));
        }
        if has_failed(health) {
            return Some(Verdict::Failed(Box::new(health.clone())));
        }
        if self.goal == Target::Ready && is_up(health) {
            return without_new_image(health);
        }
        let patience = patience(health).filter(|_| self.goal == Target::Ready);
        let since = since(&mut self.busy_since, patience.is_some(), now)?;
        let enough = patience.is_some_and(|patience| now.saturating_sub(since) >= patience);
        enough.then(|| Verdict::Reached(Box::new(health.clone())))
    }
}

/// The time since which something holds.
fn since(known: &mut Option<Duration>, holds: bool, now: Duration) -> Option<Duration> {
    *known = holds.then(|| known.unwrap_or(now));
    *known
}

/// Ready, but for what the operator masked.
fn is_up(health: &AppHealth) -> bool {
    let by_will = || {
        let mut units = health.units.iter();
        units.all(|unit| matches!(unit.state, UnitState::Active | UnitState::Masked))
    };
    health.state == State::Ready || (health.state == State::Degraded && by_will())
}

fn awaited_images(health: &AppHealth) -> impl Iterator<Item = (&UnitHealth, &AwaitedImage)> {
    let units = health.units.iter();
    units.filter_map(|unit| Some((unit, unit.awaited_image.as_ref()?)))
}

/// The operation has failed when the next image cannot be had, although the containers go on with
/// the old one.
fn without_new_image(health: &AppHealth) -> Option<Verdict> {
    let (unit, image) = awaited_images(health).find_map(|(unit, image)| match image {
        AwaitedImage::Failed { .. } => Some((unit, image)),
        AwaitedImage::UnderWay { .. } => None,
    })?;
    let why = Why::OldImage {
        unit: unit.name.clone(),
        image: image.clone(),
    };
    Some(Verdict::Failed(Box::new(AppHealth {
        why: Some(why),
        ..health.clone()
    })))
}

/// The time to follow an app that gets there by itself and says what it does.
fn patience(health: &AppHealth) -> Option<Duration> {
    match (health.state, &health.busy) {
        (State::Waiting, _) => Some(PATIENCE),
        (State::Starting, Some(busy)) if busy.percent.is_some() => Some(PATIENCE),
        (State::Starting, Some(_)) => Some(LONG_PATIENCE),
        _ => None,
    }
}

/// Whether its containers run, though they may not answer yet.
fn all_run(health: &AppHealth) -> bool {
    !health.units.is_empty()
        && health.units.iter().all(|unit| match unit.state {
            UnitState::Active => true,
            UnitState::Activating => unit.why.is_none(),
            // A job may take hours; what waits for it starts after it.
            UnitState::Inactive => unit.awaited_job.is_some(),
            _ => false,
        })
}

fn overtaken(health: &AppHealth, goal: Target) -> Option<Overtaken> {
    match (goal, health.state) {
        (Target::Ready | Target::Stopped, State::Removing) => Some(Overtaken::Uninstalled),
        (Target::Ready, State::Stopped) => Some(Overtaken::Stopped),
        (Target::Stopped, State::Ready) => Some(Overtaken::Started),
        (Target::Gone, State::Ready | State::Stopped) => Some(Overtaken::Installed),
        _ => None,
    }
}

/// A container that ended once may come up at the second try; everything else that failed stays so
/// until something changes.
fn has_failed(health: &AppHealth) -> bool {
    match health.state {
        State::Failed | State::Degraded => {
            let mut units = health.units.iter();
            units.all(|unit| !unit.is_restarting || unit.restarts >= 2)
        }
        State::Removing => health.why.is_some(),
        State::Ready | State::Starting | State::Waiting | State::Stopping | State::Stopped => false,
    }
}

impl Overtaken {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Uninstalled => "uninstalled",
            Self::Started => "started",
            Self::Stopped => "stopped",
        }
    }
}
