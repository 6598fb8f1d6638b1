//! Each disturbance is repaired, and nothing else is touched.

use super::*;
use crate::quadlet::VERSION;

#[test]
fn a_deleted_unit_comes_back_without_a_restart() {
    let written: &[&str] = &[
        "check 4 units",
        "remember reload",
        "write archy-web-ui.container",
        "reload",
        "remember",
    ];
    check(
        |world| drop(world.host.unit_files.remove("archy-web-ui.container")),
        &[written],
    );
    // The same when its service was already forgotten by systemd: then it must be started.
    check(
        |world| {
            world.host.unit_files.remove("archy-web-ui.container");
            world.stop("archy-web-ui.service");
            world.reload();
        },
        &[
            &[
                "check 4 units",
                "remember reload",
                "write archy-web-ui.container",
                "reload",
                "remember",
                "start archy-web-ui.service",
            ],
            &["remember"],
        ],
    );
}

/// Found by the property below: the unit changed while neither the disk nor systemd knew what the
/// service runs with.
#[test]
fn a_service_whose_unit_nobody_remembers_is_restarted() {
    let mut world = World::converged();
    for disturbance in [
        Disturbance::DeleteUnit(2),
        Disturbance::Reload,
        Disturbance::Update(2),
    ] {
        world.disturb(&disturbance);
    }
    world.converge();
    let started_with = &world.started_with["archy-web.service"];
    assert!(started_with.contains("web:2"), "{started_with}");
}

#[test]
fn an_edited_unit_restarts_its_service_and_no_other() {
    let mut world = World::converged();
    let invocation = world.host.invocations["archy-web.service"].clone();
    world.replace("archy-web.container", "Pull=never", "Pull=always");
    let remember = format!("remember reload archy-web.service@{invocation}");
    let still = format!("remember archy-web.service@{invocation}");
    check_passes(
        world,
        &[
            &[
                "check 4 units",
                &remember,
                "write archy-web.container",
                "reload",
                &still,
                "restart archy-web.service",
            ],
            &["remember"],
        ],
    );
}

#[test]
fn a_service_that_rests_is_started_and_nothing_else() {
    // Podman was asked, and only the container is missing.
    let down: &[&str] = &["remember", "start archy-web.service"];
    check(
        |world| world.stop("archy-web.service"),
        &[down, &["remember"]],
    );
    check(
        |world| world.fail("archy-web.service"),
        &[down, &["remember"]],
    );
    // systemd is at it already.
    for busy in [
        service(Active::Activating, "auto-restart"),
        service(Active::Deactivating, "stop-sigterm"),
    ] {
        check(
            |world| {
                drop(
                    world
                        .host
                        .services
                        .insert("archy-web.service".to_owned(), busy),
                )
            },
            &[],
        );
    }
    let queued = Service {
        job: Some(Job::Other),
        ..service(Active::Inactive, "dead")
    };
    check(
        |world| {
            drop(
                world
                    .host
                    .services
                    .insert("archy-web.service".to_owned(), queued),
            )
        },
        &[],
    );
}

#[test]
fn what_podman_lost_is_made_again() {
    check(
        |world| drop(world.podman.images.remove("docker.io/library/web:1")),
        &[&["ensure image docker.io/library/web:1"]],
    );
    check(
        |world| drop(world.podman.networks.remove("archy-web")),
        &[&["restart archy-web-network.service"]],
    );
    check(
        |world| drop(world.podman.volumes.remove("archy-web-data")),
        &[&["restart archy-web-data-volume.service"]],
    );
    check(
        |world| drop(world.podman.secrets.remove("archy-web-token")),
        &[&["store secret archy-web-token"]],
    );
    // It is there, but holds what the secret was before.
    check(
        |world| {
            let older = Some((id("web"), "older".to_owned()));
            world
                .podman
                .secrets
                .insert("archy-web-token".to_owned(), older);
        },
        &[&["store secret archy-web-token"]],
    );
}

#[test]
fn a_rendered_file_comes_back_and_a_reader_of_an_edited_one_restarts() {
    let path = PathBuf::from("/data/archy-web-ui/ui.conf");
    // The container still has the right content mounted.
    let harmless: [fn(&mut World, &Path); 2] = [
        |world, path| drop(world.host.files.remove(path)),
        |world, path| world.host.files.get_mut(path).unwrap().mode = 0o644,
    ];
    for change in harmless {
        check(
            |world| change(world, &path),
            &[&["write file archy-web-ui/ui.conf"]],
        );
    }
    let mut world = World::converged();
    let invocation = world.host.invocations["archy-web-ui.service"].clone();
    world.host.files.get_mut(&path).unwrap().content.push(b'x');
    let remember = format!("remember archy-web-ui.service@{invocation}");
    check_passes(
        world,
        &[
            &[
                &remember,
                "write file archy-web-ui/ui.conf",
                "restart archy-web-ui.service",
            ],
            &["remember"],
        ],
    );
}

