//! Keeping the version that a person has agreed to.

use super::*;
use crate::health::{State, report};
use crate::intent::Intent;

/// A web server whose operator has agreed to another version of it.
fn agreed() -> World {
    let mut world = World::converged();
    let web = id("web");
    world.edit_definition("ports: ['8080:80']", "ports: ['8081:80']");
    let intent: Intent = world.inputs.intents[&web].clone().unwrap();
    world.inputs.newly_granted.insert(web, intent);
    world
}

#[test]
fn a_version_is_kept_before_anything_of_it_is_changed() {
    let mut world = agreed();
    let lines = world.lines();
    assert_eq!(lines[0], "keep web as granted", "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("write archy-web-ui.container")),
        "{lines:#?}"
    );
    world.converge();
    assert_eq!(world.lines(), [] as [String; 0]);
}

#[test]
fn an_app_goes_on_while_its_version_cannot_be_kept() {
    let mut world = agreed();
    let is_keeping = |action: &Action| matches!(action.app_step(), Some(AppStep::KeepGranted(_)));
    let (desired, plan) = (world.desired(), world.plan());
    let outcome = |action| match is_keeping(action) {
        true => Outcome::Failed(Cause::File("no space left".to_owned())),
        false => Outcome::Skipped,
    };
    let outcomes: Vec<Outcome> = plan.actions.iter().map(outcome).collect();
    let now = world.now;
    world.reconciler.finished(&desired, &plan, &outcomes, now);
    // The next pass does the rest, and the cause is shown until it is kept.
    let plan = world.plan();
    assert!(
        !plan.actions.is_empty() && !plan.actions.iter().any(is_keeping),
        "{plan:?}"
    );
    world.converge_at_once();
    let health = |world: &World| {
        let report = report(
            &world.desired(),
            &world.observe(),
            world.reconciler.retries(),
        );
        let app = report.apps.into_iter().find(|app| app.id == id("web"));
        app.map(|app| (app.state, app.message())).unwrap()
    };
    assert_eq!(
        health(&world),
        (State::Degraded, "no space left".to_owned())
    );
    world.now += Duration::from_secs(10);
    assert_eq!(world.lines(), ["keep web as granted"]);
    world.converge();
    assert_eq!(health(&world).0, State::Ready);
}
