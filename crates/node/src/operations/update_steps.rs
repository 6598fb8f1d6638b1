//! The steps of an update that write to the disk. Each may be done twice.

use archipelago_core::intent::{Intent, WantedState};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{NextIntent, Update, UpdateStep};
use archipelago_host::records::{RecordLock, found_intent};
use archipelago_host::{data_copy, disk, history, releases};

use super::new_version::NewVersion;

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    Done,
    /// The intent is somebody else's.
    Superseded,
}

/// Why a step did not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error(transparent)]
    Copy(#[from] data_copy::Error),
    #[error(
        "the intent of {0} before the update is not in its history; archipelago install {0} sets it anew"
    )]
    NoIntentBefore(AppId),
}

/// Does the present step. The lock of passes is held. `new` is the new version, for the process
/// that began the update.
pub(crate) fn apply(
    layout: &Layout,
    update: &Update,
    claim: &mut RecordLock,
    new: Option<&NewVersion>,
) -> Result<Applied, Error> {
    let app = &update.record().app;
    match update.step() {
        Some(UpdateStep::WriteRecord(record)) => claim.replace(layout, record)?,
        Some(UpdateStep::WriteIntent(next)) => return write(layout, update, next, new),
        Some(UpdateStep::PutDataBack) => data_copy::put_back(layout, app)?,
        Some(UpdateStep::DiscardCopy) => data_copy::discard(layout, app)?,
        Some(UpdateStep::Forget) => {
            if let Some(change) = update.change() {
                history::note(layout, app, change)?;
            }
            claim.forget()?;
        }
        Some(UpdateStep::Pass { .. } | UpdateStep::CopyData | UpdateStep::GiveTagsBack(_))
        | None => {}
    }
    Ok(Applied::Done)
}

fn write(
    layout: &Layout,
    update: &Update,
    next: NextIntent,
    new: Option<&NewVersion>,
) -> Result<Applied, Error> {
    let record = update.record();
    let app = &record.app;
    let found = found_intent(layout, app)?;
    if !update.may_write(&found) {
        return Ok(Applied::Superseded);
    }
    match (next, new) {
        (NextIntent::Stopped, _) => {
            if found.revision == record.before {
                releases::keep_present(layout, app)?;
            }
            let text = disk::read_text(&layout.intent(app))?.unwrap_or_default();
            let Ok(intent) = Intent::parse("", &text) else {
                return Ok(Applied::Superseded);
            };
            let stopped = Intent {
                state: WantedState::Stopped,
                ..intent
            };
            releases::put(layout, app, &stopped.to_text())?;
        }
        (NextIntent::New, Some(new)) => new.put(layout, app)?,
        // Only the process that began the update has the new version.
        (NextIntent::New, None) => return Ok(Applied::Superseded),
        (NextIntent::Before, _) if found.revision == record.before => {}
        (NextIntent::Before, _) => {
            let before = record.before.as_ref();
            let kept = before.map(|before| releases::kept(layout, app, before));
            let text = kept.transpose()?.flatten();
            let text = text.ok_or_else(|| Error::NoIntentBefore(app.clone()))?;
            releases::put(layout, app, &text)?;
        }
    }
    Ok(Applied::Done)
}

/// How people call the version that the update was to.
pub(crate) fn version_of(update: &Update) -> String {
    let version = update.record().version.as_ref();
    version.map(|version| version.name()).unwrap_or_default()
}
