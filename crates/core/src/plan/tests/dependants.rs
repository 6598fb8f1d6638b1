//! Apps that require each other.

use super::*;

#[test]
fn an_app_is_started_once_what_it_requires_is_up() {
    let mut world = World::converged();
    world.intend("web", WantedState::Stopped, false);
    world.converge();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    let is_up = |world: &World| {
        let service = world.host.services.get("archy-top.service");
        service.is_some_and(Service::is_up)
    };
    assert!(!is_up(&world));
    assert!(world.host.unit_files.contains_key("archy-top.container"));
    assert!(
        matches!(world.observe().podman, Podman::Unasked),
        "an app that waits is no reason to wake Podman"
    );
    world.intend("web", WantedState::Running, false);
    assert!(
        !world
            .lines()
            .contains(&"start archy-top.service".to_owned())
    );
    world.converge();
    assert!(is_up(&world));
}

/// The services that the next pass starts, restarts and stops.
fn of_services(world: &mut World) -> Vec<String> {
    let mut lines = world.lines();
    lines.retain(|line| line.contains("start ") || line.starts_with("stop "));
    lines
}

#[test]
fn an_app_is_restarted_once_what_it_requires_has_come_back() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.stop("archy-web.service");
    assert_eq!(of_services(&mut world), ["start archy-web.service"]);
    world.pass_cut_at(usize::MAX);
    assert_eq!(of_services(&mut world), ["restart archy-top.service"]);
    world.converge();

    // A service that has ended meanwhile need not wait for systemd to try it again.
    world.stop("archy-web.service");
    let top = world.host.services.get_mut("archy-top.service").unwrap();
    (top.active, top.sub) = (Active::Activating, SubState::AutoRestart);
    let began = top.began;
    world.pass_cut_at(usize::MAX);
    assert_eq!(of_services(&mut world), ["restart archy-top.service"]);
    // But what has begun since has a fault of its own, or is about to come up.
    world
        .host
        .services
        .get_mut("archy-top.service")
        .unwrap()
        .began = Some(world.now);
    assert_eq!(of_services(&mut world), [""; 0]);
    world
        .host
        .services
        .get_mut("archy-top.service")
        .unwrap()
        .began = began;
    world
        .host
        .services
        .get_mut("archy-web.service")
        .unwrap()
        .active = Active::Activating;
    assert_eq!(
        of_services(&mut world),
        [""; 0],
        "it could not be reached yet"
    );
}

#[test]
fn an_app_rests_while_what_it_requires_is_stopped_or_masked() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    // It stops first, while it can still be heard.
    let first = ["stop archy-top.service", "stop archy-web-ui.service"];
    world.intend("web", WantedState::Stopped, false);
    let mut lines = of_services(&mut world);
    lines.sort();
    assert_eq!(lines, first);
    world.pass_cut_at(usize::MAX);
    let rests = world.host.services["archy-top.service"].clone();
    let stopping = Service {
        active: Active::Deactivating,
        ..rests.clone()
    };
    world
        .host
        .services
        .insert("archy-top.service".to_owned(), stopping);
    assert_eq!(of_services(&mut world), [""; 0]);
    world
        .host
        .services
        .insert("archy-top.service".to_owned(), rests);
    assert_eq!(of_services(&mut world), ["stop archy-web.service"]);
    world.converge();
    for service in ["archy-top.service", "archy-web.service"] {
        assert!(world.host.services[service].is_down(), "{service}");
    }
    world.intend("web", WantedState::Running, false);
    world.converge();
    assert!(world.host.services["archy-top.service"].is_up());

    // A mask stops nothing; once it rests, systemd could only try in vain.
    let masked = ("archy-web.service".to_owned(), Override::Masked);
    world.host.overrides.extend([masked]);
    assert_eq!(of_services(&mut world), [""; 0]);
    world.stop("archy-web.service");
    assert_eq!(of_services(&mut world), ["stop archy-top.service"]);
    // One until the next boot (`--runtime`) shows in what systemd has loaded alone.
    world.host.overrides.clear();
    world
        .host
        .services
        .get_mut("archy-web.service")
        .unwrap()
        .load = Load::Masked;
    assert_eq!(of_services(&mut world), ["stop archy-top.service"]);
}

