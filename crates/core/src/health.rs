//! How an app is, in the words of `status`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::desired::{App, Desired, DesiredContainer, DesiredUnit, Present, Role};
use crate::name::AppId;
use crate::observed::{Active, Load, Observed, Override, Podman, Service};
use crate::plan::blocked;
use crate::progress::{Progress, Subject};

/// All apps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order of their ids.
    pub apps: Vec<AppHealth>,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppHealth {
    /// Its id.
    pub id: AppId,
    /// How it is.
    pub state: State,
    /// Why, and what to do, in one sentence; empty when there is nothing to say.
    pub message: String,
    /// Its containers.
    pub units: Vec<UnitHealth>,
    /// Where people open it.
    pub urls: Vec<UrlHealth>,
}

/// One container of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitHealth {
    /// The systemd service.
    pub name: String,
    /// systemd's state: `active`, `activating`, `deactivating`, `inactive`, `failed`, or `masked`.
    pub state: String,
    /// systemd's finer state, such as `running` or `auto-restart`.
    pub sub_state: String,
    /// Whether it is a companion.
    pub companion: bool,
    /// How often systemd restarted it after a failure; 0 while it is well.
    pub restarts: u32,
    /// Why it is not well; empty when it is.
    pub message: String,
}

/// A page of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UrlHealth {
    /// What it is.
    pub title: String,
    /// Where it is.
    pub url: String,
}

/// How an app is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All of it runs and answers.
    Ready,
    /// It is on its way.
    Starting,
    /// It waits for another app.
    Waiting,
    /// It works, but a part of it does not.
    Degraded,
    /// It does not work; the message says why. It is tried again.
    Failed,
    /// It rests, as was asked.
    Stopped,
    /// It is being removed.
    Removing,
}

impl State {
    /// The word for it, in status and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Removing => "removing",
        }
    }
}

/// Judges all apps.
#[must_use]
pub fn report(desired: &Desired, observed: &Observed, progress: &Progress) -> Report {
    let mut apps: BTreeMap<&AppId, AppHealth> = BTreeMap::new();
    for (id, app) in &desired.apps {
        apps.insert(id, judge(id, app, observed, progress));
    }
    Report {
        apps: apps.into_values().collect(),
    }
}

fn judge(id: &AppId, app: &App, observed: &Observed, progress: &Progress) -> AppHealth {
    let failure = progress
        .attempts(&Subject::App(id.clone()))
        .map(|attempts| attempts.cause.clone());
    let bare = |state, message: String| AppHealth {
        id: id.clone(),
        state,
        message,
        units: leftover_units(id, observed),
        urls: Vec::new(),
    };
    match app {
        App::Broken { cause } => bare(State::Failed, cause.clone()),
        App::NeedsSecrets { .. } => bare(State::Starting, failure.unwrap_or_default()),
        App::NeedsApp { other } => bare(State::Waiting, format!("{other} has no secrets yet")),
        App::Removed { required_by, .. } if !required_by.is_empty() => {
            let names: Vec<&str> = required_by.iter().map(AppId::as_str).collect();
            bare(
                State::Removing,
                format!("uninstall {} first: it requires {id}", names.join(" and ")),
            )
        }
        App::Removed { .. } => bare(State::Removing, failure.unwrap_or_default()),
        App::Present(present) => {
            let units: Vec<UnitHealth> = present
                .containers()
                .map(|(unit, container)| judge_unit(unit, container, observed, progress))
                .collect();
            let (state, message) = match (blocked(id, present, observed, progress), failure) {
                (Some(cause), _) | (None, Some(cause)) => (State::Failed, cause),
                (None, None) => judge_present(present, &units, observed, progress),
            };
            AppHealth {
                id: id.clone(),
                state,
                message,
                units,
                urls: present
                    .urls
                    .iter()
                    .map(|(title, url)| UrlHealth {
                        title: title.clone(),
                        url: url.clone(),
                    })
                    .collect(),
            }
        }
    }
}

fn leftover_units(id: &AppId, observed: &Observed) -> Vec<UnitHealth> {
    let names = observed
        .units_of(id)
        .filter(|name| name.ends_with(".container"));
    names
        .map(|name| {
            let service = crate::quadlet::service_of(name);
            let found = observed.services.get(&service);
            UnitHealth {
                state: state_word(found).to_owned(),
                sub_state: found.map(|found| found.sub.clone()).unwrap_or_default(),
                companion: observed.mark(name).is_some_and(|mark| mark.companion),
                restarts: 0,
                message: String::new(),
                name: service,
            }
        })
        .collect()
}

fn state_word(service: Option<&Service>) -> &'static str {
    match service.map(|service| service.active) {
        Some(Active::Active) => "active",
        Some(Active::Activating) => "activating",
        Some(Active::Deactivating) => "deactivating",
        Some(Active::Failed) => "failed",
        Some(Active::Inactive) | None => "inactive",
    }
}

