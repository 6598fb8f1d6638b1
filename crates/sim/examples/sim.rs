//! Long runs of the simulation. `cargo xtask sim` compiles and starts this program.

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use sim::script::lines::Script;
use sim::search::exhaustive::{Exhaustive, Scenario};
use sim::search::random;
use sim::search::shrink::shrink;
use sim::simulation::driver::Simulation;

const THREADS: u64 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let number = |name: &str| value(name).and_then(|text| text.parse::<u64>().ok());
    if let Some(path) = value("--script") {
        return match std::fs::read_to_string(&path) {
            Ok(text) => one(&text),
            Err(error) => {
                eprintln!("error: {path}: {error}");
                ExitCode::FAILURE
            }
        };
    }
    if arguments.iter().any(|argument| argument == "--pairs") {
        return pairs();
    }
    let steps = number("--steps").unwrap_or(1_000_000);
    seeds(
        number("--seed").unwrap_or(1),
        number("--count").unwrap_or(u64::MAX),
        steps,
    )
}

/// Runs a script, and prints its trace.
fn one(text: &str) -> ExitCode {
    let script = match Script::parse(text) {
        Ok(script) => script,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut simulation = Simulation::new(None);
    simulation.world.trace = Some(Vec::new());
    let ended = random::run_in(&mut simulation, &script);
    println!("{}", simulation.world.trace.unwrap_or_default().join("\n"));
    match ended.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("{violation}");
            ExitCode::FAILURE
        }
    }
}

/// Runs seeds from the first one on, until this many steps are made.
fn seeds(first: u64, count: u64, steps: u64) -> ExitCode {
    let began = Instant::now();
    let work = move |thread: u64| {
        let (mut made, mut tried) = (0, 0);
        let mut seed = first + thread;
        while made < steps / THREADS && seed - first < count {
            let script = random::script(seed);
            let ended = random::run(&script, None);
            made += ended.steps;
            tried += 1;
            if let Some(violation) = ended.violation {
                let short = shrink(&script, violation.invariant, None);
                println!(
                    "seed {seed}: {violation}\nshrunk, for crates/sim/tests/regressions/NAME.script:\n{}",
                    short.to_text()
                );
                return (made, tried, false);
            }
            seed += THREADS;
        }
        (made, tried, true)
    };
    let ends: Vec<(u64, u64, bool)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        let ends = threads.into_iter().map(|thread| thread.join());
        ends.map(|end| end.unwrap_or((0, 0, false))).collect()
    });
    let made: u64 = ends.iter().map(|(made, _, _)| made).sum();
    let tried: u64 = ends.iter().map(|(_, tried, _)| tried).sum();
    let well = ends.iter().all(|(_, _, well)| *well);
    println!(
        "{made} steps, {tried} seeds, {:.0} s, {}",
        began.elapsed().as_secs_f64(),
        if well { "0 violations" } else { "a violation" }
    );
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs every placement of no, one and two faults in every scenario.
fn pairs() -> ExitCode {
    let began = Instant::now();
    let mut count = 0;
    for scenario in Scenario::ALL {
        let ends: Vec<Result<usize, String>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS as usize)
                .map(|thread| {
                    scope.spawn(move || {
                        let all = Exhaustive::of(scenario, None);
                        let mut done = 0;
                        let up_to_one = std::iter::once(Vec::new()).chain(all.singles());
                        let placements = up_to_one.chain(all.pairs());
                        for faults in placements.skip(thread).step_by(THREADS as usize) {
                            done += 1;
                            if let Err(found) = all.place(&faults) {
                                return Err(format!("{found}\n{}", all.trace(&faults).join("\n")));
                            }
                        }
                        Ok(done)
                    })
                })
                .collect();
            let ends = threads.into_iter().map(|thread| thread.join());
            ends.map(|end| end.unwrap_or_else(|_| Err("a thread panicked".to_owned())))
                .collect()
        });
        for end in ends {
            match end {
                Ok(done) => count += done,
                Err(problem) => {
                    println!("{problem}");
                    return ExitCode::FAILURE;
                }
            }
        }
        println!(
            "{scenario:?}: {count} placements of up to two faults so far, {:.0} s",
            began.elapsed().as_secs_f64()
        );
    }
    println!("{count} placements of up to two faults, 0 violations");
    ExitCode::SUCCESS
}
