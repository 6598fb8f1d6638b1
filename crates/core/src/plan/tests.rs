//! What is planned, case by case.

mod contention;
mod data_folder;
mod disturbed;
mod images;
mod refused;
mod renewal;
mod world;

use std::path::{Path, PathBuf};

use crate::action::Step;
use crate::health::report;
use crate::image_facts::{ImageState, KnownImages};
use crate::intent::Goal;
use crate::manifest::COMPOSE_FILE;
use crate::observed::{
    Active, Failure, Job, Load, Override, Podman, PodmanNetwork, Service, needs_podman,
};
use crate::pass::{Run, Scene};
use crate::plan::*;
use crate::reconcile::Outcome;
use disturbed::Disturbance;
use world::*;

/// What is planned pass by pass, after something happened to a world at rest; after the last of them nothing is left to do.
fn check(happened: impl FnOnce(&mut World), passes: &[&[&str]]) {
    let mut world = World::at_rest();
    happened(&mut world);
    check_passes(world, passes);
}

/// Only the first passes; others follow.
fn check_first(happened: impl FnOnce(&mut World), passes: &[&[&str]]) {
    let mut world = World::at_rest();
    happened(&mut world);
    for expected in passes {
        assert_eq!(world.lines(), *expected);
        world.pass_cut_at(usize::MAX);
    }
}

fn check_passes(mut world: World, passes: &[&[&str]]) {
    for expected in passes {
        assert_eq!(world.lines(), *expected);
        world.pass_cut_at(usize::MAX);
    }
    assert_eq!(world.lines(), [""; 0], "after the expected passes");
}

#[test]
fn a_fresh_install_goes_from_secrets_to_started_services() {
    check_passes(
        World::fresh(),
        &[
            &["generate secret web/token"],
            &[
                "make folder volumes/web/data",
                "ensure image docker.io/library/ui:1",
                "ensure image docker.io/library/web:1",
                "check 4 units",
                "remember reload",
                "write file archy-web-ui/ui.conf",
                "store secret archy-web-token",
                "write archy-web-data.volume",
                "write archy-web-ui.container",
                "write archy-web.container",
                "write archy-web.network",
                "reload",
                "remember",
            ],
            &[
                "remember",
                "start archy-web-ui.service",
                "start archy-web.service",
            ],
            &["remember"],
        ],
    );
}

#[test]
fn a_world_at_rest_needs_nothing_and_podman_is_not_asked() {
    let mut world = World::at_rest();
    assert_eq!(world.lines(), [""; 0]);
    assert!(!needs_podman(&world.desired(), &world.observe()));
    // Something of Podman's changed: it is asked, and remembered that all is there.
    world
        .podman
        .images
        .insert("docker.io/library/other:1".to_owned(), None);
    assert!(needs_podman(&world.desired(), &world.observe()));
    check_passes(world, &[&["remember"]]);
}

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

/// Found by the property below: the unit changed while neither the disk nor systemd knew what the service runs with.
#[test]
fn a_service_whose_unit_nobody_remembers_is_restarted() {
    let mut world = World::at_rest();
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
    let mut world = World::at_rest();
    let running = world.host.invocations["archy-web.service"].clone();
    world.replace("archy-web.container", "Pull=never", "Pull=always");
    let remember = format!("remember reload archy-web.service@{running}");
    let still = format!("remember archy-web.service@{running}");
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
    // What Podman has was looked at, and is as it should be but for the container.
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
    // What the container has mounted is still the right content.
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
    let mut world = World::at_rest();
    let running = world.host.invocations["archy-web-ui.service"].clone();
    world.host.files.get_mut(&path).unwrap().content.push(b'x');
    let remember = format!("remember archy-web-ui.service@{running}");
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
        let mut world = World::at_rest();
        let starting = Service {
            job: Some(Job::Other),
            ..service(Active::Activating, "start")
        };
        world.host.services.insert(name.to_owned(), starting);
        world
    };
    assert_eq!(starting().lines(), [""; 0]);
    // What has not begun yet will read what is there then.
    let mut queued = starting();
    queued.host.invocations.remove(name);
    queued
        .host
        .memory
        .restarts
        .insert(name.to_owned(), String::new());
    assert_eq!(queued.lines(), [""; 0]);

    let mut world = starting();
    let running = world.host.invocations[name].clone();
    let path = PathBuf::from("/data/archy-web-ui/ui.conf");
    world.host.files.get_mut(&path).unwrap().content.push(b'x');
    let remember = format!("remember {name}@{running}");
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
fn a_mask_is_the_operators_word() {
    check(
        |world| {
            world.stop("archy-web-ui.service");
            world
                .host
                .overrides
                .insert("archy-web-ui.service".to_owned(), Override::Masked);
        },
        &[&["remember"]],
    );
    check(
        |world| {
            world
                .host
                .services
                .get_mut("archy-web-ui.service")
                .unwrap()
                .load = Load::Masked
        },
        &[],
    );
}

