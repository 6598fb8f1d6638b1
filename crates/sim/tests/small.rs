//! Every placement of one fault in small scripts. The placements of two are a matter of minutes: `cargo xtask sim --pairs`.

use std::thread;

use sim::exhaustive::{Exhaustive, Small};

#[test]
fn every_placement_of_one_fault() {
    let counts: Vec<usize> = thread::scope(|scope| {
        let runs = Small::ALL.map(|small| {
            scope.spawn(move || {
                let all = Exhaustive::of(small, None);
                let mut count = 0;
                for faults in std::iter::once(Vec::new()).chain(all.singles()) {
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
    });
    println!("{} placements: {counts:?}", counts.iter().sum::<usize>());
    assert!(counts.iter().sum::<usize>() > 10_000, "{counts:?}");
}
