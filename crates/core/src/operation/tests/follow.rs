//! Verdicts from pass to pass.

use std::time::Duration;

use crate::cause::Cause;
use crate::health::{AppHealth, AwaitedImage, Report, State, UnitHealth, UnitState};
use crate::image_progress::ImageProgress;
use crate::name::AppId;
use crate::observed::Busy;
use crate::operation::{Follow, Overtaken, PassSeen, Target, Verdict};

fn app(state: State, units: &[(UnitState, bool, u32)]) -> AppHealth {
    let unit = |(state, is_restarting, restarts): &(UnitState, bool, u32)| UnitHealth {
        name: "archy-web.service".to_owned(),
        state: *state,
        sub_state: None,
        is_restarting: *is_restarting,
        awaited_image: None,
        is_job: false,
        is_script: false,
        awaited_job: None,
        companion: false,
        restarts: *restarts,
        why: None,
        drop_ins: Vec::new(),
    };
    AppHealth {
        id: AppId::parse("web").unwrap(),
        state,
        why: None,
        units: units.iter().map(unit).collect(),
        urls: Vec::new(),
        busy: None,
        waits: None,
    }
}

fn busy(percent: Option<u8>) -> AppHealth {
    AppHealth {
        busy: Some(Busy {
            message: "at work".to_owned(),
            percent,
            remaining_s: None,
        }),
        ..app(State::Starting, &[(UnitState::Active, false, 0)])
    }
}

/// The verdicts on passes at these times in milliseconds: how the app is, and whether the pass did
/// something.
fn verdicts(goal: Target, passes: &[(u64, bool, Option<AppHealth>)]) -> Vec<&'static str> {
    let mut follow = Follow::new(AppId::parse("web").unwrap(), goal);
    let verdict = |(at, acted, health): &(u64, bool, Option<AppHealth>)| {
        let report = Report {
            apps: health.iter().cloned().collect(),
        };
        let verdict = follow.after(PassSeen {
            report: &report,
            acted: *acted,
            wake_after: None,
            now: Duration::from_millis(*at),
            stalled: Some(Duration::ZERO),
        });
        match verdict {
            Verdict::Wait(_) => "wait",
            Verdict::Reached(_) => "reached",
            Verdict::Gone => "gone",
            Verdict::Overtaken(Overtaken::Stopped) => "stopped",
            Verdict::Overtaken(_) => "overtaken",
            Verdict::Failed(_) => "failed",
            Verdict::Silent(_) => "silent",
        }
    };
    passes.iter().map(verdict).collect()
}

const UP: [(UnitState, bool, u32); 1] = [(UnitState::Active, false, 0)];

pub(super) fn ready() -> Option<AppHealth> {
    Some(app(State::Ready, &UP))
}

pub(super) fn starting() -> Option<AppHealth> {
    Some(app(State::Starting, &[(UnitState::Activating, false, 0)]))
}

#[test]
fn what_is_as_asked_from_the_start_is_reached_at_once() {
    assert_eq!(verdicts(Target::Ready, &[(0, false, ready())]), ["reached"]);
    let masked = Some(app(State::Degraded, &[(UnitState::Masked, false, 0)]));
    assert_eq!(verdicts(Target::Ready, &[(0, false, masked)]), ["reached"]);
    let stopped = Some(app(State::Stopped, &[]));
    assert_eq!(
        verdicts(Target::Stopped, &[(0, false, stopped)]),
        ["reached"]
    );
    assert_eq!(verdicts(Target::Gone, &[(0, false, None)]), ["gone"]);
}

#[test]
fn what_runs_has_not_got_there_before_its_new_image() {
    let awaiting = |image: &AwaitedImage| {
        let mut health = app(State::Ready, &UP);
        health.units[0].awaited_image = Some(image.clone());
        Some(health)
    };
    let under_way = awaiting(&AwaitedImage::UnderWay {
        image: "web:2".to_owned(),
        progress: ImageProgress::Waiting,
    });
    let failed = awaiting(&AwaitedImage::Failed {
        image: "web:2".to_owned(),
        cause: Some(Cause::Podman("no route".to_owned())),
    });
    let passes = [
        (0, true, ready()),
        (1_000, false, under_way.clone()),
        // Longer than an answer may take.
        (900_000, false, under_way),
        (901_000, false, failed),
    ];
    assert_eq!(
        verdicts(Target::Ready, &passes),
        ["wait", "wait", "wait", "failed"]
    );
}

#[test]
fn what_has_just_started_must_stay_up_for_a_while() {
    let passes = [
        (0, true, starting()),
        (100, false, ready()),
        (200, false, ready()),
        (299, false, ready()),
        (300, false, ready()),
    ];
    let expected = ["wait", "wait", "wait", "wait", "reached"];
    assert_eq!(verdicts(Target::Ready, &passes), expected);
    // If a service ends meanwhile, the wait starts over.
    let passes = [
        (0, true, starting()),
        (100, false, ready()),
        (250, false, starting()),
        (300, false, ready()),
        (499, false, ready()),
        (500, false, ready()),
    ];
    let expected = ["wait", "wait", "wait", "wait", "wait", "reached"];
    assert_eq!(verdicts(Target::Ready, &passes), expected);
}

#[test]
fn a_container_that_ends_twice_has_failed() {
    let restarting = |restarts| {
        Some(app(
            State::Failed,
            &[(UnitState::Activating, true, restarts)],
        ))
    };
    let passes = [(0, false, restarting(1)), (10, false, restarting(2))];
    assert_eq!(verdicts(Target::Ready, &passes), ["wait", "failed"]);
    // Not while something is still being done about it.
    assert_eq!(
        verdicts(Target::Ready, &[(0, true, restarting(9))]),
        ["wait"]
    );
}

#[test]
fn what_somebody_else_asks_for_ends_it() {
    let stopped = || Some(app(State::Stopped, &[]));
    let removing = || Some(app(State::Removing, &[]));
    assert_eq!(
        verdicts(Target::Ready, &[(0, false, stopped())]),
        ["stopped"]
    );
    for (goal, health) in [
        (Target::Ready, removing()),
        (Target::Ready, None),
        (Target::Stopped, ready()),
        (Target::Gone, ready()),
    ] {
        assert_eq!(verdicts(goal, &[(0, false, health)]), ["overtaken"]);
    }
}

#[test]
fn what_takes_long_and_says_so_is_left_to_it() {
    let check = |health: AppHealth, limit: u64| {
        let passes = [
            (0, false, Some(health.clone())),
            (limit - 1, false, Some(health.clone())),
            (limit, false, Some(health)),
        ];
        let expected = ["wait", "wait", "reached"];
        assert_eq!(verdicts(Target::Ready, &passes), expected, "{limit}");
    };
    check(busy(Some(83)), 15_000);
    check(busy(None), 60_000);
    check(app(State::Waiting, &UP), 15_000);
}

#[test]
fn what_runs_and_says_nothing_is_given_up_after_five_minutes() {
    let health = || Some(app(State::Starting, &UP));
    let passes = [
        (0, false, health()),
        (300_000, false, health()),
        (300_001, false, health()),
    ];
    assert_eq!(verdicts(Target::Ready, &passes), ["wait", "wait", "silent"]);
}