#[test]
fn what_belongs_to_someone_else_is_not_touched() {
    fn of_other() -> PodmanNetwork {
        PodmanNetwork {
            owner: Some(id("other")),
            ..PodmanNetwork::default()
        }
    }
    let foreign: [fn(&mut World); 6] = [
        |world| {
            drop(
                world
                    .podman
                    .secrets
                    .insert("archy-web-token".to_owned(), None),
            )
        },
        |world| {
            drop(world.host.unit_files.insert(
                "archy-web.container".to_owned(),
                b"[Container]\nImage=x\n".to_vec(),
            ))
        },
        |world| drop(world.podman.containers.insert("archy-web".to_owned(), None)),
        |world| {
            drop(
                world
                    .podman
                    .networks
                    .insert("archy-web".to_owned(), of_other()),
            )
        },
        |world| {
            drop(
                world
                    .podman
                    .volumes
                    .insert("archy-web-data".to_owned(), None),
            )
        },
        |world| {
            let name = "archy-web.service".to_owned();
            world.host.overrides.insert(name, Override::Foreign);
        },
    ];
    for take in foreign {
        let mut world = World::fresh();
        world.apply(&Step::GenerateSecret {
            app: id("web"),
            name: "token".to_owned(),
        });
        take(&mut world);
        assert_eq!(world.lines(), [""; 0]);
        let desired = world.desired();
        let (_, present) = desired.present().next().unwrap();
        assert!(
            blocked(
                &layout(),
                &id("web"),
                present,
                &world.observe(),
                world.reconciler.progress()
            )
            .is_some()
        );
    }
}

#[test]
fn stopping_stops_the_companions_first() {
    let mut world = World::at_rest();
    world.intend("web", Goal::Stopped, false);
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
            world.intend("web", Goal::Stopped, false);
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
        |world| world.intend("web", Goal::Removed, false),
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
            world.intend("web", Goal::Removed, true);
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
    world.intend("web", Goal::Removed, false);
    let mut observed = world.observe();
    observed.podman = Podman::Unreachable("no socket".to_owned());
    let plan = plan(&world.desired(), &observed, &Progress::default(), world.now);
    let steps: Vec<String> = plan
        .actions
        .iter()
        .map(|action| brief(&action.step))
        .collect();
    assert_eq!(steps, ["restart podman.socket"]);
}

#[test]
fn an_app_that_another_needs_stays() {
    let mut world = World::at_rest();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.intend("web", Goal::Removed, false);
    assert_eq!(world.lines(), [""; 0]);
    world.intend("top", Goal::Removed, false);
    world.converge();
    assert!(
        world.inputs.intents.is_empty()
            && world.host.unit_files.is_empty()
            && world.podman.containers.is_empty()
    );
}

#[test]
fn an_app_is_started_once_what_it_requires_is_up() {
    let mut world = World::at_rest();
    world.intend("web", Goal::Stopped, false);
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
    world.intend("web", Goal::Running, false);
    assert!(
        !world
            .lines()
            .contains(&"start archy-top.service".to_owned())
    );
    world.converge();
    assert!(is_up(&world));
}

