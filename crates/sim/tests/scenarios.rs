//! All placements of no fault and of one fault in the scenarios, and a share of the placements of
//! two. `cargo xtask sim --pairs` tries all of them.

use std::thread;

use archipelago_core::operation::Kind;
use sim::search::exhaustive::{Exhaustive, Placement, Scenario};

/// One of this many placements of two faults is tried. It is a prime, so that all pairs of faults
/// and all places occur.
const SHARE: usize = 101;

/// The least number of placements in each scenario: of no and of one fault, and in the share of
/// two. They are nine tenths and four fifths of the present numbers, which change a little with the
/// calls on the host; far fewer placements mean that a part of the scenario has been lost.
const LEAST: [(Scenario, usize, usize); 15] = [
    (Scenario::Install, 4_100, 1_370),
    (Scenario::Settings, 1_400, 170),
    (Scenario::Uninstall, 2_000, 340),
    (Scenario::Purge, 2_200, 400),
    (Scenario::Restore, 4_300, 1_540),
    (Scenario::Isolate, 2_400, 490),
    (Scenario::Job, 2_300, 440),
    (Scenario::Command(Kind::Install), 4_200, 1_440),
    (Scenario::Command(Kind::Set), 1_900, 310),
    (Scenario::Command(Kind::Start), 2_000, 350),
    (Scenario::Command(Kind::Stop), 1_900, 310),
    (Scenario::Command(Kind::Restart), 1_500, 190),
    (Scenario::Command(Kind::Rebuild), 1_600, 230),
    (Scenario::Command(Kind::Uninstall), 2_500, 520),
    (Scenario::Command(Kind::Purge), 2_700, 590),
];

#[test]
fn no_placement_of_one_fault_ends_with_a_violation() {
    let counts = count(|all| {
        let none = std::iter::once(Vec::new());
        Box::new(none.chain(all.singles()))
    });
    at_least(LEAST.map(|(scenario, one, _)| (scenario, one)), &counts);
}

#[test]
fn no_placement_of_two_faults_in_a_share_ends_with_a_violation() {
    let counts = count(|all| Box::new(all.pairs().step_by(SHARE)));
    at_least(LEAST.map(|(scenario, _, two)| (scenario, two)), &counts);
}

/// Each scenario must have its number of placements.
fn at_least(least: [(Scenario, usize); 15], counts: &[(Scenario, usize)]) {
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    println!("{total} placements: {counts:?}");
    assert_eq!(least.map(|(scenario, _)| scenario), Scenario::ALL);
    for ((scenario, least), (_, count)) in least.iter().zip(counts) {
        assert!(
            count >= least,
            "{scenario:?}: {count} placements of {least}"
        );
    }
}

/// Runs the placements in each scenario. None may end with a violation. Returns the number for each
/// scenario.
fn count(
    placements: fn(&Exhaustive) -> Box<dyn Iterator<Item = Placement> + '_>,
) -> Vec<(Scenario, usize)> {
    thread::scope(|scope| {
        let runs = Scenario::ALL.map(|scenario| {
            scope.spawn(move || {
                let all = Exhaustive::of(scenario, None);
                let mut count = 0;
                for faults in placements(&all) {
                    count += 1;
                    if let Err(found) = all.place(&faults) {
                        panic!("{found}\n{}", all.trace(&faults).join("\n"));
                    }
                }
                (scenario, count)
            })
        });
        runs.map(|run| run.join().expect("no violation")).to_vec()
    })
}
