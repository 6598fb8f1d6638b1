//! The health of one app, without regard to the apps that it requires.

use super::state::{AppHealth, State, UnitHealth, UnitState, UrlHealth};
use super::unit::{judge_unit, leftover_units};
use crate::cause::Cause;
use crate::desired::{App, Present};
use crate::layout::Layout;
use crate::name::AppId;
use crate::network;
use crate::observed::{Answer, Busy, Observed, Podman};
use crate::plan::blocked;
use crate::progress::{Progress, Subject};

pub(super) fn judge(
    layout: &Layout,
    id: &AppId,
    app: &App,
    observed: &Observed,
    progress: &Progress,
) -> AppHealth {
    let failure = progress
        .attempts(&Subject::App(id.clone()))
        .map(|attempts| told(attempts.cause.as_ref()));
    let bare = |state, message: String| AppHealth {
        id: id.clone(),
        state,
        message,
        units: leftover_units(id, observed),
        urls: Vec::new(),
        busy: None,
    };
    match app {
        App::Broken { cause, .. } => bare(State::Failed, cause.to_string()),
        App::NeedsSecrets { .. } => match failure {
            Some(cause) => bare(State::Failed, cause),
            None => bare(State::Starting, String::new()),
        },
        App::NeedsApp { other } => bare(State::Waiting, format!("{other} has no secrets yet")),
        App::NeedsFile { other, file } => bare(
            State::Waiting,
            format!("{other} has not written its file {file} yet"),
        ),
        App::Removed { required_by, .. } if !required_by.is_empty() => {
            let names: Vec<&str> = required_by.iter().map(AppId::as_str).collect();
            bare(
                State::Removing,
                format!("{id} is required: uninstall {} first", names.join(" and ")),
            )
        }
        App::Removed { .. } => {
            let unreachable = match &observed.podman {
                Podman::Unreachable(cause) => Some(cause.to_string()),
                Podman::Unasked | Podman::Seen(_) => None,
            };
            bare(State::Removing, failure.or(unreachable).unwrap_or_default())
        }
        App::Present(present) => {
            let units: Vec<UnitHealth> = present
                .containers()
                .map(|(unit, container)| {
                    let mut health = judge_unit(unit, container, observed, progress);
                    // A stopped app may have ended with any status.
                    if !present.running && health.state == UnitState::Failed {
                        health.state = UnitState::Inactive;
                        health.message = String::new();
                    }
                    health
                })
                .collect();
            let (state, message) = match (blocked(layout, id, present, observed, progress), failure)
            {
                (Some(blocked), _) => (State::Failed, blocked.to_string()),
                (None, Some(cause)) => (State::Failed, cause),
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
                busy: busy(present, observed).cloned(),
            }
        }
    }
}

fn told(cause: Option<&Cause>) -> String {
    cause.map(ToString::to_string).unwrap_or_default()
}

