//! How an app is told to be, case by case.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::config::Config;
use crate::desired::{Apps, Found, Inputs, assemble};
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

const ON_TOP: &str = "services: {top: {image: top}}
x-archipelago: {requires: {apps: [web]}}
";

/// What became of the apps `web` and, on top of it, `top`.
struct Case {
    /// What is wanted of `web`.
    goal: Goal,
    observed: Observed,
    progress: Progress,
}

impl Case {
    /// The app `web`, all of which runs and answers.
    fn well() -> Self {
        let mut observed = Observed::default();
        for name in ["archy-web.service", "archy-web-ui.service"] {
            observed.services.insert(name.to_owned(), up());
        }
        observed.answers.insert(
            crate::desired::DesiredProbe {
                service: "archy-web-ui.service".to_owned(),
                address: "127.0.0.1:8080".parse().unwrap(),
                kind: crate::manifest::ProbeKind::Http("/ready".to_owned()),
            },
            Answer::Ready,
        );
        Self {
            goal: Goal::Running,
            observed,
            progress: Progress::default(),
        }
    }
}

/// The app `web`, all of which runs and answers, then `happened`; expects its state and a part of the message.
fn check(happened: impl FnOnce(&mut Case), state: State, message: &str) {
    let mut case = Case::well();
    happened(&mut case);
    let report = report(&desired(case.goal), &case.observed, &case.progress);
    let app = report
        .apps
        .iter()
        .find(|app| app.id.as_str() == "web")
        .expect("the app web");
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
        began: None,
    }
}

fn desired(state: Goal) -> Desired {
    desired_of(state, WEB)
}

/// The apps `web`, as this text has it, and `top`.
fn desired_of(state: Goal, text: &str) -> Desired {
    let path = PathBuf::from;
    let id = AppId::parse("web").unwrap();
    let intent = Intent {
        state,
        ..Intent::default()
    };
    let top = AppId::parse("top").unwrap();
    let files = |text: &str| Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())]);
    let inputs = Inputs {
        layout: Layout {
            config: path("/config"),
            data: path("/data"),
            units: path("/units"),
            systemd: path("/systemd"),
            runtime: path("/run"),
        },
        config: Ok(Config::default()),
        intents: BTreeMap::from([
            (id.clone(), Ok(intent)),
            (top.clone(), Ok(Intent::default())),
        ]),
        definitions: BTreeMap::from([(id, files(text)), (top, files(ON_TOP))]),
        secrets: BTreeMap::new(),
        captured: BTreeMap::new(),
        found: Found::default(),
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
                .for_each(|answer| *answer = Answer::Silent)
        },
        State::Starting,
        "does not answer at 127.0.0.1:8080",
    );
}

fn say_busy(case: &mut Case) {
    let answer = case.observed.answers.values_mut().next().unwrap();
    *answer = Answer::Busy(Busy {
        message: "at 83 %, about 2 h left".to_owned(),
        percent: Some(83),
        remaining_s: Some(7200),
    });
}

#[test]
fn an_app_says_itself_what_it_still_has_to_do() {
    check(say_busy, State::Starting, "it is at 83 %, about 2 h left");
    // Its page is up before it is.
    check(
        |case| {
            say_busy(case);
            let web = case.observed.services.get_mut("archy-web.service").unwrap();
            web.active = Active::Activating;
        },
        State::Starting,
        "it is at 83 %, about 2 h left",
    );
}

