//! Small scripts, and every placement of a fault in them.
#![allow(clippy::unwrap_used, reason = "a test fails when it cannot go on")]

use sim::apps::{BASE, SHOP};
use sim::deeds::Deed;
use sim::faults::Fault;
use sim::play::Play;
use sim::script::{Line, Script};

fn installed() -> Play {
    let mut play = Play::new(None);
    play.run(&Script {
        lines: vec![
            Line::Do(Deed::Install(BASE.to_owned(), 1)),
            Line::Do(Deed::Install(SHOP.to_owned(), 1)),
            Line::Wait(60_000),
        ],
    });
    play
}

#[test]
fn an_undisturbed_world_comes_to_rest() {
    let mut play = installed();
    play.judge();
    assert!(!play.is_wrong(), "{:#?}", play.world.violations);
    assert_eq!(
        play.world
            .systemd
            .units
            .values()
            .filter(|unit| unit.run.is_some())
            .count(),
        9
    );
}

#[test]
fn a_crash_before_each_step_of_an_install() {
    let mut end = installed();
    end.judge();
    let count = end.world.touches;
    assert!(count > 50, "{count}");
    for at in 1..=count {
        let mut play = Play::new(None);
        play.arm(at, Fault::Crash);
        play.run(&Script {
            lines: vec![
                Line::Do(Deed::Install(BASE.to_owned(), 1)),
                Line::Do(Deed::Install(SHOP.to_owned(), 1)),
                Line::Wait(60_000),
            ],
        });
        play.judge();
        assert!(
            !play.is_wrong(),
            "crash at {at}: {:#?}",
            play.world.violations
        );
    }
    println!("{count} placements");
}
