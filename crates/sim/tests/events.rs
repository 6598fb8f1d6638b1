//! Events that are lost, come late, come again, come in another order or come in floods. An event is a hint: what it is about is found by the
//! tick as well, and one too many finds nothing to do.

use std::collections::BTreeMap;
use std::time::Duration;

use archipelago_core::reconcile::{GAP, TICK};
use sim::deeds::Deed;
use sim::events::Events;
use sim::exhaustive::{Small, disturbances};
use sim::play::Play;
use sim::script::Line;
use sim::world::registry::Supply;

/// With every event lost a tick finds what was disturbed, the next one that the image which it lacked has come, and a third one that all runs.
const REPAIRED_WITHIN: Duration = Duration::from_secs(3 * TICK.as_secs());

const LATE: Events = Events::Late(7_000);
const TWICE: Events = Events::Repeated(2, 0);
const AGAIN_AND_AGAIN: Events = Events::Repeated(20, 700);
const FLOOD: Events = Events::Repeated(500, 1);

/// What is done in a world at rest, and what it takes before and after.
fn scenes() -> Vec<(String, Play, Vec<Line>)> {
    let mut scenes = Vec::new();
    for small in Small::ALL {
        let lines = small.script().lines;
        scenes.push((format!("{small:?}"), small.before(None), lines));
    }
    let rested = Small::Settings.before(None);
    for deed in disturbances() {
        // What does not end by itself is no matter of events.
        let lasting = [
            Deed::FillDisk,
            Deed::MountReadOnly,
            Deed::BreakPodman,
            Deed::Registry(Supply::Fails),
        ];
        if !lasting.contains(&deed) {
            let name = format!("{deed:?}");
            scenes.push((name, rested.clone(), vec![Line::Do(deed)]));
        }
    }
    scenes
}

/// How one scene went.
struct Ended {
    took: Duration,
    passes: usize,
    /// What was done how often.
    actions: BTreeMap<String, u32>,
}

fn play(name: &str, before: &Play, lines: &[Line], events: Events) -> Ended {
    let mut play = before.clone();
    play.line(&Line::Events(events));
    play.world.actions = Some(BTreeMap::new());
    let passes = play.passes;
    for line in lines {
        play.line(line);
    }
    let took = play.rest();
    let ended = Ended {
        took,
        passes: play.passes - passes,
        actions: play.world.actions.take().unwrap_or_default(),
    };
    // Nothing is missing, and it is as it stays.
    play.judge();
    let wrong = play.world.violations.first();
    assert!(wrong.is_none(), "{name} with {events:?}: {wrong:?}");
    ended
}

#[test]
fn with_every_event_lost_the_tick_repairs_within_its_bound() {
    let mut longest = (Duration::ZERO, String::new());
    for (name, before, lines) in scenes() {
        for events in [Events::Lost, LATE, Events::Swapped] {
            let took = play(&name, &before, &lines, events).took;
            longest = longest.max((took, format!("{name} with {events:?}")));
        }
    }
    println!("the longest repair: {longest:?}");
    assert!(longest.0 <= REPAIRED_WITHIN, "{longest:?}");
}

#[test]
fn events_that_come_again_or_in_another_order_lead_to_no_other_actions() {
    for (name, before, lines) in scenes() {
        let heard = play(&name, &before, &lines, Events::Heard);
        for events in [TWICE, AGAIN_AND_AGAIN, FLOOD] {
            let ended = play(&name, &before, &lines, events);
            assert_eq!(ended.actions, heard.actions, "{name} with {events:?}");
        }
    }
}

#[test]
fn a_flood_of_events_costs_no_more_than_a_pass_for_each_pause() {
    for (name, before, lines) in scenes() {
        let heard = play(&name, &before, &lines, Events::Heard);
        let flooded = play(&name, &before, &lines, FLOOD);
        // Half a second of events for each one that would have been heard, with a pass for each pause in it.
        let most = heard.passes * usize::try_from(500 / GAP.as_millis() + 2).unwrap_or(usize::MAX);
        assert!(
            flooded.passes <= most,
            "{name}: {} passes, {} without the flood",
            flooded.passes,
            heard.passes
        );
    }
}
