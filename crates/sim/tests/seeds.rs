//! Scripts made of seeds, some hundred of them; `cargo xtask sim` makes as many as one likes.

use sim::random::{run, script};
use sim::script::Script;

const SEEDS: u64 = 400;

#[test]
fn no_seed_ends_badly() {
    let mut steps = 0;
    for seed in 1..=SEEDS {
        let ended = run(&script(seed), None);
        steps += ended.steps;
        assert!(
            ended.violation.is_none(),
            "{}\nshrink it with: cargo xtask sim --seed {seed} --count 1",
            ended
                .violation
                .map(|violation| violation.to_string())
                .unwrap_or_default()
        );
    }
    println!("{steps} steps");
}

#[test]
fn the_same_seed_always_leads_to_the_same_end() {
    for seed in [1, 7, 42] {
        let (one, other) = (run(&script(seed), None), run(&script(seed), None));
        assert_eq!((one.steps, one.violation), (other.steps, other.violation));
    }
}

#[test]
fn a_script_survives_its_text() {
    let script = script(3);
    assert_eq!(Script::parse(&script.to_text()), Ok(script));
}
