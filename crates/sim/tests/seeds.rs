//! 400 random scripts. `cargo xtask sim` runs any number of them.

use sim::script::lines::Script;
use sim::search::random::{run, script};

const SEEDS: u64 = 400;

#[test]
fn no_seed_ends_with_a_violation() {
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
fn a_seed_always_leads_to_the_same_end() {
    for seed in [1, 7, 42] {
        let (one, other) = (run(&script(seed), None), run(&script(seed), None));
        assert_eq!((one.steps, one.violation), (other.steps, other.violation));
    }
}

#[test]
fn a_script_is_read_back_as_written() {
    let script = script(3);
    let read = Script::parse(&script.to_text()).expect("a script");
    assert_eq!(read, script);
}
