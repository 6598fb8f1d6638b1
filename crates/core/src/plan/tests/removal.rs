//! Apps that are to rest or to go.

use super::*;

#[test]
fn stopping_stops_the_companions_first() {
    let mut world = World::converged();
    world.intend("web", WantedState::Stopped, false);
    let runs = |service: &str| format!("{service}@{}", world.host.invocations[service]);
    let (ui, web) = (runs("archy-web-ui.service"), runs("archy-web.service"));
    let (before, after) = (
        format!("remember reload {ui} {web}"),
        format!("remember {ui} {web}"),
    );
    let rest = format!("remember {web}");
    check_passes(
        world,
        &[
            &[
                "check 4 units",
                &before,
                "write archy-web-ui.container",
                "write archy-web.container",
                "reload",
                &after,
                "stop archy-web-ui.service",
            ],
            &[&rest, &rest, "stop archy-web.service"],
            &["remember", "remember"],
        ],
    );
}

#[test]
fn an_app_that_should_rest_needs_no_image() {
    check(
        |world| {
            world.intend("web", WantedState::Stopped, false);
            world.converge();
            world.podman.images.clear();
        },
        &[&["remember"]],
    );
}

#[test]
fn a_removal_goes_stage_by_stage() {
    let stages: [&[&str]; 4] = [
        &["stop archy-web-ui.service"],
        &["stop archy-web.service"],
        &[
            "stop archy-web-data-volume.service",
            "stop archy-web-network.service",
        ],
        &[
            "remember reload",
            "remove rendered files of archy-web-ui",
            "remove rendered files of archy-web",
            "remove archy-web-data.volume",
            "remove archy-web-ui.container",
            "remove archy-web.container",
            "remove archy-web.network",
            "reload",
            "remember",
        ],
    ];
    let objects: &[&str] = &[
        "remove network archy-web",
        "remove volume archy-web-data",
        "remove secret archy-web-token",
    ];
    check(
        |world| world.intend("web", WantedState::Removed, false),
        &[
            stages[0],
            stages[1],
            stages[2],
            stages[3],
            objects,
            &["remember", "forget web"],
        ],
    );
    check(
        |world| {
            world
                .podman
                .images
                .insert("localhost/archy-web:1".to_owned(), Some(id("web")));
            world.intend("web", WantedState::Removed, true);
        },
        &[
            stages[0],
            stages[1],
            stages[2],
            stages[3],
            &[objects, &["remove image localhost/archy-web:1"]].concat(),
            &["remember", "remove data of web", "forget web"],
        ],
    );
    // Podman does not answer: nothing is forgotten before it is known to be gone.
    let mut world = World::fresh();
    world.intend("web", WantedState::Removed, false);
    let mut observed = world.observe();
    observed.podman = Podman::Unreachable(Unreachable::Refused("no socket".to_owned()));
    let plan = plan(&world.desired(), &observed, &Retries::default(), world.now);
    let steps: Vec<String> = plan.actions.iter().map(brief).collect();
    assert_eq!(steps, ["restart podman.socket"]);
}

#[test]
fn an_app_that_another_needs_stays() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.intend("web", WantedState::Removed, false);
    assert_eq!(world.lines(), [""; 0]);
    world.intend("top", WantedState::Removed, false);
    world.converge();
    assert!(
        world.inputs.intents.is_empty()
            && world.host.unit_files.is_empty()
            && world.podman.containers.is_empty()
    );
}

#[test]
fn a_unit_that_the_definition_no_longer_has_goes() {
    let mut world = World::converged();
    world.edit_definition("    volumes: [data:/data]\n", "");
    world.edit_definition("volumes:\n  data:\n", "");
    world.converge();
    assert!(!world.host.unit_files.contains_key("archy-web-data.volume"));
    assert!(world.host.services["archy-web.service"].is_up());
}

#[test]
fn what_stops_already_is_not_told_to_again() {
    let queued = Service {
        job: Some(Job::Stop),
        ..service(Active::Active, "running")
    };
    for stopping in [service(Active::Deactivating, "stop-sigterm"), queued] {
        let mut world = World::converged();
        world.intend("web", WantedState::Stopped, false);
        let services = &mut world.host.services;
        services.insert("archy-web-ui.service".to_owned(), stopping);
        // Nor is what comes after it, before it rests.
        let stops = |line: &String| line.starts_with("stop ");
        assert!(!world.lines().iter().any(stops), "{:?}", world.lines());
    }
}

#[test]
fn what_a_stopped_app_has_lost_is_made_when_it_is_started() {
    let mut world = World::converged();
    world.intend("web", WantedState::Stopped, false);
    world.converge();
    world.podman.networks.remove("archy-web");
    world.podman.volumes.remove("archy-web-data");
    world.host.fingerprint = Some("pruned".to_owned());
    assert!(
        world
            .lines()
            .iter()
            .all(|line| line.starts_with("remember")),
        "{:?}",
        world.lines()
    );
    world.converge();
    world.intend("web", WantedState::Running, false);
    world.converge();
    assert!(world.podman.networks.contains_key("archy-web"));
    assert!(world.podman.volumes.contains_key("archy-web-data"));
}

#[test]
fn an_app_whose_unit_files_are_gone_is_still_stopped_before_it_is_removed() {
    check_first(
        |world| {
            world.host.unit_files.clear();
            world.intend("web", WantedState::Removed, false);
        },
        &[
            &["stop archy-web-ui.service"],
            &["stop archy-web.service"],
            &[
                "stop archy-web-data-volume.service",
                "stop archy-web-network.service",
            ],
            &[
                "remove rendered files of archy-web-ui",
                "remove rendered files of archy-web",
                "reload",
            ],
        ],
    );
}