fn judge_present(
    present: &Present,
    units: &[UnitHealth],
    observed: &Observed,
    progress: &Progress,
) -> (State, String) {
    if !present.running {
        let rest = units.iter().all(|unit| {
            matches!(
                unit.state,
                UnitState::Inactive | UnitState::Failed | UnitState::Masked
            )
        });
        return if rest {
            (State::Stopped, String::new())
        } else {
            (State::Starting, "stopping".to_owned())
        };
    }
    let broken = |unit: &&UnitHealth| is_failed(unit, present, observed, progress);
    if let Some(unit) = units.iter().filter(|unit| !unit.companion).find(broken) {
        return (State::Failed, format!("{}: {}", unit.name, unit.message));
    }
    let starting =
        |unit: &&UnitHealth| unit.state != UnitState::Active && unit.state != UnitState::Masked;
    if let Some(unit) = units.iter().filter(|unit| !broken(unit)).find(starting) {
        let message = match (busy(present, observed), &unit.awaited_job) {
            _ if !unit.message.is_empty() => unit.message.clone(),
            (Some(busy), _) => format!("it is {}", busy.message),
            (None, Some(job)) => format!("{} starts once the job {job} has ended", unit.name),
            (None, None) if unit.state == UnitState::Activating && unit.is_job => {
                format!("the job {} runs", unit.name)
            }
            (None, None)
                if unit.state == UnitState::Activating && starts_healthy(present, unit) =>
            {
                format!(
                    "{} runs, but its health check has not succeeded yet",
                    unit.name
                )
            }
            (None, None) => format!("{} is {}", unit.name, unit.state.word()),
        };
        return (State::Starting, message);
    }
    let stale =
        |unit: &&UnitHealth| unit.state == UnitState::Active && observed.must_restart(&unit.name);
    if let Some(unit) = units.iter().find(stale) {
        let message = format!("{} will be restarted because of a change", unit.name);
        return (State::Starting, message);
    }
    if let Some(unit) = units
        .iter()
        .find(|unit| broken(unit) || unit.state == UnitState::Masked)
    {
        return (State::Degraded, format!("{}: {}", unit.name, unit.message));
    }
    if let Some(cause) = fought_over(present, progress) {
        return (State::Degraded, cause);
    }
    if let Some(cause) = network_problem(present, observed, progress) {
        return (State::Degraded, cause);
    }
    if let Some(busy) = busy(present, observed) {
        return (State::Starting, format!("it is {}", busy.message));
    }
    match present
        .probes
        .iter()
        .find(|probe| observed.answers.get(probe) == Some(&Answer::Silent))
    {
        Some(probe) => (
            State::Starting,
            format!("it runs, but does not answer at {} yet", probe.address),
        ),
        None => (State::Ready, String::new()),
    }
}

fn starts_healthy(present: &Present, unit: &UnitHealth) -> bool {
    let container = present
        .containers()
        .find(|(desired, _)| desired.service == unit.name);
    container.is_some_and(|(_, container)| container.starts_healthy)
}

/// A file of the app that something else keeps changing.
fn fought_over(present: &Present, progress: &Progress) -> Option<String> {
    if progress.is_empty() {
        return None;
    }
    let units = present.units.keys().cloned();
    let files = present.files.keys().map(|path| path.display().to_string());
    units.chain(files).find_map(|file| {
        Some(told(
            progress.attempts(&Subject::File(file))?.cause.as_ref(),
        ))
    })
}

/// The part of the app's networks that does not work although its containers run.
fn network_problem(present: &Present, observed: &Observed, progress: &Progress) -> Option<String> {
    if let Some(loss) = network::loss(present, observed) {
        let cause = progress.attempts(&Subject::Networks);
        return Some(match cause.and_then(|attempts| attempts.cause.as_ref()) {
            None => format!("{loss}; it is started again"),
            Some(cause) => format!("{loss}; starting it again failed: {cause}"),
        });
    }
    let mut services = present.containers().map(|(unit, _)| unit.service.as_str());
    services.find_map(|service| {
        let closed = observed.network.closed.get(service)?.first()?;
        let attempts = progress.attempts(&Subject::Ports(service.to_owned()))?;
        // Between two observations a container may be on its way up or down.
        (attempts.count > 0).then(|| {
            format!(
                "nothing listens on {closed}, which {service} publishes, though it was restarted for that; \
                 see: journalctl --user -u {service}"
            )
        })
    })
}

/// The work that the app says is left.
fn busy<'a>(present: &Present, observed: &'a Observed) -> Option<&'a Busy> {
    present
        .probes
        .iter()
        .find_map(|probe| match observed.answers.get(probe) {
            Some(Answer::Busy(busy)) => Some(busy),
            Some(Answer::Ready | Answer::Silent) | None => None,
        })
}

/// A unit that will not come up without a change or another attempt.
fn is_failed(
    unit: &UnitHealth,
    present: &Present,
    observed: &Observed,
    progress: &Progress,
) -> bool {
    if unit.state == UnitState::Active || unit.state == UnitState::Masked {
        return false;
    }
    let desired = present
        .containers()
        .find(|(desired, _)| desired.service == unit.name);
    let Some((desired, container)) = desired else {
        return unit.has_ended();
    };
    // Be it that it ended or that getting the image failed before: the attempt that is under way
    // decides.
    let image = container.image.reference.to_string();
    if observed.images_underway.contains_key(&image) {
        return false;
    }
    unit.has_ended()
        || progress.attempts(&container.image.subject()).is_some()
        || progress
            .attempts(&Subject::Generate(desired.file.name.clone()))
            .is_some()
}
