//! Networks of version 0.1.0, or changed by hand: when they are made anew, and what is never
//! stopped for that.

use super::*;
use crate::observed::PodmanNetwork;
use crate::plan::renewal::restarted_with;

/// The app `web` at rest on a network that is not isolated.
fn open() -> World {
    let mut world = World::converged();
    world.open_network("archy-web");
    world.converge();
    world
}

/// The same with `top`, which uses what `web` exports, and whose network is isolated.
fn open_with_top() -> World {
    let mut world = World::fresh();
    world.edit_definition("x-archipelago:\n", EXPORTING);
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.open_network("archy-web");
    world.open_network("archy-web-exports");
    world.converge();
    world
}

fn network(world: &World, name: &str) -> PodmanNetwork {
    world.podman.networks[name].clone()
}

/// Notes the restarts as `archipelago restart` does.
fn request_restart(world: &mut World, app: &str) {
    let desired = world.desired();
    let services = restarted_with(&desired, &world.host.memory, &id(app));
    for service in services {
        let run = world.host.invocations.get(service).cloned();
        let restarts = &mut world.host.memory.restarts;
        restarts.extend(run.map(|run| (service.to_owned(), run)));
    }
}

fn passes(world: &mut World) -> Vec<Vec<String>> {
    let mut passes = Vec::new();
    for _ in 0..PASSES_MAX {
        let lines = world.lines();
        if lines.is_empty() {
            return passes;
        }
        let step = |line: &String| !line.starts_with("remember");
        passes.push(lines.into_iter().filter(step).collect());
        world.pass_cut_at(usize::MAX);
    }
    panic!("it does not come to rest: {passes:#?}");
}

fn check(mut world: World, expected: &[&[&str]]) -> World {
    let passes = passes(&mut world);
    let acting: Vec<&Vec<String>> = passes.iter().filter(|pass| !pass.is_empty()).collect();
    assert_eq!(acting, expected);
    world
}

#[test]
fn what_runs_goes_on_and_podman_is_not_asked_again_and_again() {
    let mut world = open();
    assert_eq!(world.lines(), [""; 0]);
    assert!(!needs_podman(&world.desired(), &world.observe()));
    assert_eq!(
        world.host.memory.unisolated,
        BTreeSet::from(["archy-web".to_owned()])
    );
    // Nor is anything done when one of its containers ends and comes back.
    world.fail("archy-web-ui.service");
    let world = check(world, &[&["start archy-web-ui.service"]]);
    assert!(!network(&world, "archy-web").isolated);
}

#[test]
fn an_app_that_starts_from_nothing_starts_on_an_isolated_network() {
    let mut world = open();
    world.intend("web", WantedState::Stopped, false);
    let mut world = check(
        world,
        &[
            &[
                "check 4 units",
                "write archy-web-ui.container",
                "write archy-web.container",
                "reload",
                "stop archy-web-ui.service",
            ],
            &["stop archy-web.service"],
            &["remove network archy-web"],
        ],
    );
    world.intend("web", WantedState::Running, false);
    let world = check(
        world,
        &[&[
            "check 4 units",
            "write archy-web-ui.container",
            "write archy-web.container",
            "reload",
            "restart archy-web-network.service",
            "start archy-web-ui.service",
            "start archy-web.service",
        ]],
    );
    assert!(network(&world, "archy-web").isolated);
    assert_eq!(world.host.memory.unisolated, BTreeSet::new());
}

#[test]
fn the_network_of_an_app_whose_containers_all_ended_goes_before_they_start() {
    let mut world = open();
    for service in ["archy-web-ui.service", "archy-web.service"] {
        world.fail(service);
    }
    let world = check(
        world,
        &[
            &["remove network archy-web"],
            &[
                "restart archy-web-network.service",
                "start archy-web-ui.service",
                "start archy-web.service",
            ],
        ],
    );
    assert!(network(&world, "archy-web").isolated);
}

#[test]
fn a_restart_of_an_app_takes_it_into_isolation() {
    let mut world = open();
    request_restart(&mut world, "web");
    let world = check(
        world,
        &[
            &["stop archy-web-ui.service"],
            &["stop archy-web.service"],
            &["remove network archy-web"],
            &[
                "restart archy-web-network.service",
                "start archy-web-ui.service",
                "start archy-web.service",
            ],
        ],
    );
    assert!(network(&world, "archy-web").isolated);
}

