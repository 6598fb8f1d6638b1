//! Every placement of no and of one fault in small scripts, and a share of the placements of two; `cargo xtask sim --pairs` tries all of them.

use std::thread;

use sim::exhaustive::{Exhaustive, Placement, Small};

/// One in so many placements of two faults; a prime, so that all kinds of pairs and all places come up.
const SHARE: usize = 101;

#[test]
fn every_placement_of_one_fault() {
    let counts = count(|all| {
        let none = std::iter::once(Vec::new());
        Box::new(none.chain(all.singles()))
    });
    println!("{} placements: {counts:?}", counts.iter().sum::<usize>());
    assert!(counts.iter().sum::<usize>() > 10_000, "{counts:?}");
}

#[test]
fn a_share_of_the_placements_of_two_faults() {
    let counts = count(|all| Box::new(all.pairs().step_by(SHARE)));
    println!("{} placements: {counts:?}", counts.iter().sum::<usize>());
    assert!(counts.iter().sum::<usize>() > 4_000, "{counts:?}");
}

/// Tries those placements in each script; each must end well. Returns how many there were.
fn count(placements: fn(&Exhaustive) -> Box<dyn Iterator<Item = Placement> + '_>) -> Vec<usize> {
    thread::scope(|scope| {
        let runs = Small::ALL.map(|small| {
            scope.spawn(move || {
                let all = Exhaustive::of(small, None);
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
        runs.map(|run| run.join().expect("a script that ends well"))
            .to_vec()
    })
}
