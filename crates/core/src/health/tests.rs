//! The health of apps, case by case.

mod causes;
mod waiting;

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::desired::{Apps, Inputs, assemble};
use crate::intent::{Intent, WantedState};
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files};
use crate::needs::{Device, Offers};
use crate::observed::{Active, Answer, Failure, Job, Load, Override, Service, SubState};
use crate::retries::Subject;

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

/// A state of the app `web` and of `top`, which requires it.
struct Case {
    /// The goal of `web`.
    goal: WantedState,
    observed: Observed,
    retries: Retries,
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
            goal: WantedState::Running,
            observed,
            retries: Retries::default(),
        }
    }
}

/// The app `web`, all of which runs and answers, then `happened`; expects its state and a part of
/// the message.
fn check(happened: impl FnOnce(&mut Case), state: State, message: &str) {
    let mut case = Case::well();
    happened(&mut case);
    let report = report(&desired(case.goal), &case.observed, &case.retries);
    let app = report
        .apps
        .iter()
        .find(|app| app.id.as_str() == "web")
        .expect("the app web");
    assert_eq!(app.state, state, "{}", app.message());
    let units: Vec<String> = app.units.iter().map(UnitHealth::message).collect();
    assert!(
        app.message().contains(message),
        "{:?}, units: {units:?}",
        app.message()
    );
}

fn up() -> Service {
    Service {
        load: Load::Loaded,
        active: Active::Active,
        sub: "running".into(),
        job: None,
        failure: None,
        began: None,
    }
}

fn desired(state: WantedState) -> Desired {
    desired_of(state, WEB)
}

/// The apps `web`, as this text has it, and `top`.
fn desired_of(state: WantedState, text: &str) -> Desired {
    let id = AppId::parse("web").unwrap();
    let intent = Intent {
        state,
        ..Intent::default()
    };
    let top = AppId::parse("top").unwrap();
    let files = |text: &str| Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())]);
    let inputs = Inputs {
        intents: BTreeMap::from([
            (id.clone(), Ok(intent)),
            (top.clone(), Ok(Intent::default())),
        ]),
        definitions: BTreeMap::from([(id, files(text)), (top, files(ON_TOP))]),
        ..Inputs::new(Layout::under("/"))
    };
    assemble(&inputs, &Apps::read(&inputs))
}

fn unwell(case: &mut Case, name: &str, active: Active, sub: &str) {
    let service = case.observed.services.get_mut(name).unwrap();
    service.active = active;
    service.sub = sub.into();
    service.failure = Some(Failure {
        result: "exit-code".to_owned(),
        status: 7,
        restarts: 3,
        last_line: None,
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
            case.goal = WantedState::Stopped;
            case.observed.services.clear();
        },
        State::Stopped,
        "",
    );
    check(|case| case.goal = WantedState::Stopped, State::Stopping, "");
    check(|case| case.goal = WantedState::Removed, State::Removing, "");
}

/// As the report has it for the app `web`.
fn told(desired: &Desired, case: &Case) -> AppHealth {
    let report = report(desired, &case.observed, &case.retries);
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
        (State::Stopping, "stopping"),
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
    let web = told(&desired_of(WantedState::Running, &text), &Case::well());
    let page = UrlHealth {
        title: "Page".to_owned(),
        url: "http://127.0.0.1:8080/".to_owned(),
    };
    assert_eq!(web.urls, [page]);
    // Without a list, the ports that the services publish.
    let plain = told(&desired_of(WantedState::Running, WEB), &Case::well());
    let published: Vec<(&str, &str)> = plain
        .urls
        .iter()
        .map(|page| (page.title.as_str(), page.url.as_str()))
        .collect();
    assert_eq!(published, [("ui", "http://127.0.0.1:8080/")]);
}

#[test]
fn a_service_that_runs_and_is_not_healthy_yet_says_so() {
    let text = WEB.replace(
        "{image: web}",
        "{image: web, healthcheck: {test: ask, start_interval: 1s}}",
    );
    let mut case = Case::well();
    unwell(&mut case, "archy-web.service", Active::Activating, "start");
    let web = told(&desired_of(WantedState::Running, &text), &case);
    assert_eq!(
        (web.state, web.message().as_str()),
        (
            State::Starting,
            "archy-web.service runs, but its health check has not succeeded yet"
        )
    );
}
