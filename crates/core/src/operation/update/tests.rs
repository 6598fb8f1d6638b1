//! An update on a host in memory: its process is killed before and after every step, and another
//! one goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::health::{AppHealth, Report, State, UnitHealth, UnitState};
use crate::name::AppId;
use crate::operation::Version;
use crate::operation::{IntentRevision, Kind, OperationId, Outcome, PassSeen, Record, Target};

/// More steps than any update has, resumed ones included.
const STEPS_MAX: usize = 500;

/// The intents of the app.
const OLD: &str = "old";
const OLD_STOPPED: &str = "old, stopped";
const NEW: &str = "new";
const NEW_STOPPED: &str = "new, stopped";

/// A host with one app.
#[derive(Clone, Debug)]
struct World {
    /// Whether the new version works.
    works: bool,
    intent: Option<&'static str>,
    /// Where the app's data are; the version that wrote last.
    data: &'static str,
    copy: Option<&'static str>,
    record: Option<Record>,
    history: Vec<Outcome>,
    downtime_ms: Option<u64>,
    now: Duration,
}

fn revision(text: &str) -> IntentRevision {
    IntentRevision::of(text.as_bytes())
}

fn begin(copies_data: bool) -> Update {
    let record = Record {
        id: OperationId::new(Duration::from_secs(1), 2),
        kind: Kind::Update,
        app: AppId::parse("web").unwrap(),
        goal: Target::Ready,
        asked_unix_s: 1,
        before: Some(revision(OLD)),
        after: Some(revision(NEW)),
        restarts: BTreeMap::new(),
        version: Some(Version::default()),
        update: None,
    };
    let state = UpdateState {
        phase: Phase::Fetching,
        tags: BTreeMap::new(),
        paused: revision(OLD_STOPPED),
        copies_data,
        down_since_unix_ms: None,
        downtime_ms: None,
    };
    Update::begin(record, state, 0)
}

impl World {
    fn new(works: bool) -> Self {
        Self {
            works,
            intent: Some(OLD),
            data: OLD,
            copy: None,
            record: None,
            history: Vec::new(),
            downtime_ms: None,
            now: Duration::ZERO,
        }
    }

    fn found(&self) -> FoundIntent {
        FoundIntent {
            revision: self.intent.map(revision),
            is_removed: false,
        }
    }

    /// A pass; the version that runs writes to the data.
    fn pass(&mut self, update: &mut Update) {
        self.now += Duration::from_millis(700);
        let (state, unit) = match self.intent {
            Some(OLD) => (State::Ready, UnitState::Active),
            Some(NEW) if self.works => (State::Ready, UnitState::Active),
            Some(NEW) => (State::Failed, UnitState::Failed),
            _ => (State::Stopped, UnitState::Inactive),
        };
        if self.intent == Some(NEW) {
            self.data = NEW;
        }
        let report = Report {
            apps: vec![AppHealth {
                id: AppId::parse("web").unwrap(),
                state,
                why: None,
                units: vec![UnitHealth {
                    name: "archy-web.service".to_owned(),
                    state: unit,
                    sub_state: None,
                    is_restarting: false,
                    awaited_image: None,
                    is_job: false,
                    is_script: false,
                    awaited_job: None,
                    companion: false,
                    restarts: 0,
                    why: None,
                    drop_ins: Vec::new(),
                }],
                urls: Vec::new(),
                busy: None,
            }],
        };
        let seen = PassSeen {
            report: &report,
            acted: false,
            wake_after: None,
            now: self.now,
            stalled: Some(Duration::ZERO),
        };
        let now_unix_ms = u64::try_from(self.now.as_millis()).unwrap();
        update.passed(seen, now_unix_ms);
    }

    /// Does a step and reports it, unless the process is killed between the two.
    fn advance(&mut self, update: &mut Update, is_killed: bool) {
        let Some(step) = update.step() else { return };
        let mut is_superseded = false;
        match step {
            UpdateStep::WriteRecord(record) => self.record = Some(record.clone()),
            UpdateStep::GiveTagsBack(_) => {}
            UpdateStep::WriteIntent(next) => {
                is_superseded = !update.may_write(&self.found());
                if !is_superseded {
                    self.intent = Some(match (next, self.intent) {
                        (NextIntent::Before, _) => OLD,
                        (NextIntent::New, _) => NEW,
                        (NextIntent::Stopped, Some(NEW | NEW_STOPPED)) => NEW_STOPPED,
                        (NextIntent::Stopped, _) => OLD_STOPPED,
                    });
                }
            }
            UpdateStep::Pass { .. } => {
                if !is_killed {
                    self.pass(update);
                }
                return;
            }
            UpdateStep::CopyData => {
                self.assert_stopped("its data are copied");
                self.copy = Some(self.data);
            }
            UpdateStep::PutDataBack => {
                self.assert_stopped("its data are put back");
                if let Some(copy) = self.copy.take() {
                    self.data = copy;
                }
            }
            UpdateStep::DiscardCopy => self.copy = None,
            UpdateStep::Forget => {
                let change = update.change();
                self.downtime_ms = change.as_ref().and_then(|change| change.downtime_ms);
                self.history.extend(change.map(|change| change.outcome));
                self.record = None;
            }
        }
        if is_killed {
            return;
        }
        match is_superseded {
            true => update.superseded(),
            false => update.done(),
        }
    }