fn judge_unit(
    unit: &DesiredUnit,
    container: &DesiredContainer,
    observed: &Observed,
    progress: &Progress,
) -> UnitHealth {
    let found = observed.services.get(&unit.service);
    let masked = observed.overrides.get(&unit.service) == Some(&Override::Masked)
        || found.is_some_and(|found| found.load == Load::Masked);
    let failure = found.and_then(|found| found.failure.as_ref());
    UnitHealth {
        name: unit.service.clone(),
        state: if masked {
            "masked".to_owned()
        } else {
            state_word(found).to_owned()
        },
        sub_state: found.map(|found| found.sub.clone()).unwrap_or_default(),
        companion: container.companion,
        restarts: failure.map_or(0, |failure| failure.restarts),
        message: if masked {
            format!(
                "masked by the operator; systemctl --user unmask {} gives it back",
                unit.service
            )
        } else {
            unit_problem(unit, container, found, observed, progress)
        },
    }
}

fn unit_problem(
    unit: &DesiredUnit,
    container: &DesiredContainer,
    found: Option<&Service>,
    observed: &Observed,
    progress: &Progress,
) -> String {
    let image = container.image.reference.to_string();
    if let Some(line) = observed.images_underway.get(&image) {
        return format!("getting the image {image}: {line}");
    }
    let up = found.is_some_and(Service::is_up);
    if let Some(attempts) = progress.attempts(&Subject::Image(image.clone()))
        && !up
    {
        return format!("no image {image}: {}", attempts.cause);
    }
    if let Some(attempts) = progress.attempts(&Subject::Generate(unit.file.name.clone())) {
        return attempts.cause.clone();
    }
    if let Some(failure) = found.and_then(|found| found.failure.as_ref())
        && found.is_some_and(|found| found.is_restarting() || found.active == Active::Failed)
    {
        return format!(
            "it ended with {} (status {}) and was restarted {} times; see: archipelago logs, or journalctl --user -u {}",
            failure.result, failure.status, failure.restarts, unit.service
        );
    }
    if let Podman::Unreachable(cause) = &observed.podman
        && !up
    {
        return cause.clone();
    }
    String::new()
}

fn judge_present(
    present: &Present,
    units: &[UnitHealth],
    observed: &Observed,
    progress: &Progress,
) -> (State, String) {
    if !present.running {
        let rest = units
            .iter()
            .all(|unit| matches!(unit.state.as_str(), "inactive" | "failed" | "masked"));
        return if rest {
            (State::Stopped, String::new())
        } else {
            (State::Starting, "stopping".to_owned())
        };
    }
    let broken = |unit: &&UnitHealth| is_failed(unit, present, progress);
    if let Some(unit) = units.iter().filter(|unit| !unit.companion).find(broken) {
        return (State::Failed, format!("{}: {}", unit.name, unit.message));
    }
    let starting = |unit: &&UnitHealth| unit.state != "active" && unit.state != "masked";
    if let Some(unit) = units.iter().filter(|unit| !broken(unit)).find(starting) {
        let message = if unit.message.is_empty() {
            format!("{} is {}", unit.name, unit.state)
        } else {
            unit.message.clone()
        };
        return (State::Starting, message);
    }
    if let Some(unit) = units
        .iter()
        .find(|unit| broken(unit) || unit.state == "masked")
    {
        return (State::Degraded, format!("{}: {}", unit.name, unit.message));
    }
    match present
        .probes
        .iter()
        .find(|probe| observed.answers.get(probe) == Some(&false))
    {
        Some(probe) => (
            State::Starting,
            format!("it runs, but does not answer at {} yet", probe.address),
        ),
        None => (State::Ready, String::new()),
    }
}

/// A unit that will not come up without a change or another attempt.
fn is_failed(unit: &UnitHealth, present: &Present, progress: &Progress) -> bool {
    if unit.state == "active" || unit.state == "masked" {
        return false;
    }
    if unit.state == "failed" || unit.sub_state.starts_with("auto-restart") {
        return true;
    }
    let desired = present
        .units
        .values()
        .find(|desired| desired.service == unit.name);
    desired.is_some_and(|desired| {
        let image = match &desired.role {
            Role::Container(container) => {
                progress.attempts(&Subject::Image(container.image.reference.to_string()))
            }
            Role::Network(_) | Role::Volume(_) => None,
        };
        image
            .or_else(|| progress.attempts(&Subject::Generate(desired.file.name.clone())))
            .is_some()
    })
}

#[cfg(test)]
mod tests {
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
                let subject = Subject::Image(image.to_owned());
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
            "the unit file ~/.config/containers/systemd/archy-web.network exists",
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
}
