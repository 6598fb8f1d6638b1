//! Each mutation, a defect on purpose, must be caught.

use std::collections::BTreeSet;

use archipelago_core::cause::Rule;
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

/// The check that notices a mutation.
enum Check {
    /// The refusal of an action that breaks this rule.
    Rule(Rule),
    /// Any other check, of this invariant.
    Of(Invariant),
}

impl Check {
    fn invariant(&self) -> Invariant {
        match self {
            Self::Rule(_) => Invariant::PlanKeepsRules,
            Self::Of(invariant) => *invariant,
        }
    }

    fn has_found(&self, violation: &Violation) -> bool {
        let is_this_rule = match self {
            Self::Rule(rule) => violation.what.contains(&format!(": {rule}. ")),
            Self::Of(_) => true,
        };
        violation.invariant == self.invariant() && is_this_rule
    }
}

/// The check that must be the first to notice each mutation. If another one is, then the search
/// that shows the defect, or the check itself, has been lost.
fn check_of(mutation: Mutation) -> Check {
    match mutation {
        Mutation::ForgetFirst => Check::Rule(Rule::ForgottenLast),
        Mutation::SweepForeignUnits => Check::Rule(Rule::Ours),
        Mutation::RegenerateSecrets => Check::Rule(Rule::SecretKept),
        Mutation::DataWithoutPurge => Check::Rule(Rule::DataKept),
        Mutation::UninstallBackwards
        | Mutation::RestartEverything
        | Mutation::ForgetMemory
        | Mutation::RestartsNotRemembered => Check::Rule(Rule::StopsForAReason),
        Mutation::SkipFsync | Mutation::RecordForgottenFirst => Check::Of(Invariant::OperationsEnd),
        Mutation::SwitchedInTwoSteps => Check::Of(Invariant::OperationsWhole),
        Mutation::NoLock => Check::Of(Invariant::NoNeedlessStop),
        Mutation::SkipReload | Mutation::EndlessBackoff | Mutation::WriteAlways => {
            Check::Of(Invariant::QuietInTime)
        }
        Mutation::NoBackoff => Check::Of(Invariant::PatientAttempts),
        Mutation::IgnoreOwnership => Check::Of(Invariant::ForeignUntouched),
        Mutation::StartBeforeImage => Check::Of(Invariant::ImageBeforeStart),
        Mutation::MarkerIgnored => Check::Of(Invariant::DataKept),
        Mutation::NestedAccepted => Check::Of(Invariant::NothingNested),
        Mutation::EditFollowed => Check::Of(Invariant::RightsAgreed),
        Mutation::ResolverForgotten => Check::Of(Invariant::NamesServed),
        Mutation::LeaveOutIsolation | Mutation::TakeForIsolated => Check::Of(Invariant::Isolated),
    }
}

/// The first violation. The cheapest searches come first.
fn caught(mutation: Mutation) -> Option<Violation> {
    with_a_registry_that_fails(mutation)
        .or_else(|| with_a_nested_mount(mutation))
        .or_else(|| undisturbed(mutation))
        .or_else(|| on_an_open_network(mutation))
        .or_else(|| with_a_resolver_that_ends(mutation))
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
            Line::Do(Intervention::InstallUnjudged(
                "shop".to_owned(),
                NESTED_VERSION,
            )),
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

fn with_a_resolver_that_ends(mutation: Mutation) -> Option<Violation> {
    let script = Script {
        lines: vec![
            Line::Do(Intervention::Install("base".to_owned(), 1)),
            Line::Wait(60_000),
            Line::Do(Intervention::KillResolver),
            Line::Wait(60_000),
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
fn each_mutation_is_caught_by_its_check() {
    let mut wrong = Vec::new();
    for mutation in Mutation::ALL {
        let Some(violation) = caught(mutation) else {
            wrong.push(format!("{mutation:?} is not caught"));
            continue;
        };
        let what: String = violation.what.chars().take(100).collect();
        println!("| {mutation:?} | {} | {what} |", violation.invariant);
        if !check_of(mutation).has_found(&violation) {
            wrong.push(format!(
                "{mutation:?} is caught by another check: {violation}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_documentation_lists_each_mutation_and_its_invariant() {
    let documentation = include_str!("../../../docs/simulation.md");
    let (_, table) = documentation
        .split_once("\n## Mutations\n")
        .expect("the section");
    let rows = table.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("| `")?.split_once('`')?;
        let (_, invariant) = rest.strip_suffix("` |")?.rsplit_once('`')?;
        Some((name.to_owned(), invariant.to_owned()))
    });
    let mutations = Mutation::ALL.map(|mutation| {
        let invariant = check_of(mutation).invariant();
        (format!("{mutation:?}"), invariant.to_string())
    });
    assert_eq!(rows.collect::<BTreeSet<_>>(), BTreeSet::from(mutations));
}
