//! `update`: images first, then the steps of `core`'s [`Update`]. A process that finds the record
//! of one that was interrupted goes on in `unfinished.rs`.

use std::collections::{BTreeMap, BTreeSet};

use archipelago_core::error::chain;
use archipelago_core::health::AppHealth;
use archipelago_core::intent::{Intent, WantedState};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{
    DataPlan, IntentRevision, NextIntent, Outcome, Phase, Proposal, Request, Target, UpToDate,
    Update, UpdateEnding, UpdateState, UpdateStep,
};
use archipelago_host::lock::Lock;
use archipelago_host::records::{self, RecordLock};
use archipelago_host::{data_copy, disk, facts};

use super::commit::{Change, resolve};
use super::event::Event;
use super::new_version::NewVersion;
use super::update_images;
use super::update_steps::{Applied, apply};
use super::{follow, update_steps};
use crate::clock::now_unix_ms;
use crate::error::Error;
use crate::handle::Handle;

/// A request for an update that a person has seen.
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) proposal: Proposal,
    pub(super) data: DataPlan,
    /// The words of the grants that the person has agreed to.
    pub(super) allowed: BTreeSet<String>,
}

/// Updates an app. If it returns early, the record stays, and another process finishes the update.
pub(super) async fn run(
    layout: Layout,
    asked: Asked,
    mut handle: Handle,
    mut progress: impl FnMut(Event<'_>),
) -> Result<Option<AppHealth>, Error> {
    let Asked {
        request,
        proposal,
        data,
        allowed,
    } = asked;
    let asked_unix_s = facts::now_unix_s();
    let Request::Update { definition, .. } = request else {
        return Err(Error::Changed(proposal.app));
    };
    let images = update_images::fetch(&layout, &proposal, asked_unix_s, &mut progress).await?;
    let request = Request::Update {
        definition,
        images: Some(images),
    };
    let previewed = proposal;
    let proposal = resolve(&layout, request.clone())?;
    if !previewed.differs_in_images_alone(&proposal) {
        return Err(Error::Changed(previewed.app));
    }
    proposal.check_allowed(&allowed)?;
    let is_unchanged = proposal.installation().is_none_or(|app| app.is_unchanged);
    progress(Event::Updating { is_unchanged });
    update_images::get(&layout, &proposal, &mut progress).await?;
    if is_unchanged || proposal.goal != Target::Ready {
        return follow::carry_out(layout, request, proposal, None, handle, progress).await;
    }
    // The engine waits for this lock at each pass and cannot tell why nothing happens.
    drop(Lock::of_passes(&layout, |holder| progress(Event::Locked(holder))).await?);
    let mut up_to_date = UpToDate::before(&proposal);
    while up_to_date.needs_pass() {
        up_to_date.passed(handle.pass().await?.outcome.clone()?.acted());
    }
    let mut events = handle.events();
    let lock = Lock::of_passes(&layout, |holder| progress(Event::Locked(holder))).await?;
    let change = Change::of(&layout, request, &proposal, asked_unix_s, BTreeMap::new())?;
    let (record, new) = change.into_new_version();
    let state = UpdateState {
        phase: Phase::Stopping,
        tags: BTreeMap::new(),
        paused: paused(&layout, &proposal.app)?,
        copies_data: data.copies(),
        down_since_unix_ms: None,
        downtime_ms: None,
    };
    let mut update = Update::begin(record, state, now_unix_ms());
    let Some(UpdateStep::WriteRecord(record)) = update.step() else {
        return Err(Error::Unfinished(proposal.app));
    };
    // A copy that no record knows is of an update that has ended.
    data_copy::discard(&layout, &proposal.app)?;
    let claim = records::write(&layout, record)?;
    update.done();
    drop(lock);
    let under_way = UnderWay {
        layout: &layout,
        claim,
        new,
    };
    let ended = under_way
        .follow(&mut update, &mut handle, &mut events, &mut progress)
        .await;
    if let Err(error) = data_copy::remove_discarded(&layout).await {
        tracing::warn!("{}; the daemon will remove it", chain(&error));
    }
    ended?;
    result(&proposal.app, &update)
}

/// An update that this process carries out.
struct UnderWay<'a> {
    layout: &'a Layout,
    claim: RecordLock,
    new: NewVersion,
}

impl UnderWay<'_> {
    async fn follow(
        mut self,
        update: &mut Update,
        handle: &mut Handle,
        events: &mut follow::Events,
        progress: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Error> {
        let app = update.record().app.clone();
        let mut last = 0;
        while let Some(step) = update.step() {
            match step {
                UpdateStep::Pass { within } => {
                    let made = follow::next(handle, last, within).await?;
                    last = made.number;
                    let pass = made.outcome.clone()?;
                    follow::tell_actions(events, &app, progress);
                    let mut apps = pass.report.apps.iter();
                    if let Some(health) = apps.find(|health| health.id == app) {
                        progress(Event::Health(health));
                    }
                    update.passed(made.seen(&pass), now_unix_ms());
                }
                UpdateStep::CopyData => {
                    match data_copy::make(self.layout, &app, update.record().id).await {
                        Ok(()) => update.done(),
                        Err(error) => update.failed(chain(&error)),
                    }
                }
                step => {
                    let is_switch = matches!(step, UpdateStep::WriteIntent(_));
                    let is_new = step == UpdateStep::WriteIntent(NextIntent::New);
                    if is_new {
                        self.new.make_folders().await?;
                    }
                    let lock =
                        Lock::of_passes(self.layout, |holder| progress(Event::Locked(holder)))
                            .await?;
                    let applied = apply(self.layout, update, &mut self.claim, Some(&self.new))?;
                    drop(lock);
                    match applied {
                        Applied::Done => update.done(),
                        Applied::Superseded => update.superseded(),
                    }
                    if is_switch {
                        handle.retry_now(app.clone()).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn result(app: &AppId, update: &Update) -> Result<Option<AppHealth>, Error> {
    match update.ending() {
        Some(UpdateEnding::Updated(health)) => Ok(health.as_deref().cloned()),
        Some(UpdateEnding::Undone { cause, .. }) => Err(Error::Undone {
            app: app.clone(),
            version: update_steps::version_of(update),
            cause: cause.clone(),
        }),
        Some(UpdateEnding::Superseded | UpdateEnding::NotBegun) => Err(Error::Changed(app.clone())),
        None => Err(Error::Unfinished(app.clone())),
    }
}

/// The revision of the present intent, but stopped.
fn paused(layout: &Layout, app: &AppId) -> Result<IntentRevision, Error> {
    let text = disk::read_text(&layout.intent(app))?.unwrap_or_default();
    let intent = Intent::parse("", &text).map_err(|_| Error::Changed(app.clone()))?;
    let paused = Intent {
        state: WantedState::Stopped,
        ..intent
    };
    Ok(IntentRevision::of(paused.to_text().as_bytes()))
}

/// The last update of each app, if it was undone: the version, and why.
pub(crate) fn undone(layout: &Layout, app: &AppId) -> Option<Undone> {
    let changes = archipelago_host::history::changes(layout, app).ok()?;
    let change = changes.last_undone()?;
    let Outcome::Undone { cause } = &change.outcome else {
        return None;
    };
    Some(Undone {
        app: app.clone(),
        version: change.version.name(),
        cause: cause.clone(),
    })
}

/// An update that was undone, and nothing has changed the version since.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Undone {
    pub app: AppId,
    pub version: String,
    pub cause: String,
}
