//! Events that are lost, late, repeated, swapped or in floods. An event is only a hint: after a
//! lost one the tick finds the change, and after a superfluous one a pass has nothing to do.

use std::collections::BTreeMap;
use std::time::Duration;

use archipelago_core::reconcile::{GAP, TICK};
use sim::host::registry::PullOutcome;
use sim::script::events::Events;
use sim::script::intervention::Intervention;
use sim::script::lines::Line;
use sim::search::exhaustive::{Scenario, disturbances};
use sim::simulation::driver::Simulation;

/// With every event lost, the first tick finds the damage, the second a missing image that has
/// arrived, and the third that everything runs.
const REPAIRED_WITHIN: Duration = Duration::from_secs(3 * TICK.as_secs());

const LATE: Events = Events::Late(7_000);
const TWICE: Events = Events::Repeated(2, 0);
const AGAIN_AND_AGAIN: Events = Events::Repeated(20, 700);
const FLOOD: Events = Events::Repeated(500, 1);

struct Case {
    name: String,
    /// The quiescent host.
    before: Simulation,
    lines: Vec<Line>,
}

fn cases() -> Vec<Case> {
    let scenarios = Scenario::ALL.map(|scenario| Case {
        name: format!("{scenario:?}"),
        before: scenario.before(None),
        lines: scenario.script().lines,
    });
    let quiescent = Scenario::Settings.before(None);
    let disturbances = disturbances().into_iter().filter(|disturbance| {
        // These last until an intervention ends them, whatever events arrive.
        let lasting = [
            Intervention::FillDisk,
            Intervention::MountReadOnly,
            Intervention::BreakPodman,
            Intervention::Registry(PullOutcome::Fails),
        ];
        !lasting.contains(disturbance)
    });
    let disturbances = disturbances.map(|disturbance| Case {
        name: format!("{disturbance:?}"),
        before: quiescent.clone(),
        lines: vec![Line::Do(disturbance)],
    });
    scenarios.into_iter().chain(disturbances).collect()
}

struct Ended {
    took: Duration,
    passes: usize,
    /// The number of times that each action was taken.
    actions: BTreeMap<String, u32>,
}

fn run(case: &Case, events: Events) -> Ended {
    let mut simulation = case.before.clone();
    simulation.line(&Line::Events(events));
    simulation.world.actions = Some(BTreeMap::new());
    let passes = simulation.passes;
    for line in &case.lines {
        simulation.line(line);
    }
    let took = simulation.quiesce();
    let ended = Ended {
        took,
        passes: simulation.passes - passes,
        actions: simulation.world.actions.take().unwrap_or_default(),
    };
    simulation.judge();
    let violation = simulation.world.violations.first();
    assert!(
        violation.is_none(),
        "{} with {events:?}: {violation:?}",
        case.name
    );
    ended
}

#[test]
fn with_every_event_lost_the_tick_repairs_within_its_bound() {
    let mut longest = (Duration::ZERO, String::new());
    for case in cases() {
        for events in [Events::Lost, LATE, Events::Swapped] {
            let took = run(&case, events).took;
            longest = longest.max((took, format!("{} with {events:?}", case.name)));
        }
    }
    println!("the longest repair: {longest:?}");
    assert!(longest.0 <= REPAIRED_WITHIN, "{longest:?}");
}

#[test]
fn repeated_events_lead_to_no_other_actions() {
    for case in cases() {
        let heard = run(&case, Events::Heard);
        for events in [TWICE, AGAIN_AND_AGAIN, FLOOD] {
            let ended = run(&case, events);
            let name = &case.name;
            assert_eq!(ended.actions, heard.actions, "{name} with {events:?}");
        }
    }
}

#[test]
fn a_flood_of_events_costs_no_more_than_a_pass_for_each_pause() {
    for case in cases() {
        let heard = run(&case, Events::Heard);
        let flooded = run(&case, FLOOD);
        // The flood after each event lasts half a second, and may cause a pass for each pause in
        // it.
        let most = heard.passes * usize::try_from(500 / GAP.as_millis() + 2).unwrap_or(usize::MAX);
        assert!(
            flooded.passes <= most,
            "{}: {} passes, {} without the flood",
            case.name,
            flooded.passes,
            heard.passes
        );
    }
}
