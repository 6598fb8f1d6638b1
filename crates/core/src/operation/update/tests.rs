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

/// A rule that every update keeps, however often its process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invariant {
    /// After a failed update, the old version serves the old data.
    OldServesOld,
    /// After a good update, the new version keeps the new data.
    NewKeepsNew,
    /// Data are copied and put back only while no version runs on them.
    OneOnTheData,
    /// No copy and no record is left.
    NothingLeft,
    /// An update ends, and its outcome is told once.
    Ends,
}

/// Defects on purpose, to show that the invariants notice them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    /// The data are not put back.
    DataStay,
    /// The copy is discarded as soon as the new version is tried.
    CopyDiscardedEarly,
    /// The app is not stopped, and a pass says that it is.
    NotStopped,
    /// The record is not replaced before the undoing.
    UndoNotRecorded,
    /// The copy stays.
    CopyStays,
    /// The record is forgotten before the intent is switched.
    RecordForgottenEarly,
}

/// A host with one app.
#[derive(Clone, Debug)]
struct World {
    mutation: Option<Mutation>,
    violation: Option<Invariant>,
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
            mutation: None,
            violation: None,
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
            Some(OLD) if self.mutation == Some(Mutation::NotStopped) => {
                (State::Stopped, UnitState::Inactive)
            }
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
                waits: None,
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
        let is = |mutation| self.mutation == Some(mutation);
        match step {
            UpdateStep::WriteRecord(record) => {
                let phase = record.update.as_ref().map(|state| state.phase.clone());
                let is_undoing = matches!(phase, Some(Phase::Undoing { .. }));
                let is_trying = phase == Some(Phase::Trying);
                if is_trying && is(Mutation::CopyDiscardedEarly) {
                    self.copy = None;
                }
                if !(is_undoing && is(Mutation::UndoNotRecorded)) {
                    self.record = Some(record.clone());
                }
                if is_trying && self.mutation == Some(Mutation::RecordForgottenEarly) {
                    self.record = None;
                }
            }
            UpdateStep::GiveTagsBack(_) => {}
            UpdateStep::WriteIntent(next) => {
                is_superseded = !update.may_write(&self.found());
                let is_kept = next == NextIntent::Stopped && is(Mutation::NotStopped);
                if !is_superseded && !is_kept {
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
                self.check_stopped();
                self.copy = Some(self.data);
            }
            UpdateStep::PutDataBack => {
                self.check_stopped();
                if self.mutation == Some(Mutation::DataStay) {
                } else if let Some(copy) = self.copy.take() {
                    self.data = copy;
                }
            }
            UpdateStep::DiscardCopy if is(Mutation::CopyStays) => {}
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

    fn check_stopped(&mut self) {
        if !matches!(self.intent, Some(OLD_STOPPED | NEW_STOPPED)) {
            self.violation = Some(Invariant::OneOnTheData);
        }
    }

    /// Returns the number of steps. An update that waits for ever violates an invariant.
    fn finish(&mut self, update: &mut Update) -> usize {
        for step in 0..STEPS_MAX {
            if update.step().is_none() || self.violation.is_some() {
                return step;
            }
            self.advance(update, false);
        }
        self.violation = Some(Invariant::Ends);
        STEPS_MAX
    }

    /// A process that finds the record goes on.
    fn resume(&mut self) {
        if let Some(record) = self.record.clone() {
            let mut update = Update::resume(record, &self.found()).unwrap();
            self.finish(&mut update);
        }
    }

    /// One of both versions is there, with the data that belong to it, and nothing is left over.
    fn violated(&self) -> Option<Invariant> {
        let (expected, invariant) = match self.history.last() {
            Some(Outcome::Reached) => (NEW, Invariant::NewKeepsNew),
            _ => (OLD, Invariant::OldServesOld),
        };
        let found = |violated: bool, invariant| violated.then_some(invariant);
        self.violation
            .or(found(self.intent != Some(expected), invariant))
            .or(found(self.data != expected, invariant))
            .or(found(
                !self.works && expected == NEW,
                Invariant::OldServesOld,
            ))
            .or(found(
                self.copy.is_some() || self.record.is_some(),
                Invariant::NothingLeft,
            ))
            .or(found(self.history.len() > 1, Invariant::Ends))
    }

    fn check(&self, what: &str) {
        assert_eq!(self.violated(), None, "{what}: {self:?}");
    }
}

/// Kills the process before and after each step, and the one that goes on at each of its steps.
/// Returns the first world in which something is wrong, and in which case.
fn killed_anywhere(works: bool, mutation: Option<Mutation>) -> Option<(Invariant, String)> {
    let new = || World {
        mutation,
        ..World::new(works)
    };
    let mut uninterrupted = new();
    let steps = uninterrupted.finish(&mut begin(true));
    if let Some(violated) = uninterrupted.violated() {
        return Some((violated, format!("uninterrupted: {uninterrupted:?}")));
    }
    assert!(steps > 10, "{steps}");
    for at in 0..steps {
        for is_done in [false, true] {
            for again in 0..steps {
                let mut world = new();
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
                if let Some(violated) = world.violated() {
                    let case = format!("killed at {at} ({is_done}), then {again}: {world:?}");
                    return Some((violated, case));
                }
            }
        }
    }
    None
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
        assert_eq!(killed_anywhere(works, None), None, "works {works}");
    }
}

#[test]
fn each_defect_is_caught_by_its_invariant() {
    let check = |mutation, works, expected| {
        let found = killed_anywhere(works, Some(mutation)).map(|(invariant, _)| invariant);
        assert_eq!(found, Some(expected), "{mutation:?}");
    };
    check(Mutation::DataStay, false, Invariant::OldServesOld);
    check(Mutation::CopyDiscardedEarly, false, Invariant::OldServesOld);
    check(Mutation::NotStopped, true, Invariant::OneOnTheData);
    check(Mutation::UndoNotRecorded, false, Invariant::OldServesOld);
    check(Mutation::CopyStays, true, Invariant::NothingLeft);
    check(
        Mutation::RecordForgottenEarly,
        true,
        Invariant::OldServesOld,
    );
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
