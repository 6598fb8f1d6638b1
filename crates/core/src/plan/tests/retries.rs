//! Failures are retried with a growing delay.

use super::*;
use std::collections::BTreeMap;

#[test]
fn what_failed_waits_and_the_plan_says_until_when() {
    let mut world = World::converged();
    world.stop("archy-web.service");
    let desired = world.desired();
    let failing = world.plan();
    // It was started, and has ended at the next observation.
    world.reconciler.finished(
        &desired,
        &failing,
        &vec![Outcome::Done; failing.actions.len()],
        world.now,
    );
    let waits = world.plan();
    assert!(
        waits
            .actions
            .iter()
            .all(|action| matches!(action.host_step(), Some(HostStep::Remember(_)))),
        "{waits:?}"
    );
    assert_eq!(waits.wake_at, Some(world.now + Duration::from_secs(10)));
    world.now += Duration::from_secs(10);
    assert!(
        world
            .lines()
            .contains(&"start archy-web.service".to_owned())
    );
    // An action that fails holds up its app, and no other.
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    let (desired, failing) = (world.desired(), world.plan());
    let of_web = |action: &Action| action.app() == Some(&id("web"));
    let outcome = |action| {
        if of_web(action) {
            Outcome::Failed(Cause::File("no disk".to_owned()))
        } else {
            Outcome::Done
        }
    };
    let outcomes: Vec<Outcome> = failing.actions.iter().map(outcome).collect();
    world
        .reconciler
        .finished(&desired, &failing, &outcomes, world.now);
    assert!(!world.plan().actions.iter().any(of_web));
    assert!(
        world
            .plan()
            .actions
            .iter()
            .any(|action| action.app() == Some(&id("top")))
    );
}

/// A service that ends again and again is due for a restart while its old invocation is listed,
/// whatever systemd answered.
#[test]
fn a_restart_that_did_nothing_is_tried_again_only_after_a_while() {
    let mut world = World::converged();
    world.edit_definition("ports: ['8080:80']", "ports: ['8081:80']");
    let ending = service(Active::Activating, "auto-restart");
    let services = &mut world.host.services;
    services.insert("archy-web-ui.service".to_owned(), ending);
    let (desired, plan) = (world.desired(), world.plan());
    let restart = AppStep::Restart("archy-web-ui.service".to_owned());
    let others = plan.actions.iter();
    let others = others.filter(|action| action.app_step() != Some(&restart));
    others.for_each(|action| world.apply(action));
    let outcomes = vec![Outcome::Done; plan.actions.len()];
    world
        .reconciler
        .finished(&desired, &plan, &outcomes, world.now);
    let line = brief(&of_app("web", restart));
    assert!(!world.lines().contains(&line), "{:?}", world.lines());
    world.now += Duration::from_secs(10);
    assert!(world.lines().contains(&line), "{:?}", world.lines());
    world.converge();
    let started_with = &world.started_with["archy-web-ui.service"];
    assert!(started_with.contains("8081"), "{started_with}");
}

#[test]
fn refused_units_are_tried_again_when_they_change_or_after_a_while() {
    let mut world = World::fresh();
    world.pass_cut_at(usize::MAX);
    let (desired, plan) = (world.desired(), world.plan());
    let refused = Outcome::Refused(BTreeMap::from([(
        "archy-web.container".to_owned(),
        "unsupported key".to_owned(),
    )]));
    let outcomes: Vec<Outcome> = plan
        .actions
        .iter()
        .map(|action| {
            if matches!(action.host_step(), Some(HostStep::CheckUnits { .. })) {
                refused.clone()
            } else {
                Outcome::Skipped
            }
        })
        .collect();
    world
        .reconciler
        .finished(&desired, &plan, &outcomes, world.now);
    let write = "write archy-web.container".to_owned();
    assert_eq!(world.lines(), [""; 0]);
    let later = world.now + Duration::from_secs(10);
    let now = std::mem::replace(&mut world.now, later);
    assert!(
        world.lines().contains(&write),
        "Podman may be another by now"
    );
    world.now = now;
    world.edit_definition("web:1", "web:2");
    assert!(world.lines().contains(&write));
}

#[test]
fn only_the_app_whose_units_were_refused_waits() {
    let mut world = World::fresh();
    world.pass_cut_at(usize::MAX);
    world.install(
        "other",
        &[(COMPOSE_FILE, "services: {other: {image: web}}\n")],
    );
    let (desired, plan) = (world.desired(), world.plan());
    let refused = BTreeMap::from([(
        "archy-web.container".to_owned(),
        "unsupported key".to_owned(),
    )]);
    let outcome = |action: &Action| match action.host_step() {
        Some(HostStep::CheckUnits { .. }) => Outcome::Refused(refused.clone()),
        _ => Outcome::Skipped,
    };
    let outcomes: Vec<Outcome> = plan.actions.iter().map(outcome).collect();
    world
        .reconciler
        .finished(&desired, &plan, &outcomes, world.now);
    let lines = world.lines();
    let is_written = |unit: &str| lines.contains(&format!("write {unit}"));
    assert!(
        is_written("archy-other.network") && !is_written("archy-web.container"),
        "{lines:?}"
    );
}

#[test]
fn a_unit_of_which_quadlet_makes_no_service_costs_a_reload_now_and_then() {
    let mut world = World::converged();
    world.generated.remove("archy-web.service");
    let (desired, plan) = (world.desired(), world.plan());
    let reload = "reload".to_owned();
    assert!(world.lines().contains(&reload));
    // systemd reloaded, and it is still not there.
    let outcomes = vec![Outcome::Done; plan.actions.len()];
    world
        .reconciler
        .finished(&desired, &plan, &outcomes, world.now);
    assert!(!world.lines().contains(&reload), "{:?}", world.lines());
    world.now += Duration::from_secs(10);
    assert!(world.lines().contains(&reload), "{:?}", world.lines());
}