#[test]
fn a_start_does_not_wait_for_an_app_that_takes_its_time_to_stop() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    let slow = world.host.services.get_mut("archy-top.service").unwrap();
    (slow.active, slow.job) = (Active::Deactivating, Some(Job::Other));
    let cancelled = ["cancel job of archy-top.service"];
    let with_base = |world: &mut World, active, sub: &str, job| {
        let base = Service {
            job,
            ..service(active, sub)
        };
        world
            .host
            .services
            .insert("archy-web.service".to_owned(), base);
        let mut lines = world.lines();
        lines.retain(|line| line.starts_with("cancel"));
        lines
    };
    let start = Some(Job::Other);
    assert_eq!(
        with_base(&mut world, Active::Activating, "auto-restart-queued", start),
        cancelled
    );
    assert_eq!(
        with_base(&mut world, Active::Inactive, "dead", start),
        cancelled
    );
    assert_eq!(
        with_base(&mut world, Active::Failed, "failed", start),
        cancelled
    );
    // Here it holds up nobody.
    assert_eq!(
        with_base(&mut world, Active::Activating, "start", start),
        [""; 0]
    );
    assert_eq!(
        with_base(&mut world, Active::Activating, "auto-restart", None),
        [""; 0]
    );
    assert_eq!(
        with_base(&mut world, Active::Active, "running", None),
        [""; 0]
    );
    assert_eq!(
        with_base(&mut world, Active::Inactive, "dead", Some(Job::Stop)),
        [""; 0]
    );
    with_base(&mut world, Active::Inactive, "dead", start);
    world.pass_cut_at(usize::MAX);
    assert_eq!(
        with_base(&mut world, Active::Inactive, "dead", start),
        [""; 0],
        "it has no job any more"
    );
}

#[test]
fn what_requires_an_app_that_rests_for_another_rests_too() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    let roof = ON_TOP.replace("top", "roof").replace("[web]", "[top]");
    world.install("roof", &[(COMPOSE_FILE, &roof)]);
    world.converge();
    world.intend("web", WantedState::Stopped, false);
    world.pass_cut_at(usize::MAX);
    assert_eq!(
        of_services(&mut world),
        ["stop archy-top.service"],
        "from above"
    );
    world.pass_cut_at(usize::MAX);
    assert_eq!(of_services(&mut world), ["stop archy-web.service"]);
    world.converge();
    let starts_at_boot = |world: &World, unit: &str| {
        let file = String::from_utf8_lossy(&world.host.unit_files[unit]).into_owned();
        file.contains("\nWantedBy=default.target")
    };
    for unit in ["archy-top.container", "archy-roof.container"] {
        assert!(
            !starts_at_boot(&world, unit),
            "{unit} would look for it in vain"
        );
    }
    world.intend("web", WantedState::Running, false);
    world.converge();
    for unit in ["archy-web", "archy-top", "archy-roof"] {
        assert!(world.host.services[&format!("{unit}.service")].is_up());
        assert!(starts_at_boot(&world, &format!("{unit}.container")));
    }
}

#[test]
fn what_ends_again_and_again_for_want_of_another_app_is_started_once_that_is_there() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.fail("archy-web.service");
    let top = |world: &mut World, restarts| {
        let top = world.host.services.get_mut("archy-top.service").unwrap();
        (top.active, top.sub) = (Active::Activating, SubState::AutoRestart);
        top.failure = Some(Failure {
            restarts,
            ..Failure::default()
        });
        let mut lines = of_services(world);
        lines.retain(|line| line.contains("archy-top.service"));
        lines
    };
    assert_eq!(top(&mut world, 1), [""; 0], "systemd may try once more");
    assert_eq!(top(&mut world, 2), ["stop archy-top.service"]);
    world.converge();
    assert!(world.host.services["archy-top.service"].is_up());

    // While that one is up, it is systemd's to try.
    assert_eq!(top(&mut world, 9), [""; 0]);
}

#[test]
fn a_stop_does_not_wait_for_an_app_that_cannot_be_stopped() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.intend("web", WantedState::Stopped, false);
    world.podman.containers.insert("archy-top".to_owned(), None);
    world.pass_cut_at(usize::MAX);
    assert_eq!(of_services(&mut world), ["stop archy-web.service"]);
}

#[test]
fn an_app_whose_network_has_failed_is_not_refused_for_that() {
    let mut world = World::fresh();
    world.edit_definition("x-archipelago:\n", EXPORTING);
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    // Somebody else has the name of a unit of the app that is required, so none of that app's is
    // written.
    *world.unit("archy-web.container") = b"[Container]".to_vec();
    for unit in ["archy-web-exports.network", "archy-top.container"] {
        world.host.unit_files.remove(unit);
    }
    assert_eq!(world.lines(), [""; 0]);
    let desired = world.desired();
    let report = report(&desired, &world.observe(), world.reconciler.retries());
    let told = report.apps.iter().find(|app| app.id == id("top")).unwrap();
    assert_eq!(
        told.message(),
        "because web has failed; the units of top can be written only after those of web"
    );
    world.host.unit_files.remove("archy-web.container");
    world.converge();
    assert!(world.host.unit_files.contains_key("archy-top.container"));
}
