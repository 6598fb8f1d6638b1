//! Each disturbance, and the reason that every action of its repair is planned for.

use std::time::Duration;

use super::*;
use crate::action::Reason;
use crate::observed::Failure;
use crate::observed::Helper;

const WEB_UNIT: &str = "archy-web.container";
const UI_FILE: &str = "/data/archy-web-ui/ui.conf";
const WEB_SERVICE: &str = "archy-web.service";

fn text(text: &str) -> String {
    text.to_owned()
}

/// The unit of an app that is to be stopped says so.
fn outdated(unit: &str) -> Reason {
    Reason::Outdated { file: text(unit) }
}

/// All actions until the world is at rest, but for Archipelago's own notes.
pub(super) fn actions(world: &mut World) -> Vec<Action> {
    let mut done = Vec::new();
    for _ in 0..PASSES_MAX {
        let plan = world.pass_cut_at(usize::MAX);
        if plan.is_empty() {
            return done;
        }
        let told = plan.actions.into_iter();
        done.extend(told.filter(|action| !action.is_bookkeeping()));
    }
    panic!("no rest after {PASSES_MAX} passes: {done:?}");
}

pub(super) fn check(mut world: World, disturb: impl Fn(&mut World), expected: &[(&str, Reason)]) {
    disturb(&mut world);
    let found: Vec<(String, Reason)> = actions(&mut world)
        .iter()
        .map(|action| (brief(action), action.reason().clone()))
        .collect();
    let expected: Vec<(String, Reason)> = expected
        .iter()
        .map(|(line, reason)| (text(line), reason.clone()))
        .collect();
    assert_eq!(found, expected);
}

fn check_converged(disturb: impl Fn(&mut World), expected: &[(&str, Reason)]) {
    check(World::converged(), disturb, expected);
}

#[test]
fn a_unit_file_that_is_gone_is_missing_and_nothing_restarts() {
    check_converged(
        |world| drop(world.host.unit_files.remove(WEB_UNIT)),
        &[
            ("write archy-web.container", Reason::Missing),
            ("reload", Reason::UnitsChange),
        ],
    );
}

#[test]
fn a_unit_that_was_forgotten_while_it_ran_says_so() {
    let unit = || text(WEB_UNIT);
    check_converged(
        |world| {
            world.host.unit_files.remove(WEB_UNIT);
            world.reload();
        },
        &[
            ("write archy-web.container", Reason::Missing),
            ("reload", Reason::UnitsChange),
            (
                "restart archy-web.service",
                Reason::UnitForgotten { unit: unit() },
            ),
        ],
    );
}

#[test]
fn an_edited_unit_was_changed_by_others_and_so_its_service_restarts() {
    let changed = || Reason::ChangedByOthers {
        file: text(WEB_UNIT),
    };
    check_converged(
        |world| {
            world
                .unit(WEB_UNIT)
                .splice(0..0, *b"# edited\n")
                .for_each(drop)
        },
        &[
            ("write archy-web.container", changed()),
            ("reload", Reason::UnitsChange),
            ("restart archy-web.service", changed()),
        ],
    );
}

#[test]
fn a_unit_of_another_version_restarts_nothing() {
    let version = text("0.0.1");
    check_converged(
        |world| {
            *world.unit(WEB_UNIT) = disturbed::aged(&world.unit(WEB_UNIT).clone());
        },
        &[
            (
                "write archy-web.container",
                Reason::OtherVersion { version },
            ),
            ("reload", Reason::UnitsChange),
        ],
    );
}

#[test]
fn a_new_definition_makes_the_unit_outdated() {
    let outdated = || Reason::Outdated {
        file: text("archy-web-ui.container"),
    };
    check_converged(
        |world| world.edit_definition("ports: ['8080:80']", "ports: ['8081:80']"),
        &[
            ("write archy-web-ui.container", outdated()),
            ("reload", Reason::UnitsChange),
            ("restart archy-web-ui.service", outdated()),
        ],
    );
}

