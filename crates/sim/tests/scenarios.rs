//! All placements of no fault and of one fault in the scenarios, and a share of the placements of
//! two. `cargo xtask sim --pairs` tries all of them.

use std::thread;

use sim::search::exhaustive::{Exhaustive, Placement, Scenario};

/// One of this many placements of two faults is tried. It is a prime, so that all pairs of faults
/// and all places occur.
const SHARE: usize = 101;

#[test]
fn no_placement_of_one_fault_ends_with_a_violation() {
    let counts = count(|all| {
        let none = std::iter::once(Vec::new());
        Box::new(none.chain(all.singles()))
    });
    println!("{} placements: {counts:?}", counts.iter().sum::<usize>());
    assert!(counts.iter().sum::<usize>() > 10_000, "{counts:?}");
}

#[test]
fn no_placement_of_two_faults_in_a_share_ends_with_a_violation() {
    let counts = count(|all| Box::new(all.pairs().step_by(SHARE)));
    println!("{} placements: {counts:?}", counts.iter().sum::<usize>());
    assert!(counts.iter().sum::<usize>() > 4_000, "{counts:?}");
}

/// Runs the placements in each scenario. None may end with a violation. Returns the number for each
/// scenario.
fn count(placements: fn(&Exhaustive) -> Box<dyn Iterator<Item = Placement> + '_>) -> Vec<usize> {
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
                count
            })
        });
        runs.map(|run| run.join().expect("no violation")).to_vec()
    })
}