/// Its health check has not succeeded yet, and may never: systemd's job goes on.
#[test]
fn what_is_still_starting_with_something_older_is_not_waited_for() {
    let name = "archy-web-ui.service";
    let starting = || {
        let mut world = World::converged();
        let starting = Service {
            job: Some(Job::Other),
            ..service(Active::Activating, "start")
        };
        world.host.services.insert(name.to_owned(), starting);
        world
    };
    assert_eq!(starting().lines(), [""; 0]);
    // A service that has not begun yet will read the new file.
    let mut queued = starting();
    queued.host.invocations.remove(name);
    queued
        .host
        .memory
        .restarts
        .insert(name.to_owned(), String::new());
    assert_eq!(queued.lines(), [""; 0]);

    let mut world = starting();
    let invocation = world.host.invocations[name].clone();
    let path = PathBuf::from("/data/archy-web-ui/ui.conf");
    world.host.files.get_mut(&path).unwrap().content.push(b'x');
    let remember = format!("remember {name}@{invocation}");
    check_passes(
        world,
        &[
            &[
                &remember,
                "write file archy-web-ui/ui.conf",
                "restart archy-web-ui.service",
            ],
            &["remember"],
        ],
    );
}

#[test]
fn a_service_that_came_up_again_before_the_reload_is_still_restarted() {
    let mut world = World::converged();
    world.edit_definition("ports: ['8080:80']", "ports: ['8081:80']");
    let written = |action: &Action| matches!(action.app_step(), Some(AppStep::WriteUnit { .. }));
    let plan = world.plan();
    let cut = plan.actions.iter().rposition(written).unwrap() + 1;
    world.pass_cut_at(cut);
    // systemd brought it up by itself, with the unit that it knew.
    let old = world.started_with["archy-web-ui.service"].clone();
    world.restart("archy-web-ui.service");
    world
        .started_with
        .insert("archy-web-ui.service".to_owned(), old);
    assert!(
        world
            .lines()
            .contains(&"restart archy-web-ui.service".to_owned())
    );
}

#[test]
fn a_unit_of_another_version_is_rewritten_without_a_restart() {
    check(
        |world| {
            world.replace(
                "archy-web.container",
                &format!("Version={VERSION}"),
                "Version=0.0.1",
            )
        },
        &[&[
            "check 4 units",
            "remember reload",
            "write archy-web.container",
            "reload",
            "remember",
        ]],
    );
}

#[test]
fn a_running_service_keeps_its_unit_until_the_image_of_the_new_one_is_here() {
    let mut world = World::converged();
    let invocation = world.host.invocations["archy-web.service"].clone();
    world.edit_definition("web:1", "web:2");
    let before = format!("remember reload archy-web.service@{invocation}");
    let after = format!("remember archy-web.service@{invocation}");
    check_passes(
        world,
        &[
            &["ensure image docker.io/library/web:2"],
            &[
                "check 4 units",
                &before,
                "write archy-web.container",
                "reload",
                &after,
                "restart archy-web.service",
            ],
            &["remember"],
        ],
    );
}

#[test]
fn an_image_that_two_services_share_is_fetched_once() {
    let mut world = World::converged();
    let text = "services: {one: {image: shared}, two: {image: shared}}\n";
    world.install("twice", &[(COMPOSE_FILE, text)]);
    let shared = |line: &&String| *line == "ensure image docker.io/library/shared:latest";
    assert_eq!(world.lines().iter().filter(shared).count(), 1);
}

#[test]
fn only_so_many_services_come_up_at_once() {
    let mut world = World::converged();
    for service in ["archy-web.service", "archy-web-ui.service"] {
        world.stop(service);
    }
    let desired = world.desired();
    let mut observed = world.observe();
    observed.starts_max = 4;
    let now = Duration::from_secs(100);
    let mut retries = Retries::default();
    let coming_up = Service {
        load: Load::Loaded,
        active: Active::Activating,
        sub: "start".into(),
        job: Some(Job::Other),
        failure: None,
        began: None,
    };
    let name = |number: usize| format!("archy-other{number}.service");
    for number in 0..4 {
        observed.services.insert(name(number), coming_up.clone());
        retries.attempted(Subject::Start(name(number)), None, now);
    }
    // How many are started, and when the next pass is due at the latest.
    let starts = |observed: &Observed, retries: &Retries, now| {
        let plan = plan(&desired, observed, retries, now);
        let starts = |action: &&Action| matches!(action.app_step(), Some(AppStep::Start(_)));
        (plan.actions.iter().filter(starts).count(), plan.wake_at)
    };
    let soon = Some(now + STARTING);
    assert_eq!(starts(&observed, &retries, now), (0, soon));
    // One has come up: one of two is next.
    observed.services.remove(&name(0));
    assert_eq!(starts(&observed, &retries, now), (1, soon));
    // Somebody else's start is none of ours.
    retries.worked(&Subject::Start(name(1)));
    assert_eq!(starts(&observed, &retries, now).0, 2);
    // A service that systemd is about to restart is not coming up.
    retries.attempted(Subject::Start(name(1)), None, now);
    observed.services.get_mut(&name(2)).unwrap().sub = SubState::AutoRestart;
    assert_eq!(starts(&observed, &retries, now).0, 2);
    // A service that has been starting for long waits for its health check.
    observed.starts_max = 0;
    assert_eq!(starts(&observed, &retries, now), (0, soon));
    assert_eq!(
        starts(&observed, &retries, now + STARTING).0,
        1,
        "there is always a turn"
    );
}
