//! The steps of an operation, and who takes them up after a crash.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::health::Report;
use crate::name::AppId;
use crate::operation::{
    DiskState, Ending, IntentRevision, Kind, Operation, OperationId, Overtaken, PassSeen,
    RESUMED_LIMIT, Record, Step, Target, Verdict,
};

use super::follow::{ready, starting};

fn record(kind: Kind, goal: Target) -> Record {
    let after = if kind == Kind::Restart { "old" } else { "new" };
    Record {
        id: OperationId::new(Duration::from_secs(1), 2),
        kind,
        app: AppId::parse("web").unwrap(),
        goal,
        asked_unix_s: 1,
        before: Some(IntentRevision::of(b"old")),
        after: Some(IntentRevision::of(after.as_bytes())),
        restarts: BTreeMap::new(),
        version: None,
        update: None,
    }
}

fn disk_state(intent: &str) -> DiskState {
    DiskState {
        intent: Some(IntentRevision::of(intent.as_bytes())),
        data: true,
    }
}

fn pass(operation: &mut Operation, report: &Report, at: Duration) {
    operation.passed(PassSeen {
        report,
        acted: false,
        wake_after: None,
        now: at,
        stalled: Some(Duration::ZERO),
    });
}

fn up() -> Report {
    Report {
        apps: ready().into_iter().collect(),
    }
}

fn coming_up() -> Report {
    Report {
        apps: starting().into_iter().collect(),
    }
}

/// An app whose image is on its way, which says nothing of when it will be there.
fn waiting() -> Report {
    let mut report = coming_up();
    for app in &mut report.apps {
        app.units.clear();
    }
    report
}

fn word(operation: &Operation) -> &'static str {
    match operation.step() {
        Some(Step::WriteRecord(_)) => "write",
        Some(Step::Switch(_)) => "switch",
        Some(Step::Follow { .. }) => "follow",
        Some(Step::ForgetRecord(_)) => "forget",
        None => "end",
    }
}

#[test]
fn the_record_is_written_first_and_forgotten_last() {
    let mut operation = Operation::begin(record(Kind::Install, Target::Ready));
    assert_eq!(word(&operation), "write");
    operation.recorded();
    assert_eq!(word(&operation), "switch");
    operation.switched();
    assert_eq!(operation.step(), Some(Step::Follow { within: None }));
    pass(&mut operation, &coming_up(), Duration::from_secs(1));
    assert_eq!((word(&operation), operation.ending()), ("follow", None));
    pass(&mut operation, &up(), Duration::from_secs(2));
    pass(&mut operation, &up(), Duration::from_secs(3));
    assert_eq!(word(&operation), "forget");
    let ending = operation.ending().cloned();
    assert!(matches!(
        ending,
        Some(Ending::Followed(Verdict::Reached(_)))
    ));
    operation.forgotten();
    assert_eq!(
        (word(&operation), operation.ending()),
        ("end", ending.as_ref())
    );
}

#[test]
fn one_that_was_broken_off_is_taken_up_where_it_was() {
    let check = |kind, intent, step, ending: Option<Ending>| {
        let operation = Operation::resume(record(kind, Target::Ready), &disk_state(intent));
        assert_eq!(word(&operation), step, "{kind:?} {intent}");
        assert_eq!(operation.ending(), ending.as_ref(), "{kind:?} {intent}");
    };
    check(Kind::Set, "old", "forget", Some(Ending::NotBegun));
    check(Kind::Set, "new", "follow", None);
    check(Kind::Set, "else", "forget", Some(Ending::Superseded));
    // Its intent stays the same; what is to end is noted once more.
    check(Kind::Restart, "old", "switch", None);
    check(Kind::Restart, "else", "forget", Some(Ending::Superseded));
}

#[test]
fn a_switch_that_failed_is_judged_by_what_it_left() {
    let check = |kind, intent, step, ending: Option<Ending>| {
        let mut operation = Operation::begin(record(kind, Target::Ready));
        operation.recorded();
        operation.not_switched(&disk_state(intent));
        assert_eq!(word(&operation), step, "{kind:?} {intent}");
        assert_eq!(operation.ending(), ending.as_ref(), "{kind:?} {intent}");
    };
    check(Kind::Set, "old", "forget", Some(Ending::NotBegun));
    check(Kind::Set, "new", "follow", None);
    check(Kind::Set, "else", "forget", Some(Ending::Superseded));
    check(Kind::Restart, "old", "forget", Some(Ending::NotBegun));
}

#[test]
fn one_that_was_broken_off_is_not_followed_for_ever() {
    let began = Duration::from_secs(100);
    let almost = began + RESUMED_LIMIT - Duration::from_secs(1);
    let check = |mut operation: Operation, at, expected| {
        pass(&mut operation, &waiting(), began);
        pass(&mut operation, &waiting(), at);
        assert_eq!(operation.ending(), expected);
    };
    let record = || record(Kind::Set, Target::Ready);
    let resumed = || Operation::resume(record(), &disk_state("new"));
    check(resumed(), almost, None);
    check(resumed(), began + RESUMED_LIMIT, Some(&Ending::LeftAlone));
    // A person who waits decides for how long.
    let mut begun = Operation::begin(record());
    begun.recorded();
    begun.switched();
    check(begun, began + RESUMED_LIMIT, None);
}

#[test]
fn what_somebody_else_asks_for_ends_it() {
    let mut operation = Operation::resume(record(Kind::Stop, Target::Stopped), &disk_state("new"));
    pass(&mut operation, &up(), Duration::from_secs(1));
    let overtaken = Ending::Followed(Verdict::Overtaken(Overtaken::Started));
    assert_eq!(operation.ending(), Some(&overtaken));
}
