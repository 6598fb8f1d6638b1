//! The answers of an app about itself, and about the apps that it requires.

use super::*;
use crate::cause::Cause;
use crate::observed::{Answer, Busy, Override};

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
    let report = report(&desired(case.goal), &case.observed, &case.retries);
    let told: Vec<(State, String)> = report
        .apps
        .iter()
        .map(|app| (app.state, app.message()))
        .collect();
    let expected = expected
        .iter()
        .map(|(state, text)| (*state, (*text).to_owned()));
    assert_eq!(told, Vec::from_iter(expected));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
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
                "archy-top.service: it ended with exit-code (status 7) and was restarted 3 times; see: archipelago logs top, or journalctl --user -u archy-top.service",
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
                "archy-web.service: masked by the operator; systemctl --user unmask archy-web.service undoes that",
            ),
        ],
    );
    check_dependant(
        |case| {
            case.goal = WantedState::Stopped;
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
                "archy-web.service: it ended with exit-code (status 7) and was restarted 3 times; see: archipelago logs web, or journalctl --user -u archy-web.service",
            ),
        ],
    );
    // Its own fault stays its own.
    check_dependant(
        |case| {
            say_busy(case);
            case.observed.services.remove("archy-top.service");
            let subject = Subject::App(AppId::parse("top").unwrap());
            case.retries.attempted(
                subject,
                Cause::File("no space left".to_owned()),
                Duration::ZERO,
            );
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
                "archy-web-ui.service: it ended with exit-code (status 7) and was restarted 3 times; see: archipelago logs web, or journalctl --user -u archy-web-ui.service",
            ),
        ],
    );
}
