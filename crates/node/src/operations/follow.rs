//! Carrying an operation out, from its record to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use archipelago_core::error::chain;
use archipelago_core::health::AppHealth;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{
    self, DiskState, Ending, Kind, Operation, Proposal, Record, Request, Step, Target, UpToDate,
    Verdict,
};
use archipelago_core::pass;
use archipelago_host::imports::{self, Staging};
use archipelago_host::lock::Lock;
use archipelago_host::records::{self, disk_state};
use archipelago_host::{facts, history, journal};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use crate::error::{Ended, Error, FailedApp};
use crate::handle::{Handle, PassReport};

use super::commit::Change;
use super::event::Event;

/// The number of journal lines in an error.
const JOURNAL_LINES: u32 = 15;

/// Carries the operation out with the engine of this handle. `staging` has the data of an import,
/// which are put in place before the intent is written. If it returns early, the record stays
/// and another process finishes the operation.
pub(super) async fn carry_out(
    layout: Layout,
    request: Request,
    proposal: Proposal,
    staging: Option<Staging>,
    mut handle: Handle,
    mut progress: impl FnMut(Event<'_>),
) -> Result<Option<AppHealth>, Error> {
    let asked_unix_s = facts::now_unix_s();
    let mut events = handle.events();
    // The engine waits for this lock at each pass and cannot tell why nothing happens.
    drop(Lock::of_passes(&layout, |holder| progress(Event::Locked(holder))).await?);
    let mut up_to_date = UpToDate::before(&proposal);
    while up_to_date.needs_pass() {
        up_to_date.passed(handle.pass().await?.outcome.clone()?.acted());
    }
    let app = proposal.app.clone();
    let restarts = match proposal.kind {
        Kind::Restart => handle.running_invocations(app.clone()).await?,
        _ => BTreeMap::new(),
    };
    let mut lock = Some(Lock::of_passes(&layout, |holder| progress(Event::Locked(holder))).await?);
    imports::take_back(&layout, &app)?;
    let mut change = Change::of(&layout, request, &proposal, asked_unix_s, restarts)?;
    change.staging = staging;
    let mut operation = Operation::begin(change.record.clone());
    let mut change = if change.record.changes_nothing() {
        // The definition may have been damaged; it is stored anew.
        change.make(&layout).await?;
        drop(lock.take());
        handle.retry_now(app.clone()).await?;
        None
    } else {
        Some(change)
    };
    let mut claim = None;
    let mut not_switched = None;
    let mut last = 0;
    while let Some(step) = operation.step() {
        match step {
            Step::WriteRecord(record) => {
                claim = Some(records::write(&layout, record)?);
                operation.recorded();
            }
            Step::Switch(_) => match switch(&layout, &app, change.take()).await? {
                Switched::Failed { error, left } => {
                    drop(lock.take());
                    operation.not_switched(&left);
                    not_switched = Some(error);
                }
                Switched::Done => {
                    drop(lock.take());
                    if proposal.kind != Kind::Restart {
                        handle.retry_now(app.clone()).await?;
                    }
                    operation.switched();
                }
            },
            Step::Follow { within } => {
                let made = next(&mut handle, last, within).await?;
                last = made.number;
                let pass = made.outcome.clone()?;
                tell_actions(&mut events, &app, &mut progress);
                let report = &pass.report;
                if let Some(health) = report.apps.iter().find(|health| health.id == app) {
                    progress(Event::Health(health));
                }
                operation.passed(made.seen(&pass));
            }
            Step::ForgetRecord(_) => {
                note_change(&layout, &operation).await;
                if let Some(Err(error)) = claim.as_ref().map(records::RecordLock::forget) {
                    tracing::warn!("{}; the daemon will remove it", chain(&error));
                }
                operation.forgotten();
            }
        }
    }
    result(&operation, not_switched)
}

/// Notes in the app's history how the operation ended. Nothing depends on it.
async fn note_change(layout: &Layout, operation: &Operation) {
    let record = operation.record();
    let ending = operation.ending();
    let Some(change) = ending.and_then(|ending| operation::Change::of(record, ending)) else {
        return;
    };
    let noted = match Lock::of_passes(layout, |_| ()).await {
        Ok(_lock) => history::note(layout, &record.app, change).map_err(Error::from),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = noted {
        tracing::warn!(
            "the history of {} is not complete: {}",
            record.app,
            chain(&error)
        );
    }
}

/// The outcome of an attempt to change the intent.
enum Switched {
    Done,
    Failed { error: Error, left: DiskState },
}

async fn switch(layout: &Layout, app: &AppId, change: Option<Change>) -> Result<Switched, Error> {
    let made = match change {
        Some(change) => change.make(layout).await,
        None => Ok(()),
    };
    match made {
        Ok(()) => Ok(Switched::Done),
        Err(error) => Ok(Switched::Failed {
            left: disk_state(layout, app)?,
            error,
        }),
    }
}

/// The result of an operation that has ended. `not_switched` is the reason why the intent could not
/// be changed.
fn result(operation: &Operation, not_switched: Option<Error>) -> Result<Option<AppHealth>, Error> {
    let Record { app, goal, .. } = operation.record();
    let app = app.clone();
    match operation.ending() {
        Some(Ending::Followed(Verdict::Reached(health))) => Ok(Some(AppHealth::clone(health))),
        Some(Ending::Followed(Verdict::Gone)) => Ok(None),
        Some(Ending::Followed(Verdict::Overtaken(by))) => Err(Error::Overtaken { app, by: *by }),
        Some(Ending::Followed(Verdict::Failed(health))) => {
            Err(explained(AppHealth::clone(health), *goal))
        }
        Some(Ending::Followed(Verdict::Silent(health))) => Err(Error::Silent(health.clone())),
        Some(Ending::NotBegun | Ending::Superseded) => {
            Err(not_switched.unwrap_or(Error::Changed(app)))
        }
        Some(Ending::LeftAlone | Ending::Followed(Verdict::Wait(_))) | None => {
            Err(Error::Unfinished(app))
        }
    }
}

/// The actions of passes.
pub(super) type Events = Receiver<pass::Event>;

/// Reports the actions for the app or the host since the last call.
pub(super) fn tell_actions(events: &mut Events, app: &AppId, progress: &mut impl FnMut(Event<'_>)) {
    loop {
        match events.try_recv() {
            Ok(event) if event.summary.app.as_ref().is_none_or(|other| other == app) => {
                progress(Event::Action(&event));
            }
            // Of too many, the oldest are lost.
            Ok(_) | Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return,
        }
    }
}

/// The next pass after the one with this number, asked for when none comes in time.
pub(super) async fn next(
    handle: &mut Handle,
    last: u64,
    within: Option<Duration>,
) -> Result<Arc<PassReport>, Error> {
    if let Some(within) = within {
        let later = async {
            loop {
                let made = handle.next().await?;
                if made.number > last {
                    return Ok(made);
                }
            }
        };
        if let Ok(made) = tokio::time::timeout(within, later).await {
            return made;
        }
    }
    Ok(handle.pass().await?)
}

fn explained(health: AppHealth, goal: Target) -> Error {
    let ended = health.units.iter().find(|unit| unit.has_ended());
    let ended = ended.map(|unit| Ended {
        service: unit.name.clone(),
        lines: journal::last_lines(&unit.name, JOURNAL_LINES),
    });
    Error::Failed(Box::new(FailedApp {
        health,
        goal,
        ended,
    }))
}