/// What the next pass starts, restarts and stops.
fn of_services(world: &mut World) -> Vec<String> {
    let mut lines = world.lines();
    lines.retain(|line| line.contains("start ") || line.starts_with("stop "));
    lines
}

#[test]
fn an_app_is_restarted_once_what_it_requires_has_come_back() {
    let mut world = World::at_rest();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.stop("archy-web.service");
    assert_eq!(of_services(&mut world), ["start archy-web.service"]);
    world.pass_cut_at(usize::MAX);
    assert_eq!(of_services(&mut world), ["restart archy-top.service"]);
    world.converge();

    // One that has ended meanwhile need not wait for systemd to try it again.
    world.stop("archy-web.service");
    let top = world.host.services.get_mut("archy-top.service").unwrap();
    (top.active, top.sub) = (Active::Activating, "auto-restart".to_owned());
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
    let mut world = World::at_rest();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    // It stops first, while it can still be heard.
    let first = ["stop archy-top.service", "stop archy-web-ui.service"];
    world.intend("web", Goal::Stopped, false);
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
    world.intend("web", Goal::Running, false);
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
    let mut world = World::at_rest();
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
    let mut world = World::at_rest();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    let roof = ON_TOP.replace("top", "roof").replace("[web]", "[top]");
    world.install("roof", &[(COMPOSE_FILE, &roof)]);
    world.converge();
    world.intend("web", Goal::Stopped, false);
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
    world.intend("web", Goal::Running, false);
    world.converge();
    for unit in ["archy-web", "archy-top", "archy-roof"] {
        assert!(world.host.services[&format!("{unit}.service")].is_up());
        assert!(starts_at_boot(&world, &format!("{unit}.container")));
    }
}

