//! Making passes until an app is as asked, and saying meanwhile what happens.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use archipelago_core::health::{AppHealth, State};
use archipelago_core::name::AppId;
use indicatif::{ProgressBar, ProgressStyle};

use super::proof::Proof;
use super::{Code, Failure, logs, show};
use archipelago_node::driver::Driver;
use archipelago_node::schedule::Pace;

/// What an app should become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Ready,
    Stopped,
    Gone,
}

/// An app whose containers run but which does not answer may be busy for hours; then it is left to it.
const ANSWER_LIMIT: Duration = Duration::from_secs(300);
/// An app that says how far it is, or waits for another, may take days. Seen for this long, it is no passing state.
const PATIENCE: Duration = Duration::from_secs(15);
/// One that says what it does, but not how far it is, is mostly done with it within this time.
const LONG_PATIENCE: Duration = Duration::from_secs(60);
/// The longest wait for a signal before looking again: probes and lines of progress send none.
const LOOK: Duration = Duration::from_millis(500);
/// How many lines of the journal explain a failure.
const JOURNAL_LINES: u32 = 15;

/// Makes passes until the app is as asked.
pub(super) async fn until(
    driver: &mut Driver,
    id: &AppId,
    goal: Goal,
) -> Result<Option<AppHealth>, Failure> {
    let wakeup = driver.wakeup();
    let mut listens = false;
    let mut screen = Screen::new();
    let mut running_since: Option<Instant> = None;
    // Whether something had to be started first, and how long all has been as asked.
    let mut started = false;
    let mut proof: Option<Proof> = None;
    let mut under_way_since: Option<Instant> = None;
    loop {
        let pace = Pace::begin();
        let pass = driver.pass().await?;
        let gap = pace.gap();
        let health = pass.report.apps.iter().find(|app| app.id == *id);
        let Some(health) = health else {
            screen.end();
            return match goal {
                Goal::Gone => Ok(None),
                Goal::Ready | Goal::Stopped => show::health_of(&pass.report, id).cloned().map(Some),
            };
        };
        screen.show(health);
        let reached = match goal {
            Goal::Ready => is_up(health) && !pass.acted,
            Goal::Stopped => health.state == State::Stopped && !pass.acted,
            Goal::Gone => false,
        };
        if reached {
            let proof = proof.get_or_insert_with(Proof::begin);
            if goal != Goal::Ready || !started || proof.left().is_zero() {
                screen.end();
                return Ok(Some(health.clone()));
            }
        } else {
            started = true;
            proof = None;
        }
        if let Some(other) = overtaken(health, goal)
            && !pass.acted
        {
            screen.end();
            return Err(Failure::new(
                Code::Failed,
                format!("{id} was {other} by someone else meanwhile"),
            ));
        }
        if has_failed(health) && !pass.acted {
            screen.end();
            return Err(explain(health));
        }
        let since =
            |since: Option<Instant>, holds: bool| holds.then(|| since.unwrap_or_else(Instant::now));
        let patience = patience(health).filter(|_| goal == Goal::Ready && !pass.acted);
        under_way_since = since(under_way_since, patience.is_some());
        if under_way_since
            .zip(patience)
            .is_some_and(|(since, patience)| since.elapsed() >= patience)
        {
            screen.end();
            return Ok(Some(health.clone()));
        }
        running_since = since(running_since, goal == Goal::Ready && all_run(health));
        if running_since.is_some_and(|since| since.elapsed() > ANSWER_LIMIT) {
            screen.end();
            return Err(Failure::new(
                Code::Unfinished,
                format!(
                    "{id} runs, but is not ready yet: {}; archipelago status {id} goes on telling",
                    health.message
                ),
            ));
        }
        let wait = if pass.acted {
            gap
        } else if let Some(proof) = &proof {
            proof.left()
        } else {
            pass.wake_after.unwrap_or(LOOK).clamp(gap.min(LOOK), LOOK)
        };
        let ended = tokio::time::Instant::now();
        // Where nothing is to be done, nobody need listen. It ends with the command.
        if !std::mem::replace(&mut listens, true) {
            tokio::spawn(wakeup.clone().notify_for_systemd());
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = wakeup.notified_after(ended + gap) => {}
        }
    }
}

