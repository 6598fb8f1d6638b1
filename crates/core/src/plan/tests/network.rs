//! A helper of the containers' networks is gone, or the process that forwards their ports.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::lines::*;
use super::world::*;
use crate::cause::Cause;
use crate::health::{State, report};
use crate::intent::WantedState;
use crate::network::{CLOSED_FOR, PORT_RESTARTS_MAX};
use crate::observed::Helper;
use crate::plan::*;
use crate::reconcile::Outcome;

const UI: &str = "archy-web-ui.service";

fn lose(world: &mut World, helper: Helper) {
    world.host.network.gone.insert(helper);
    world.host.network.members = ["archy-theirs", "archy-web", "archy-web-ui"]
        .map(str::to_owned)
        .into();
}

fn state(world: &World) -> (State, String) {
    let report = report(
        &world.desired(),
        &world.observe(),
        world.reconciler.retries(),
    );
    (report.apps[0].state, report.apps[0].message())
}

#[test]
fn a_helper_that_is_gone_is_started_again_without_a_restart_of_containers() {
    for helper in [Helper::Resolver, Helper::Uplink] {
        let mut world = World::converged();
        lose(&mut world, helper);
        let (degraded, message) = state(&world);
        assert_eq!(degraded, State::Degraded);
        assert!(message.starts_with(helper.loss()), "{message}");
        assert_eq!(world.lines(), ["reload networks of archy-web"]);
        world.pass_cut_at(usize::MAX);
        assert_eq!(world.lines(), [""; 0]);
        assert_eq!(state(&world), (State::Ready, String::new()));
        assert!(world.reconciler.retries().is_empty());
    }
}

#[test]
fn one_that_stays_away_is_tried_less_and_less_often_with_all_containers_and_told() {
    let mut world = World::converged();
    lose(&mut world, Helper::Resolver);
    let mut tried = Vec::new();
    for second in 0..80 {
        let (desired, plan, now) = (world.desired(), world.plan(), world.now);
        let outcomes =
            vec![Outcome::Failed(Cause::Podman("no such file".to_owned())); plan.actions.len()];
        let lines = plan.actions.iter().map(brief);
        tried.extend(lines.map(|line| (second, line)));
        world
            .reconciler
            .finished(&desired, &plan, &outcomes, world.now);
        world.now = now + Duration::from_secs(1);
    }
    let all = || "reload networks of archy-web archy-web-ui".to_owned();
    assert_eq!(
        tried,
        [
            (0, "reload networks of archy-web".to_owned()),
            (10, all()),
            (30, all()),
            (70, all())
        ]
    );
    let told = format!(
        "{}; starting it again failed: no such file",
        Helper::Resolver.loss()
    );
    assert_eq!(state(&world), (State::Degraded, told));
    // The operator need not wait.
    let desired = world.desired();
    world.reconciler.retry_now(&desired, &id("web"));
    assert_eq!(world.lines(), [all()]);
}

#[test]
fn a_helper_is_missed_only_by_what_runs_on_its_networks() {
    let mut world = World::converged();
    lose(&mut world, Helper::Resolver);
    world.host.network.members = ["archy-theirs".to_owned()].into();
    assert_eq!(world.lines(), [""; 0]);
    assert_eq!(state(&world).0, State::Ready);
    lose(&mut world, Helper::Resolver);
    world.intend("web", WantedState::Stopped, false);
    for _ in 0..PASSES_MAX {
        world.pass_cut_at(usize::MAX);
    }
    lose(&mut world, Helper::Resolver);
    assert_eq!(world.lines(), [""; 0]);
    assert_eq!(state(&world).0, State::Stopped);
}

fn close(world: &mut World) {
    let address = SocketAddr::from(([127, 0, 0, 1], 8080));
    let closed = &mut world.host.network.closed;
    closed.insert(UI.to_owned(), [address].into());
}

/// Passes for so many seconds, two each second. Returns when something was done, in half seconds.
fn acted(world: &mut World, seconds: u32) -> Vec<u32> {
    let mut acted = Vec::new();
    for half in 0..2 * seconds {
        let now = world.now;
        let plan = world.pass_cut_at(usize::MAX);
        if !plan.is_empty() {
            let lines: Vec<String> = plan.actions.iter().map(brief).collect();
            assert_eq!(lines, [format!("restart {UI}")]);
            assert_eq!(*plan.actions[0].reason(), Reason::PortsClosed);
            acted.push(half);
        }
        world.now = now + Duration::from_millis(500);
    }
    acted
}

#[test]
fn a_container_whose_ports_nobody_listens_on_is_restarted_and_only_a_few_times() {
    assert_eq!(CLOSED_FOR, Duration::from_secs(1));
    let mut world = World::converged();
    close(&mut world);
    assert_eq!(acted(&mut world, 600), [2, 22, 62]);
    assert_eq!(PORT_RESTARTS_MAX, 3);
    let told = "nothing listens on 127.0.0.1:8080, which archy-web-ui.service publishes, though it was restarted for that; \
        see: journalctl --user -u archy-web-ui.service";
    assert_eq!(state(&world), (State::Degraded, told.to_owned()));
    world.host.network.closed.clear();
    assert_eq!(acted(&mut world, 1), [0; 0]);
    assert_eq!(state(&world), (State::Ready, String::new()));
    assert!(world.reconciler.retries().is_empty());
    // Nothing is kept in mind of an app that is gone.
    close(&mut world);
    acted(&mut world, 2);
    world.host.network.closed.clear();
    world.intend("web", WantedState::Removed, false);
    world.converge();
    assert!(world.reconciler.retries().is_empty());
}

#[test]
fn ports_that_are_closed_for_a_moment_are_no_reason() {
    let mut world = World::converged();
    for _ in 0..5 {
        close(&mut world);
        assert_eq!(acted(&mut world, 1), [0; 0]);
        assert_eq!(state(&world), (State::Ready, String::new()));
        world.host.network.closed.clear();
        assert_eq!(acted(&mut world, 1), [0; 0]);
    }
    // Nor what ends meanwhile.
    close(&mut world);
    acted(&mut world, 1);
    world.host.network.closed.clear();
    world.stop(UI);
    world.converge_at_once();
    close(&mut world);
    assert_eq!(acted(&mut world, 1), [0; 0]);
}

#[test]
fn what_the_operator_changed_may_publish_other_ports() {
    let mut world = World::converged();
    close(&mut world);
    let drop_in = PathBuf::from("/units/archy-web-ui.container.d/ports.conf");
    let drop_ins = &mut world.host.drop_ins;
    drop_ins.insert(UI.to_owned(), [drop_in].into());
    assert_eq!(acted(&mut world, 60), [0; 0]);
    assert_eq!(state(&world), (State::Ready, String::new()));
}
