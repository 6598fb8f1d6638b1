//! How an app is told to be, case by case.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::config::Config;
use crate::desired::{Apps, Inputs, assemble};
use crate::intent::{Goal, Intent};
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files};
use crate::observed::Failure;

const WEB: &str = "services:
  web: {image: web}
  ui: {image: ui, ports: ['8080:80']}
x-archipelago:
  companions: [ui]
  readiness: [{service: ui, port: 80, http: /ready}]
";

struct Case {
    goal: Goal,
    observed: Observed,
    progress: Progress,
}

/// The app `web`, all of which runs and answers, then `happened`; expects its state and a part of the message.
fn check(happened: impl FnOnce(&mut Case), state: State, message: &str) {
    let mut case = Case {
        goal: Goal::Running,
        observed: Observed::default(),
        progress: Progress::default(),
    };
    for name in ["archy-web.service", "archy-web-ui.service"] {
        case.observed.services.insert(name.to_owned(), up());
    }
    case.observed.answers.insert(
        crate::desired::DesiredProbe {
            address: "127.0.0.1:8080".parse().unwrap(),
            kind: crate::manifest::ProbeKind::Http("/ready".to_owned()),
        },
        true,
    );
    happened(&mut case);
    let report = report(&desired(case.goal), &case.observed, &case.progress);
    let app = &report.apps[0];
    assert_eq!(app.state, state, "{}", app.message);
    let units: Vec<&str> = app.units.iter().map(|unit| unit.message.as_str()).collect();
    assert!(
        app.message.contains(message),
        "{:?}, units: {units:?}",
        app.message
    );
}

fn up() -> Service {
    Service {
        load: Load::Loaded,
        active: Active::Active,
        sub: "running".to_owned(),
        job: None,
        failure: None,
    }
}

fn desired(state: Goal) -> Desired {
    let path = PathBuf::from;
    let id = AppId::parse("web").unwrap();
    let intent = Intent {
        state,
        ..Intent::default()
    };
    let files = Files::from([(COMPOSE_FILE.to_owned(), WEB.as_bytes().to_vec())]);
    let inputs = Inputs {
        layout: Layout {
            config: path("/config"),
            data: path("/data"),
            units: path("/units"),
            systemd: path("/systemd"),
            runtime: path("/run"),
        },
        config: Ok(Config::default()),
        intents: BTreeMap::from([(id.clone(), Ok(intent))]),
        definitions: BTreeMap::from([(id, files)]),
        secrets: BTreeMap::new(),
        captured: BTreeMap::new(),
    };
    assemble(&inputs, &Apps::read(&inputs))
}

fn unwell(case: &mut Case, name: &str, active: Active, sub: &str) {
    let service = case.observed.services.get_mut(name).unwrap();
    service.active = active;
    service.sub = sub.to_owned();
    service.failure = Some(Failure {
        result: "exit-code".to_owned(),
        status: 7,
        restarts: 3,
    });
}

#[test]
fn an_app_is_as_well_as_its_parts() {
    check(|_| {}, State::Ready, "");
    check(
        |case| {
            unwell(
                case,
                "archy-web.service",
                Active::Activating,
                "auto-restart",
            )
        },
        State::Failed,
        "archy-web.service: it ended with exit-code (status 7) and was restarted 3 times",
    );
    check(
        |case| unwell(case, "archy-web-ui.service", Active::Failed, "failed"),
        State::Degraded,
        "archy-web-ui.service: it ended with exit-code",
    );
    check(
        |case| unwell(case, "archy-web.service", Active::Activating, "start"),
        State::Starting,
        "archy-web.service is activating",
    );
    check(
        |case| case.observed.services.clear(),
        State::Starting,
        "archy-web-ui.service is inactive",
    );
}

#[test]
fn an_app_that_does_not_answer_is_not_ready() {
    check(
        |case| {
            case.observed
                .answers
                .values_mut()
                .for_each(|answer| *answer = false)
        },
        State::Starting,
        "does not answer at 127.0.0.1:8080",
    );
}

#[test]
fn the_operators_mask_is_shown_and_is_no_failure() {
    check(
        |case| {
            let name = "archy-web-ui.service".to_owned();
            case.observed.services.remove(&name);
            case.observed.overrides.insert(name, Override::Masked);
        },
        State::Degraded,
        "systemctl --user unmask archy-web-ui.service",
    );
}

#[test]
fn what_is_asked_for_is_told_from_what_went_wrong() {
    check(
        |case| {
            case.goal = Goal::Stopped;
            case.observed.services.clear();
        },
        State::Stopped,
        "",
    );
    check(
        |case| case.goal = Goal::Stopped,
        State::Starting,
        "stopping",
    );
    check(|case| case.goal = Goal::Removed, State::Removing, "");
}

#[test]
fn an_image_under_way_is_progress_and_one_that_failed_is_a_failure() {
    let image = "docker.io/library/web:latest";
    let without = |case: &mut Case| drop(case.observed.services.remove("archy-web.service"));
    check(
        |case| {
            without(case);
            case.observed
                .images_underway
                .insert(image.to_owned(), "pulling: 3 of 9 MB".to_owned());
        },
        State::Starting,
        "pulling: 3 of 9 MB",
    );
    check(
        |case| {
            without(case);
            let subject = Subject::Image {
                reference: image.to_owned(),
                without_tls: false,
            };
            case.progress
                .attempted(subject, "no route to the registry", Duration::ZERO);
        },
        State::Failed,
        "no image docker.io/library/web:latest: no route to the registry",
    );
}

#[test]
fn what_keeps_an_app_from_being_touched_is_said() {
    check(
        |case| {
            case.observed
                .unit_files
                .insert("archy-web.network".to_owned(), b"[Network]".to_vec());
        },
        State::Failed,
        "the unit file /units/archy-web.network exists",
    );
    check(
        |case| {
            let subject = Subject::App(AppId::parse("web").unwrap());
            case.progress
                .attempted(subject, "write /units/x: no space left", Duration::ZERO);
        },
        State::Failed,
        "no space left",
    );
}