#[test]
fn a_unit_that_systemd_has_not_read_is_read() {
    let not_read = || Reason::NotRead {
        unit: text(WEB_UNIT),
    };
    check_converged(
        |world| {
            let right = world.unit(WEB_UNIT).clone();
            world.replace(WEB_UNIT, "Revision=", "Revision=0");
            world.reload();
            *world.unit(WEB_UNIT) = right;
        },
        &[
            ("reload", not_read()),
            ("restart archy-web.service", not_read()),
        ],
    );
}

#[test]
fn a_pass_that_was_killed_before_its_reload_leaves_it_pending() {
    let mut world = World::converged();
    world.host.unit_files.remove(WEB_UNIT);
    let plan = world.plan();
    let reload = plan.actions.iter().position(is_reload).unwrap();
    check(
        world,
        |world| drop(world.pass_cut_at(reload)),
        &[("reload", Reason::ReloadPending)],
    );
}

#[test]
fn rendered_files_tell_what_became_of_them() {
    let file = || text(UI_FILE);
    let write = "write file archy-web-ui/ui.conf";
    let restart = "restart archy-web-ui.service";
    check_converged(
        |world| world.host.files.clear(),
        &[(write, Reason::Missing)],
    );
    let changed = || Reason::ChangedByOthers { file: file() };
    check_converged(
        |world| {
            let files = world.host.files.values_mut();
            files.for_each(|file| file.content.push(b'x'));
        },
        &[(write, changed()), (restart, changed())],
    );
    let mode = 0o644;
    check_converged(
        |world| {
            let files = world.host.files.values_mut();
            files.for_each(|file| file.mode = mode);
        },
        &[(write, Reason::ModeChanged { file: file(), mode })],
    );
    let outdated = || Reason::Outdated { file: file() };
    check_converged(
        |world| {
            let definition = world.inputs.definitions.get_mut(&id("web")).unwrap();
            definition.insert(text("ui.conf"), b"another=1\n"[..].into());
        },
        &[
            (write, outdated()),
            (
                "write archy-web-ui.container",
                Reason::Outdated {
                    file: text("archy-web-ui.container"),
                },
            ),
            ("reload", Reason::UnitsChange),
            (restart, outdated()),
        ],
    );
}

#[test]
fn a_file_whose_unit_is_unknown_just_differs() {
    let mut world = World::converged();
    let file = world.host.files.get_mut(&PathBuf::from(UI_FILE)).unwrap();
    file.content.push(b'x');
    world.host.unit_files.remove("archy-web-ui.container");
    world.reload();
    let actions = actions(&mut world);
    let written = actions
        .iter()
        .find(|action| matches!(action.app_step(), Some(AppStep::WriteFile { .. })));
    let differs = Reason::Differs {
        file: text(UI_FILE),
    };
    assert_eq!(written.map(Action::reason), Some(&differs));
}

#[test]
fn of_a_new_app_everything_is_missing_and_its_services_do_not_run() {
    let mut world = World::fresh();
    world.learns_images = true;
    world.inputs.found.claim = Claim::Take(None);
    for action in actions(&mut world) {
        let expected = match (action.app_step(), action.host_step()) {
            (Some(AppStep::Start(_)), _) => Reason::NotRunning,
            (Some(AppStep::RememberImages(_)), _) => Reason::ImageNotRecorded,
            (Some(_), _) => Reason::Missing,
            (None, Some(HostStep::ClaimData(_))) => Reason::DataUnclaimed,
            (None, _) => Reason::UnitsChange,
        };
        assert_eq!(*action.reason(), expected, "{action:?}");
    }
}

