//! Each mutation, a defect on purpose, must be caught.

use std::collections::BTreeSet;

use archipelago_core::operation::Kind;
use sim::apps::NESTED_VERSION;
use sim::host::disk::Unsynced;
use sim::host::registry::PullOutcome;
use sim::invariants::{Invariant, Violation};
use sim::mutation::Mutation;
use sim::script::fault::Fault;
use sim::script::intervention::Intervention;
use sim::script::lines::{Line, Script};
use sim::search::exhaustive::{Exhaustive, Scenario};
use sim::search::random;

/// The number of seeds that are tried when nothing else catches the mutation.
const SEEDS: u64 = 60;

/// The mutations that a certain invariant must catch.
const CAUGHT_BY: [(Mutation, Invariant); 6] = [
    (Mutation::RecordForgottenFirst, Invariant::OperationsEnd),
    (Mutation::SwitchedInTwoSteps, Invariant::OperationsWhole),
    (Mutation::NestedAccepted, Invariant::NothingNested),
    (Mutation::ResolverForgotten, Invariant::NamesServed),
    (Mutation::LeaveOutIsolation, Invariant::Isolated),
    (Mutation::TakeForIsolated, Invariant::Isolated),
];

/// The first violation. The cheapest searches come first.
fn caught(mutation: Mutation) -> Option<Violation> {
    with_a_registry_that_fails(mutation)
        .or_else(|| with_a_nested_mount(mutation))
        .or_else(|| undisturbed(mutation))
        .or_else(|| on_an_open_network(mutation))
        .or_else(|| with_one_fault(mutation))
        .or_else(|| {
            (1..=SEEDS)
                .find_map(|seed| random::run(&random::script(seed), Some(mutation)).violation)
        })
}

fn undisturbed(mutation: Mutation) -> Option<Violation> {
    Scenario::ALL.into_iter().find_map(|scenario| {
        let found = Exhaustive::of(scenario, Some(mutation)).place(&[]).err()?;
        Some(found.violation)
    })
}

fn with_a_registry_that_fails(mutation: Mutation) -> Option<Violation> {
    let script = Script {
        lines: vec![
            Line::Do(Intervention::Registry(PullOutcome::Fails)),
            Line::Do(Intervention::Install("base".to_owned(), 1)),
            Line::Wait(120_000),
        ],
    };
    random::run(&script, Some(mutation)).violation
}

fn with_a_nested_mount(mutation: Mutation) -> Option<Violation> {
    let script = Script {
        lines: vec![
            Line::Do(Intervention::Install("base".to_owned(), 1)),
            Line::Wait(60_000),
            Line::Do(Intervention::Install("shop".to_owned(), NESTED_VERSION)),
            Line::Wait(60_000),
        ],
    };
    random::run(&script, Some(mutation)).violation
}

fn on_an_open_network(mutation: Mutation) -> Option<Violation> {
    let app = || "base".to_owned();
    let script = Script {
        lines: vec![
            Line::Do(Intervention::Install(app(), 1)),
            Line::Wait(30_000),
            Line::Do(Intervention::OpenNetwork("archy-base".to_owned())),
            Line::Do(Intervention::Stop(app())),
            Line::Wait(30_000),
            Line::Do(Intervention::Start(app())),
            Line::Wait(30_000),
        ],
    };
    random::run(&script, Some(mutation)).violation
}

fn with_one_fault(mutation: Mutation) -> Option<Violation> {
    let faults = [
        Fault::OtherPass,
        Fault::Crash,
        Fault::PowerLoss(Unsynced::Kept),
    ];
    let scenarios = [
        Scenario::Install,
        Scenario::Settings,
        Scenario::Command(Kind::Install),
    ];
    scenarios.into_iter().find_map(|scenario| {
        let all = Exhaustive::of(scenario, Some(mutation));
        faults.iter().find_map(|fault| {
            (1..=all.calls).find_map(|at| {
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
                if let Some((_, invariant)) = CAUGHT_BY.iter().find(|(it, _)| *it == mutation) {
                    assert_eq!(violation.invariant, *invariant, "{mutation:?}: {what}");
                }
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
