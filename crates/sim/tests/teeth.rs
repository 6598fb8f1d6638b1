//! Archipelago broken on purpose: each mutation must be caught.

use std::collections::BTreeSet;

use sim::deeds::Deed;
use sim::exhaustive::{Exhaustive, Small};
use sim::faults::Fault;
use sim::invariants::{Invariant, Violation};
use sim::mutation::Mutation;
use sim::random;
use sim::script::{Line, Script};
use sim::world::disk::Unsynced;
use sim::world::registry::Supply;

/// Seeds that are tried when nothing else shows it.
const SEEDS: u64 = 60;

/// The invariants that notice, each with what it said, from the cheapest way to see it.
fn caught(mutation: Mutation) -> Option<Violation> {
    with_a_registry_that_fails(mutation)
        .or_else(|| undisturbed(mutation))
        .or_else(|| with_one_fault(mutation))
        .or_else(|| {
            (1..=SEEDS)
                .find_map(|seed| random::run(&random::script(seed), Some(mutation)).violation)
        })
}

fn undisturbed(mutation: Mutation) -> Option<Violation> {
    Small::ALL.into_iter().find_map(|small| {
        let found = Exhaustive::of(small, Some(mutation)).place(&[]).err()?;
        Some(found.violation)
    })
}

fn with_a_registry_that_fails(mutation: Mutation) -> Option<Violation> {
    let script = Script {
        lines: vec![
            Line::Do(Deed::Registry(Supply::Fails)),
            Line::Do(Deed::Install("base".to_owned(), 1)),
            Line::Wait(120_000),
        ],
    };
    random::run(&script, Some(mutation)).violation
}

fn with_one_fault(mutation: Mutation) -> Option<Violation> {
    let faults = [
        Fault::OtherManager,
        Fault::Crash,
        Fault::PowerLoss(Unsynced::Kept),
    ];
    [Small::Install, Small::Settings]
        .into_iter()
        .find_map(|small| {
            let all = Exhaustive::of(small, Some(mutation));
            faults.iter().find_map(|fault| {
                (1..=all.touches).find_map(|at| {
                    let found = all.place(&[(at, fault.clone())]).err()?;
                    Some(found.violation)
                })
            })
        })
}

#[test]
fn each_mutation_is_caught() {
    let mut missed = Vec::new();
    let mut by = BTreeSet::new();
    for mutation in Mutation::ALL {
        match caught(mutation) {
            Some(violation) => {
                let what: String = violation.what.chars().take(100).collect();
                println!("| {mutation:?} | {} | {what} |", violation.invariant);
                by.insert(violation.invariant);
            }
            None => missed.push(mutation),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
    assert!(
        by.len() >= 6 && by.contains(&Invariant::PlanKeepsRules),
        "{by:?}"
    );
}