#[test]
fn services_that_follow_others_name_them() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    let began = |world: &mut World, service: &str, at| {
        world.host.services.get_mut(service).unwrap().began = Some(Duration::from_secs(at));
    };
    began(&mut world, "archy-top.service", 1);
    began(&mut world, WEB_SERVICE, 2);
    let reason = |world: &mut World, line: &str| {
        let plan = world.plan();
        let found = plan.actions.iter().find(|action| brief(action) == line);
        found.map(|action| action.reason().clone())
    };
    let service = text(WEB_SERVICE);
    assert_eq!(
        reason(&mut world, "restart archy-top.service"),
        Some(Reason::FellBehind { service })
    );
    // It stops slowly while the one that it follows is to start.
    let top = world.host.services.get_mut("archy-top.service").unwrap();
    (top.active, top.job) = (Active::Deactivating, Some(Job::Other));
    world.stop(WEB_SERVICE);
    world.host.services.get_mut(WEB_SERVICE).unwrap().job = Some(Job::Other);
    let service = text(WEB_SERVICE);
    assert_eq!(
        reason(&mut world, "cancel job of archy-top.service"),
        Some(Reason::DelaysStart { service })
    );
    // It ends again and again while the one that it requires is away.
    world.host.services.get_mut(WEB_SERVICE).unwrap().job = None;
    let mut top = service_of_restarts(2);
    top.began = Some(Duration::from_secs(1));
    world.host.services.insert(text("archy-top.service"), top);
    let app = id("web");
    assert_eq!(
        reason(&mut world, "stop archy-top.service"),
        Some(Reason::RequiredUnreachable { app })
    );
}

fn service_of_restarts(restarts: u32) -> Service {
    Service {
        failure: Some(Failure {
            result: text("exit-code"),
            status: 1,
            restarts,
            last_line: None,
        }),
        ..service(Active::Activating, "auto-restart")
    }
}

#[test]
fn what_is_lost_in_podman_or_in_the_data_is_missing_or_has_vanished() {
    check_converged(
        |world| world.host.folders.clear(),
        &[("make folder volumes/web/data", Reason::Missing)],
    );
    check_converged(
        |world| world.podman.secrets.clear(),
        &[("store secret archy-web-token", Reason::Missing)],
    );
    check_converged(
        |world| {
            let stored = world.podman.secrets.get_mut("archy-web-token").unwrap();
            stored.as_mut().unwrap().1 = text("earlier");
        },
        &[("store secret archy-web-token", Reason::SecretChanged)],
    );
    check_converged(
        |world| drop(world.podman.networks.remove("archy-web")),
        &[("restart archy-web-network.service", Reason::Vanished)],
    );
    check_converged(
        |world| drop(world.podman.volumes.remove("archy-web-data")),
        &[("restart archy-web-data-volume.service", Reason::Vanished)],
    );
}

#[test]
fn services_that_do_not_run_say_how_they_ended() {
    check_converged(
        |world| world.stop(WEB_SERVICE),
        &[("start archy-web.service", Reason::NotRunning)],
    );
    let failed = || Reason::Failed {
        result: text("exit-code"),
        status: 3,
    };
    check_converged(
        |world| {
            world.fail(WEB_SERVICE);
            world.host.services.get_mut(WEB_SERVICE).unwrap().failure = Some(Failure {
                result: text("exit-code"),
                status: 3,
                restarts: 0,
                last_line: None,
            });
        },
        &[("start archy-web.service", failed())],
    );
}

#[test]
fn what_the_operator_asked_for_is_the_reason_for_what_follows() {
    check_converged(
        |world| {
            let run = world.host.invocations[WEB_SERVICE].clone();
            let memory = &mut world.host.memory;
            memory.must_end(WEB_SERVICE, run, Reason::RestartAsked);
        },
        &[("restart archy-web.service", Reason::RestartAsked)],
    );
    check_converged(
        |world| {
            let run = world.host.invocations[WEB_SERVICE].clone();
            world.host.memory.restarts.insert(text(WEB_SERVICE), run);
        },
        &[("restart archy-web.service", Reason::RestartPending)],
    );
    check_converged(
        |world| world.intend("web", WantedState::Stopped, false),
        &[
            (
                "write archy-web-ui.container",
                outdated("archy-web-ui.container"),
            ),
            ("write archy-web.container", outdated(WEB_UNIT)),
            ("reload", Reason::UnitsChange),
            ("stop archy-web-ui.service", Reason::StopAsked),
            ("stop archy-web.service", Reason::StopAsked),
        ],
    );
    let mut world = World::converged();
    world.intend("web", WantedState::Removed, true);
    for action in actions(&mut world) {
        let expected = match action.app_step() {
            Some(AppStep::RemoveData | AppStep::RemoveImage(_)) => Reason::PurgeAsked,
            Some(_) => Reason::UninstallAsked,
            None => Reason::UnitsChange,
        };
        assert_eq!(*action.reason(), expected, "{action:?}");
    }
}