#[test]
fn what_ends_again_and_again_for_want_of_another_app_is_started_once_that_is_there() {
    let mut world = World::at_rest();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.fail("archy-web.service");
    let top = |world: &mut World, restarts| {
        let top = world.host.services.get_mut("archy-top.service").unwrap();
        (top.active, top.sub) = (Active::Activating, "auto-restart".to_owned());
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
    let mut world = World::at_rest();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.intend("web", Goal::Stopped, false);
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
    // Somebody else has the name of a unit of the app that is required, so none of that app's is written.
    *world.unit("archy-web.container") = b"[Container]".to_vec();
    for unit in ["archy-web-exports.network", "archy-top.container"] {
        world.host.unit_files.remove(unit);
    }
    assert_eq!(world.lines(), [""; 0]);
    let desired = world.desired();
    let report = report(&desired, &world.observe(), world.reconciler.progress());
    let told = report.apps.iter().find(|app| app.id == id("top")).unwrap();
    assert_eq!(
        told.message,
        "because web has failed; its units are written after those of web"
    );
    world.host.unit_files.remove("archy-web.container");
    world.converge();
    assert!(world.host.unit_files.contains_key("archy-top.container"));
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
    let mut world = World::at_rest();
    let running = world.host.invocations["archy-web.service"].clone();
    world.edit_definition("web:1", "web:2");
    let before = format!("remember reload archy-web.service@{running}");
    let after = format!("remember archy-web.service@{running}");
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
fn a_unit_that_the_definition_no_longer_has_goes() {
    let mut world = World::at_rest();
    world.edit_definition("    volumes: [data:/data]\n", "");
    world.edit_definition("volumes:\n  data:\n", "");
    world.converge();
    assert!(!world.host.unit_files.contains_key("archy-web-data.volume"));
    assert!(world.host.services["archy-web.service"].is_up());
}

#[test]
fn what_failed_waits_and_the_plan_says_until_when() {
    let mut world = World::at_rest();
    world.stop("archy-web.service");
    let desired = world.desired();
    let failing = world.plan();
    // It was started, and rests again at the next look.
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
            .all(|action| matches!(action.step, Step::Remember(_))),
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
    let of_web = |action: &Action| action.app == Some(id("web"));
    let outcome = |action| {
        if of_web(action) {
            Outcome::Failed("no disk".to_owned())
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
            .any(|action| action.app == Some(id("top")))
    );
}

/// What ends again and again is due for a restart as long as its old invocation stands there, whatever systemd answered.
#[test]
fn a_restart_that_did_nothing_is_tried_again_only_after_a_while() {
    let mut world = World::at_rest();
    world.edit_definition("ports: ['8080:80']", "ports: ['8081:80']");
    let ending = service(Active::Activating, "auto-restart");
    let services = &mut world.host.services;
    services.insert("archy-web-ui.service".to_owned(), ending);
    let (desired, plan) = (world.desired(), world.plan());
    let restart = Step::Restart("archy-web-ui.service".to_owned());
    let others = plan.actions.iter().filter(|action| action.step != restart);
    others.for_each(|action| world.apply(&action.step));
    let outcomes = vec![Outcome::Done; plan.actions.len()];
    world
        .reconciler
        .finished(&desired, &plan, &outcomes, world.now);
    let line = brief(&restart);
    assert!(!world.lines().contains(&line), "{:?}", world.lines());
    world.now += Duration::from_secs(10);
    assert!(world.lines().contains(&line), "{:?}", world.lines());
    world.converge();
    let started_with = &world.started_with["archy-web-ui.service"];
    assert!(started_with.contains("8081"), "{started_with}");
}

#[test]
fn an_image_that_two_services_share_is_fetched_once() {
    let mut world = World::at_rest();
    let text = "services: {one: {image: shared}, two: {image: shared}}\n";
    world.install("twice", &[(COMPOSE_FILE, text)]);
    let shared = |line: &&String| *line == "ensure image docker.io/library/shared:latest";
    assert_eq!(world.lines().iter().filter(shared).count(), 1);
}

#[test]
fn what_stops_already_is_not_told_to_again() {
    let queued = Service {
        job: Some(Job::Stop),
        ..service(Active::Active, "running")
    };
    for stopping in [service(Active::Deactivating, "stop-sigterm"), queued] {
        let mut world = World::at_rest();
        world.intend("web", Goal::Stopped, false);
        let services = &mut world.host.services;
        services.insert("archy-web-ui.service".to_owned(), stopping);
        // Nor is what comes after it, before it rests.
        let stops = |line: &String| line.starts_with("stop ");
        assert!(!world.lines().iter().any(stops), "{:?}", world.lines());
    }
}

#[test]
fn what_a_stopped_app_has_lost_is_made_when_it_is_started() {
    let mut world = World::at_rest();
    world.intend("web", Goal::Stopped, false);
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
    world.intend("web", Goal::Running, false);
    world.converge();
    assert!(world.podman.networks.contains_key("archy-web"));
    assert!(world.podman.volumes.contains_key("archy-web-data"));
}

#[test]
fn systemd_does_not_reload_when_no_unit_file_could_be_changed() {
    let mut world = World::at_rest();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    for unit in ["archy-web.container", "archy-top.container"] {
        world.host.unit_files.remove(unit);
    }
    let (desired, observed, plan) = (world.desired(), world.observe(), world.plan());
    let tried = |fails: &[&str]| {
        let scene = Scene {
            desired: &desired,
            observed: &observed,
            plan: &plan,
        };
        let mut run = Run::default();
        let mut tried = Vec::new();
        while let Some(action) = run.next_action(scene) {
            tried.push(brief(&action.step));
            let fails = matches!(&action.step, Step::WriteUnit { name, .. } if fails.contains(&name.as_str()));
            run.went(
                &plan,
                if fails {
                    Outcome::Failed("no space left".to_owned())
                } else {
                    Outcome::Done
                },
            );
        }
        tried
    };
    let reloads = |tried: Vec<String>| tried.iter().filter(|line| *line == "reload").count();
    assert_eq!(reloads(tried(&[])), 1);
    assert_eq!(reloads(tried(&["archy-web.container"])), 1);
    assert_eq!(
        reloads(tried(&["archy-web.container", "archy-top.container"])),
        0
    );
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
            if matches!(action.step, Step::CheckUnits { .. }) {
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
    let outcome = |action: &Action| match action.step {
        Step::CheckUnits { .. } => Outcome::Refused(refused.clone()),
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
    let mut world = World::at_rest();
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

/// A pass in which systemd will not read the units.
fn pass_without_reload(world: &mut World) {
    let (desired, observed, plan) = (world.desired(), world.observe(), world.plan());
    let scene = Scene {
        desired: &desired,
        observed: &observed,
        plan: &plan,
    };
    let mut run = Run::default();
    while let Some(action) = run.next_action(scene) {
        let step = action.step.clone();
        run.went(
            &plan,
            if step == Step::Reload {
                Outcome::Failed("a pipe".to_owned())
            } else {
                world.apply(&step);
                Outcome::Done
            },
        );
    }
    world
        .reconciler
        .finished(&desired, &plan, run.outcomes(), world.now);
}

/// Two apps, the first of which needs a reload that has just failed.
fn held_up() -> World {
    let mut world = World::at_rest();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.edit_definition("volumes: [data:/data]", "volumes: [data:/other]");
    pass_without_reload(&mut world);
    assert!(world.host.memory.reload, "it is not forgotten");
    world
}

fn cause_of(world: &World, app: &str) -> Option<String> {
    let subject = Subject::App(id(app));
    let attempts = world.reconciler.progress().attempts(&subject);
    attempts.map(|attempts| attempts.cause.clone())
}

#[test]
fn while_systemd_will_not_read_the_units_it_is_asked_now_and_then() {
    let mut world = held_up();
    assert_eq!(world.lines(), [""; 0]);
    assert_eq!(
        world.plan().wake_at,
        Some(world.now + Duration::from_secs(10))
    );
    assert_eq!(cause_of(&world, "web").as_deref(), Some("a pipe"));
    world.now += Duration::from_secs(10);
    let lines = world.lines();
    assert!(lines.contains(&"reload".to_owned()), "{lines:?}");
    world.converge();
    assert!(world.observe().services["archy-web.service"].is_up());
    assert_eq!(cause_of(&world, "web"), None);
}

#[test]
fn what_systemd_has_read_is_started_while_it_reads_nothing_more() {
    let mut world = held_up();
    world.stop("archy-top.service");
    assert_eq!(world.lines(), ["start archy-top.service"]);
}

#[test]
fn what_is_to_be_removed_or_restarted_waits_until_systemd_reads_the_units_and_says_so() {
    let mut world = held_up();
    let invocation = world.host.invocations["archy-top.service"].clone();
    let restarts = &mut world.host.memory.restarts;
    restarts.insert("archy-top.service".to_owned(), invocation);
    pass_without_reload(&mut world);
    assert_eq!(cause_of(&world, "top").as_deref(), Some("a pipe"));
    assert_eq!(world.lines(), [""; 0]);

    let mut world = held_up();
    world.intend("top", Goal::Removed, false);
    for _ in 0..PASSES_MAX {
        pass_without_reload(&mut world);
    }
    assert_eq!(world.lines(), [""; 0]);
    assert!(world.observe().generated.contains_key("archy-top.service"));
    world.now += Duration::from_secs(600);
    world.converge();
    assert!(!world.observe().generated.contains_key("archy-top.service"));
    assert_eq!(cause_of(&world, "web"), None);
}

#[test]
fn a_file_that_is_fought_over_is_put_right_at_once_when_the_operator_asks() {
    let mut world = World::at_rest();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    let path = PathBuf::from("/data/archy-web-ui/ui.conf");
    let meddle = |world: &mut World| {
        world.replace("archy-web.container", "Pull=never", "Pull=always");
        world.host.files.get_mut(&path).unwrap().content.push(b'x');
    };
    for _ in 0..=crate::reconcile::REPAIRS_MAX {
        meddle(&mut world);
        let now = world.now;
        world.pass_cut_at(usize::MAX);
        world.now = now;
    }
    meddle(&mut world);
    let repairs = |world: &mut World| -> Vec<String> {
        let lines = world.lines().into_iter();
        lines.filter(|line| line.starts_with("write ")).collect()
    };
    assert_eq!(repairs(&mut world), [""; 0]);
    let desired = world.desired();
    world.reconciler.retry_now(&desired, &id("top"));
    assert_eq!(repairs(&mut world), [""; 0], "that is another app's");
    world.reconciler.retry_now(&desired, &id("web"));
    assert_eq!(
        repairs(&mut world),
        [
            "write file archy-web-ui/ui.conf",
            "write archy-web.container"
        ]
    );
}

#[test]
fn a_copy_of_a_unit_under_another_name_is_not_ours() {
    check(
        |world| {
            let content = world.unit("archy-web.container").clone();
            for name in ["archy-mine.container", "volumes.container"] {
                world
                    .host
                    .unit_files
                    .insert(name.to_owned(), content.clone());
            }
        },
        &[],
    );
}

#[test]
fn an_app_whose_unit_files_are_gone_is_still_stopped_before_it_is_removed() {
    check_first(
        |world| {
            world.host.unit_files.clear();
            world.intend("web", Goal::Removed, false);
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

#[test]
fn a_service_that_came_up_again_before_the_reload_is_still_restarted() {
    let mut world = World::at_rest();
    world.edit_definition("ports: ['8080:80']", "ports: ['8081:80']");
    let written = |step: &Step| matches!(step, Step::WriteUnit { .. });
    let plan = world.plan();
    let cut = plan
        .actions
        .iter()
        .rposition(|action| written(&action.step))
        .unwrap()
        + 1;
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
fn only_so_many_services_come_up_at_once() {
    let mut world = World::at_rest();
    for service in ["archy-web.service", "archy-web-ui.service"] {
        world.stop(service);
    }
    let desired = world.desired();
    let mut observed = world.observe();
    observed.starts_max = 4;
    let now = Duration::from_secs(100);
    let mut progress = Progress::default();
    let coming_up = Service {
        load: Load::Loaded,
        active: Active::Activating,
        sub: "start".to_owned(),
        job: Some(Job::Other),
        failure: None,
        began: None,
    };
    let name = |number: usize| format!("archy-other{number}.service");
    for number in 0..4 {
        observed.services.insert(name(number), coming_up.clone());
        progress.attempted(Subject::Start(name(number)), "", now);
    }
    // How many are started, and when the next look is due at the latest.
    let starts = |observed: &Observed, progress: &Progress, now| {
        let plan = plan(&desired, observed, progress, now);
        let starts = |action: &&Action| matches!(action.step, Step::Start(_));
        (plan.actions.iter().filter(starts).count(), plan.wake_at)
    };
    let soon = Some(now + STARTING);
    assert_eq!(starts(&observed, &progress, now), (0, soon));
    // One has come up: one of two is next.
    observed.services.remove(&name(0));
    assert_eq!(starts(&observed, &progress, now), (1, soon));
    // Somebody else's start is none of ours.
    progress.worked(&Subject::Start(name(1)));
    assert_eq!(starts(&observed, &progress, now).0, 2);
    // What systemd is about to start again is not coming up.
    progress.attempted(Subject::Start(name(1)), "", now);
    "auto-restart".clone_into(&mut observed.services.get_mut(&name(2)).unwrap().sub);
    assert_eq!(starts(&observed, &progress, now).0, 2);
    // What has waited for long waits for its health check.
    observed.starts_max = 0;
    assert_eq!(starts(&observed, &progress, now), (0, soon));
    assert_eq!(
        starts(&observed, &progress, now + STARTING).0,
        1,
        "there is always a turn"
    );
}