/// Its unit changed before it had begun, or before a reload that is still due.
#[test]
fn a_service_that_began_after_its_restart_was_noted_stops_for_its_network() {
    for (noted, reload) in [("", false), ("an earlier run", true)] {
        let mut world = open();
        for service in ["archy-web-ui.service", "archy-web.service"] {
            let restarts = &mut world.host.memory.restarts;
            restarts.insert(service.to_owned(), noted.to_owned());
        }
        world.host.memory.reload = reload;
        world.converge();
        assert!(network(&world, "archy-web").isolated, "{noted:?}");
        let service = &world.host.services["archy-web.service"];
        assert!(service.is_up(), "{noted:?}");
    }
}

#[test]
fn a_restart_that_is_cut_short_goes_on_where_it_was() {
    for cut in 0..4 {
        for pass in 0..4 {
            let mut world = open();
            request_restart(&mut world, "web");
            for _ in 0..pass {
                world.pass_cut_at(usize::MAX);
            }
            world.pass_cut_at(cut);
            world.converge();
            assert!(
                network(&world, "archy-web").isolated,
                "{cut} of pass {pass}"
            );
            let service = &world.host.services["archy-web.service"];
            assert!(service.is_up(), "{cut} of pass {pass}");
        }
    }
}

#[test]
fn a_change_that_restarts_every_container_is_an_occasion_and_one_of_a_part_is_none() {
    let mut world = open();
    world.edit_definition("web:1", "web:2");
    world.edit_definition("ui:1", "ui:2");
    world.converge();
    assert!(network(&world, "archy-web").isolated);

    let mut world = open();
    world.edit_definition("web:1", "web:2");
    let passes = passes(&mut world);
    let is_stop = |line: &String| line.starts_with("stop");
    assert!(!passes.iter().flatten().any(is_stop), "{passes:#?}");
    assert!(!network(&world, "archy-web").isolated);
    assert!(world.started_with["archy-web.service"].contains("web:2"));
}

/// On an exports network are the containers of several apps.
#[test]
fn nothing_is_stopped_for_the_network_of_another_app() {
    let mut world = open_with_top();
    request_restart(&mut world, "top");
    let world = check(world, &[&["restart archy-top.service"]]);
    assert!(!network(&world, "archy-web-exports").isolated);
}

#[test]
fn a_restart_of_an_app_restarts_those_that_would_keep_its_network_as_it_is() {
    let mut world = open_with_top();
    request_restart(&mut world, "web");
    let world = check(
        world,
        &[
            &["stop archy-top.service", "stop archy-web-ui.service"],
            &["stop archy-web.service"],
            &[
                "remove network archy-web",
                "remove network archy-web-exports",
            ],
            &[
                "restart archy-web-exports-network.service",
                "restart archy-web-network.service",
                "start archy-web-ui.service",
                "start archy-web.service",
            ],
            &["start archy-top.service"],
        ],
    );
    for name in ["archy-web", "archy-web-exports", "archy-top"] {
        assert!(network(&world, name).isolated, "{name}");
    }
    // Once all is isolated, a restart is that of one app again.
    assert_eq!(
        restarted_with(&world.desired(), &world.host.memory, &id("web")),
        BTreeSet::from(["archy-web-ui.service", "archy-web.service"])
    );
}

#[test]
fn a_network_on_which_somebody_else_is_stays() {
    let mut world = open();
    let network = world.podman.networks.get_mut("archy-web").unwrap();
    network.containers.insert("mine".to_owned());
    request_restart(&mut world, "web");
    check(
        world,
        &[&["restart archy-web-ui.service", "restart archy-web.service"]],
    );
}

#[test]
fn a_network_that_is_not_ours_stays() {
    let mut world = open();
    for service in ["archy-web-ui.service", "archy-web.service"] {
        world.fail(service);
    }
    world.podman.networks.get_mut("archy-web").unwrap().owner = None;
    check(world, &[]);
}

#[test]
fn a_removal_that_failed_does_not_keep_the_app_down() {
    let mut world = open();
    for service in ["archy-web-ui.service", "archy-web.service"] {
        world.fail(service);
    }
    let (desired, plan) = (world.desired(), world.plan());
    let outcomes: Vec<Outcome> = plan
        .actions
        .iter()
        .map(|action| match action.app_step() {
            Some(AppStep::RemoveNetwork(_)) => {
                Outcome::Failed(Cause::Podman("it is in use".to_owned()))
            }
            _ => Outcome::Done,
        })
        .collect();
    assert!(outcomes.iter().any(|outcome| *outcome != Outcome::Done));
    world
        .reconciler
        .finished(&desired, &plan, &outcomes, world.now);
    world.now += Duration::from_secs(1);
    check(
        world,
        &[&["start archy-web-ui.service", "start archy-web.service"]],
    );
}