#[test]
fn an_app_that_requires_another_names_it() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    check(
        world,
        |world| world.intend("web", WantedState::Stopped, false),
        &[
            ("write archy-top.container", outdated("archy-top.container")),
            (
                "write archy-web-ui.container",
                outdated("archy-web-ui.container"),
            ),
            ("write archy-web.container", outdated(WEB_UNIT)),
            ("reload", Reason::UnitsChange),
            (
                "stop archy-top.service",
                Reason::RequiredStopped { app: id("web") },
            ),
            ("stop archy-web-ui.service", Reason::StopAsked),
            ("stop archy-web.service", Reason::StopAsked),
        ],
    );
}

#[test]
fn what_the_definition_has_no_more_is_left_over() {
    let mut world = World::converged();
    world.edit_definition("    secrets: [token]\n", "");
    world.edit_definition("    volumes: [data:/data]\n", "");
    world.edit_definition("volumes:\n  data:\n", "");
    let left: Vec<Reason> = actions(&mut world)
        .iter()
        .filter(|action| brief(action).contains("archy-web-data"))
        .map(|action| action.reason().clone())
        .collect();
    assert!(!left.is_empty());
    assert_eq!(left, vec![Reason::LeftOver; left.len()]);
}

#[test]
fn a_network_without_isolation_is_why_it_goes_and_its_service_stops() {
    let network = || text("archy-web");
    let open = || Reason::NotIsolated { network: network() };
    let mut world = World::converged();
    world.open_network("archy-web");
    world.converge();
    let asked = |world: &mut World| {
        for service in [WEB_SERVICE, "archy-web-ui.service"] {
            let run = world.host.invocations[service].clone();
            let memory = &mut world.host.memory;
            memory.must_end(service, run, Reason::RestartAsked);
        }
    };
    asked(&mut world);
    let stopped = actions(&mut world);
    let reasons: Vec<(String, &Reason)> = stopped
        .iter()
        .filter(|action| {
            matches!(
                action.app_step(),
                Some(AppStep::Stop(_) | AppStep::RemoveNetwork(_))
            )
        })
        .map(|action| (brief(action), action.reason()))
        .collect();
    let (ui, web) = (
        text("stop archy-web-ui.service"),
        text("stop archy-web.service"),
    );
    let remove = text("remove network archy-web");
    assert_eq!(reasons, [(ui, &open()), (web, &open()), (remove, &open())]);
}

#[test]
fn what_is_done_for_the_host_has_its_reason_too() {
    check_converged(
        |world| {
            world.host.network.gone.insert(Helper::Resolver);
            let containers = ["archy-web", "archy-web-ui"].map(text);
            world.host.network.members.extend(containers);
        },
        &[(
            "reload networks of archy-web",
            Reason::HelperGone {
                helper: Helper::Resolver,
            },
        )],
    );
    let mut world = World::converged();
    let mut observed = world.observe();
    observed.podman = Podman::Unreachable(Unreachable::Refused("no socket".to_owned()));
    let plan = world
        .reconciler
        .plan(&world.desired(), &observed, Duration::ZERO);
    let reasons: Vec<&Reason> = plan.actions.iter().map(Action::reason).collect();
    assert_eq!(reasons, [&Reason::PodmanUnreachable]);
}