/// The app `top`, which requires the app `web`.
fn check_dependant(happened: impl FnOnce(&mut Case), expected: &[(State, &str)]) {
    let mut case = Case::well();
    case.observed
        .services
        .insert("archy-top.service".to_owned(), up());
    happened(&mut case);
    let report = report(&desired(case.goal), &case.observed, &case.progress);
    let told: Vec<(State, &str)> = report
        .apps
        .iter()
        .map(|app| (app.state, app.message.as_str()))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn an_app_waits_for_one_that_is_not_of_use_yet() {
    const READY: (State, &str) = (State::Ready, "");
    let end_top = |case: &mut Case| {
        unwell(
            case,
            "archy-top.service",
            Active::Activating,
            "auto-restart",
        );
    };
    check_dependant(|_| {}, &[READY, READY]);
    // It would know.
    check_dependant(
        say_busy,
        &[READY, (State::Starting, "it is at 83 %, about 2 h left")],
    );
    // Not up yet, it says how far it is; what ended for want of it waits.
    check_dependant(
        |case| {
            say_busy(case);
            let web = case.observed.services.get_mut("archy-web.service").unwrap();
            web.active = Active::Activating;
            end_top(case);
        },
        &[
            (State::Waiting, "because web is at 83 %, about 2 h left"),
            (State::Starting, "it is at 83 %, about 2 h left"),
        ],
    );
    // It can be reached: what ends then does so for a reason of its own.
    check_dependant(
        |case| {
            say_busy(case);
            end_top(case);
        },
        &[
            (
                State::Failed,
                "archy-top.service: it ended with exit-code (status 7) and was restarted 3 times; see: archipelago logs, or journalctl --user -u archy-top.service",
            ),
            (State::Starting, "it is at 83 %, about 2 h left"),
        ],
    );
    check_dependant(
        |case| {
            let name = "archy-web.service".to_owned();
            case.observed.services.remove(&name);
            case.observed.overrides.insert(name, Override::Masked);
            case.observed.services.remove("archy-top.service");
        },
        &[
            (State::Waiting, "because web is masked by the operator"),
            (
                State::Degraded,
                "archy-web.service: masked by the operator; systemctl --user unmask archy-web.service gives it back",
            ),
        ],
    );
    check_dependant(
        |case| {
            case.goal = Goal::Stopped;
            case.observed.services.clear();
        },
        &[
            (State::Waiting, "because web is stopped"),
            (State::Stopped, ""),
        ],
    );
    check_dependant(
        |case| {
            unwell(
                case,
                "archy-web.service",
                Active::Activating,
                "auto-restart",
            );
            end_top(case);
        },
        &[
            (State::Waiting, "because web has failed"),
            (
                State::Failed,
                "archy-web.service: it ended with exit-code (status 7) and was restarted 3 times; see: archipelago logs, or journalctl --user -u archy-web.service",
            ),
        ],
    );
    // Its own fault stays its own.
    check_dependant(
        |case| {
            say_busy(case);
            case.observed.services.remove("archy-top.service");
            let subject = Subject::App(AppId::parse("top").unwrap());
            case.progress
                .attempted(subject, "no space left", Duration::ZERO);
        },
        &[
            (State::Failed, "no space left"),
            (State::Starting, "it is at 83 %, about 2 h left"),
        ],
    );
    // A page that is down keeps nobody waiting.
    check_dependant(
        |case| unwell(case, "archy-web-ui.service", Active::Failed, "failed"),
        &[
            READY,
            (
                State::Degraded,
                "archy-web-ui.service: it ended with exit-code (status 7) and was restarted 3 times; see: archipelago logs, or journalctl --user -u archy-web-ui.service",
            ),
        ],
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
    let under_way = |case: &mut Case| {
        case.observed
            .images_underway
            .insert(image.to_owned(), "pulling: 3 of 9 MB".to_owned());
    };
    let failed = |case: &mut Case| {
        let subject = Subject::Image {
            reference: image.to_owned(),
            without_tls: false,
        };
        case.progress
            .attempted(subject, "no route to the registry", Duration::ZERO);
    };
    check(
        |case| {
            without(case);
            under_way(case);
        },
        State::Starting,
        "pulling: 3 of 9 MB",
    );
    // The next attempt decides: of this manager after another's, or of a new version of what ended.
    check(
        |case| {
            without(case);
            failed(case);
            under_way(case);
        },
        State::Starting,
        "pulling: 3 of 9 MB",
    );
    check(
        |case| {
            under_way(case);
            let service = case.observed.services.get_mut("archy-web.service").unwrap();
            service.active = Active::Failed;
        },
        State::Starting,
        "pulling: 3 of 9 MB",
    );
    check(
        |case| {
            without(case);
            failed(case);
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

#[test]
fn units_that_the_generator_refused_are_told_until_they_change() {
    let rejected = |desired: &Desired| {
        let (id, present) = desired
            .present()
            .find(|(id, _)| id.as_str() == "web")
            .unwrap();
        let rejection = crate::progress::Rejection {
            revisions: crate::plan::revisions(present),
            cause: "unsupported key 'Foo'".to_owned(),
        };
        let mut case = Case::well();
        case.progress.reject(id.clone(), rejection, Duration::ZERO);
        case
    };
    let before = desired(Goal::Running);
    let case = rejected(&before);
    let web = told(&before, &case);
    assert_eq!(
        (web.state, web.message.as_str()),
        (
            State::Failed,
            "Podman's generator refuses its units: unsupported key 'Foo'"
        )
    );
    let changed = desired_of(Goal::Running, &WEB.replace("image: web", "image: other"));
    assert_eq!(told(&changed, &case).state, State::Ready);
}

/// As the report has it for the app `web`.
fn told(desired: &Desired, case: &Case) -> AppHealth {
    let report = report(desired, &case.observed, &case.progress);
    report
        .apps
        .into_iter()
        .find(|app| app.id.as_str() == "web")
        .expect("the app web")
}

#[test]
fn a_state_has_one_word_for_people_and_programs() {
    for (state, word) in [
        (State::Ready, "ready"),
        (State::Starting, "starting"),
        (State::Waiting, "waiting"),
        (State::Degraded, "degraded"),
        (State::Failed, "failed"),
        (State::Stopped, "stopped"),
        (State::Removing, "removing"),
    ] {
        assert_eq!(state.word(), word);
        assert_eq!(serde_json::to_value(state).unwrap(), word);
    }
}

#[test]
fn an_app_is_told_with_the_pages_that_it_has() {
    let text = WEB.replace(
        "x-archipelago:",
        "x-archipelago:\n  urls: [{title: Page, service: ui, port: 80}]",
    );
    let web = told(&desired_of(Goal::Running, &text), &Case::well());
    let page = UrlHealth {
        title: "Page".to_owned(),
        url: "http://127.0.0.1:8080/".to_owned(),
    };
    assert_eq!(web.urls, [page]);
}

#[test]
fn a_service_that_runs_and_is_not_healthy_yet_says_so() {
    let text = WEB.replace(
        "{image: web}",
        "{image: web, healthcheck: {test: ask, start_interval: 1s}}",
    );
    let mut case = Case::well();
    unwell(&mut case, "archy-web.service", Active::Activating, "start");
    let web = told(&desired_of(Goal::Running, &text), &case);
    assert_eq!(
        (web.state, web.message.as_str()),
        (
            State::Starting,
            "archy-web.service runs, and its health check has not succeeded yet"
        )
    );
}

#[test]
fn what_is_left_of_an_app_that_cannot_be_worked_out_is_told_as_it_is() {
    let mut case = Case::well();
    let units = unit_files_of(&desired(Goal::Running));
    case.observed.unit_files.extend(units);
    unwell(
        &mut case,
        "archy-web-ui.service",
        Active::Deactivating,
        "stop-sigterm",
    );
    let broken = told(&desired_of(Goal::Running, "services: {}"), &case);
    assert_eq!(broken.state, State::Failed);
    assert_eq!(
        broken.message,
        "/config/apps/web/compose.yaml:1:1: no services: an app has at least one"
    );
    let units: Vec<(&str, &str, &str, bool)> = broken
        .units
        .iter()
        .map(|unit| {
            (
                unit.name.as_str(),
                unit.state.word(),
                unit.sub_state.as_str(),
                unit.companion,
            )
        })
        .collect();
    assert_eq!(
        units,
        [
            ("archy-web-ui.service", "deactivating", "stop-sigterm", true),
            ("archy-web.service", "active", "running", false),
        ]
    );
}

/// The unit files of the app `web`.
fn unit_files_of(desired: &Desired) -> Vec<(String, Vec<u8>)> {
    let (_, present) = desired
        .present()
        .find(|(id, _)| id.as_str() == "web")
        .unwrap();
    present
        .units
        .values()
        .map(|unit| {
            (
                unit.file.name.clone(),
                unit.file.content.clone().into_bytes(),
            )
        })
        .collect()
}