    fn assert_stopped(&self, what: &str) {
        assert!(
            matches!(self.intent, Some(OLD_STOPPED | NEW_STOPPED)),
            "{what} while {:?} runs",
            self.intent
        );
    }

    fn finish(&mut self, update: &mut Update) -> usize {
        for step in 0..STEPS_MAX {
            if update.step().is_none() {
                return step;
            }
            self.advance(update, false);
        }
        panic!("it does not end: {update:?}");
    }

    /// A process that finds the record goes on.
    fn resume(&mut self) {
        if let Some(record) = self.record.clone() {
            let mut update = Update::resume(record, &self.found()).unwrap();
            self.finish(&mut update);
        }
    }

    /// One of both versions is there, with the data that belong to it, and nothing is left over.
    fn check(&self, what: &str) {
        let expected = match self.history.last() {
            Some(Outcome::Reached) => NEW,
            _ => OLD,
        };
        assert_eq!(
            (self.intent, self.data),
            (Some(expected), expected),
            "{what}: {self:?}"
        );
        assert!(self.works || expected == OLD, "{what}: {self:?}");
        assert_eq!((self.copy, &self.record), (None, &None), "{what}");
    }
}

#[test]
fn a_version_that_works_stays_and_another_is_undone_with_the_data() {
    let check = |works, expected: &[Outcome]| {
        let mut world = World::new(works);
        let mut update = begin(true);
        world.finish(&mut update);
        world.check("uninterrupted");
        assert_eq!(world.history, expected);
        assert!(world.downtime_ms.is_some_and(|down| down > 0), "{world:?}");
    };
    check(true, &[Outcome::Reached]);
    let cause = "it is failed".to_owned();
    check(false, &[Outcome::Undone { cause }]);
}

#[test]
fn killed_before_or_after_any_step_it_goes_on_or_goes_back() {
    for works in [true, false] {
        let steps = World::new(works).finish(&mut begin(true));
        assert!(steps > 10, "{steps}");
        for at in 0..steps {
            for is_done in [false, true] {
                // The process that goes on may be killed too.
                for again in 0..steps {
                    let mut world = World::new(works);
                    let mut update = begin(true);
                    (0..at).for_each(|_| world.advance(&mut update, false));
                    if is_done {
                        world.advance(&mut update, true);
                    }
                    if let Some(record) = world.record.clone() {
                        let mut second = Update::resume(record, &world.found()).unwrap();
                        (0..again).for_each(|_| world.advance(&mut second, false));
                        world.advance(&mut second, true);
                        world.resume();
                    }
                    world.check(&format!(
                        "works {works}, killed at {at} ({is_done}), then {again}"
                    ));
                }
            }
        }
    }
}

#[test]
fn without_a_copy_the_version_alone_goes_back() {
    let mut world = World::new(false);
    world.finish(&mut begin(false));
    assert_eq!((world.intent, world.data), (Some(OLD), NEW));
}

#[test]
fn a_copy_that_fails_leaves_the_old_version() {
    let mut world = World::new(true);
    let mut update = begin(true);
    while update.step() != Some(UpdateStep::CopyData) {
        world.advance(&mut update, false);
    }
    update.failed("the disk is full".to_owned());
    world.finish(&mut update);
    world.check("a full disk");
    let cause = "the disk is full".to_owned();
    assert_eq!(world.history, [Outcome::Undone { cause }]);
}

#[test]
fn what_somebody_else_asks_for_meanwhile_counts() {
    let steps = World::new(true).finish(&mut begin(true));
    for at in 1..steps - 3 {
        let mut world = World::new(true);
        let mut update = begin(true);
        (0..at).for_each(|_| world.advance(&mut update, false));
        world.intent = Some("another");
        let is_settling = matches!(update.step(), Some(UpdateStep::Pass { .. }));
        world.resume();
        assert_eq!(world.intent, Some("another"), "after {at} steps");
        assert_eq!(
            (world.copy, &world.record),
            (None, &None),
            "after {at} steps"
        );
        if !is_settling {
            assert_eq!(world.history, [Outcome::Overtaken], "after {at} steps");
        }
    }
}

#[test]
fn a_fetch_that_was_interrupted_only_gives_the_tags_back() {
    let mut update = begin(true);
    let mut record = match update.step() {
        Some(UpdateStep::WriteRecord(record)) => record.clone(),
        step => panic!("{step:?}"),
    };
    record.update.as_mut().unwrap().phase = Phase::Fetching;
    let mut world = World::new(true);
    world.record = Some(record.clone());
    update = Update::resume(record, &world.found()).unwrap();
    assert!(matches!(update.step(), Some(UpdateStep::GiveTagsBack(_))));
    world.finish(&mut update);
    world.check("fetching");
    assert_eq!(world.history, []);
}