/// Ready, but for what the operator masked.
fn is_up(health: &AppHealth) -> bool {
    let by_will = || {
        health
            .units
            .iter()
            .all(|unit| matches!(unit.state.as_str(), "active" | "masked"))
    };
    health.state == State::Ready || (health.state == State::Degraded && by_will())
}

/// How long to look at an app for which nothing more is to be done: it gets there by itself, and says what it is at.
fn patience(health: &AppHealth) -> Option<Duration> {
    match (health.state, &health.busy) {
        (State::Waiting, _) => Some(PATIENCE),
        (State::Starting, Some(busy)) if busy.percent.is_some() => Some(PATIENCE),
        (State::Starting, Some(_)) => Some(LONG_PATIENCE),
        _ => None,
    }
}

/// Its containers run, be it that they have not come to answer yet.
fn all_run(health: &AppHealth) -> bool {
    !health.units.is_empty()
        && health.units.iter().all(|unit| {
            unit.state == "active" || (unit.state == "activating" && unit.message.is_empty())
        })
}

/// What someone else has asked for since, if this command's wish is no longer the operator's last.
fn overtaken(health: &AppHealth, goal: Goal) -> Option<&'static str> {
    match (goal, health.state) {
        (Goal::Ready | Goal::Stopped, State::Removing) => Some("uninstalled"),
        (Goal::Ready, State::Stopped) => Some("stopped"),
        (Goal::Stopped, State::Ready) => Some("started"),
        (Goal::Gone, State::Ready | State::Stopped) => Some("installed"),
        _ => None,
    }
}

/// A container that ended once may come up at the second try; everything else that failed stays so until something changes.
fn has_failed(health: &AppHealth) -> bool {
    match health.state {
        State::Failed | State::Degraded => health
            .units
            .iter()
            .all(|unit| !unit.sub_state.starts_with("auto-restart") || unit.restarts >= 2),
        State::Removing => !health.message.is_empty(),
        State::Ready | State::Starting | State::Waiting | State::Stopped => false,
    }
}

fn explain(health: &AppHealth) -> Failure {
    let mut message = format!("{}: {}", health.id, health.message);
    let ended = health
        .units
        .iter()
        .find(|unit| unit.sub_state.starts_with("auto-restart") || unit.state == "failed");
    if let Some(unit) = ended {
        message.push_str(&format!("\nthe last lines of {}:", unit.name));
        for line in logs::last_lines(&unit.name, JOURNAL_LINES) {
            message.push_str(&format!("\n  {line}"));
        }
    }
    message.push_str(&format!(
        "\nIt is tried again by itself; archipelago uninstall {} gives it up.",
        health.id
    ));
    Failure::new(Code::Failed, message)
}

/// What happens, on standard error: one line for each change, and on a terminal a moving line for what is under way.
struct Screen {
    spinner: Option<ProgressBar>,
    shown: BTreeMap<String, String>,
}

impl Screen {
    fn new() -> Self {
        let spinner = std::io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        Self {
            spinner,
            shown: BTreeMap::new(),
        }
    }

    fn show(&mut self, health: &AppHealth) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(if health.message.is_empty() {
                health.state.word().to_owned()
            } else {
                health.message.clone()
            });
        }
        for unit in &health.units {
            // Lines of progress change all the time; what counts here is the step that they belong to.
            let step = unit
                .message
                .split(": ")
                .take(2)
                .collect::<Vec<_>>()
                .join(": ");
            let line = if unit.message.is_empty() {
                unit.state.clone()
            } else {
                step
            };
            if self.shown.get(&unit.name) != Some(&line) {
                self.say(&format!("{}  {line}", unit.name));
                self.shown.insert(unit.name.clone(), line);
            }
        }
    }

    fn say(&self, line: &str) {
        match &self.spinner {
            Some(spinner) => spinner.println(line),
            None => eprintln!("{line}"),
        }
    }

    fn end(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }
}
