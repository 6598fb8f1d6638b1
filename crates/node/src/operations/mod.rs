//! People's requests: prepared without touching anything, then carried out, and followed to their
//! end.
//!
//! Nothing is printed: a preview, events and a result are returned.

mod bring;
mod commit;
mod event;
mod follow;
mod new_version;
mod rebuild;
mod update;
mod update_images;
pub(crate) mod update_steps;

use std::collections::BTreeSet;

use archipelago_core::check::needs::Unmet;
use archipelago_core::health::AppHealth;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{
    ALL, DataPlan, Effect, Kind, OperationId, Proposal, Refusal, Request, Resources, Target,
    followed_tags, judge_host,
};
use archipelago_core::store::judge_data;
use archipelago_host::records::StoredRecord;
use archipelago_host::{data_copy, disk, preflight, purge, records, stores};
use serde::Serialize;

use crate::engine::{self, Role};
use crate::error::Error;
use crate::foresee::foresee;
use crate::handle::Handle;
use crate::imports::import::Import;
use crate::settle::settle_quietly;

pub use crate::foresee::Foreseen;
pub use archipelago_host::lock::{COMMAND_LIMIT as LOCK_LIMIT, Holder};
pub use archipelago_host::purge::{Left, Place};
pub use event::Event;
pub use update::Undone;
pub(crate) use update::undone;

/// An operation that can be done.
pub struct Prepared {
    layout: Layout,
    request: Request,
    proposal: Proposal,
    left: Vec<Left>,
    unmet: Vec<Unmet>,
    resources: Option<Resources>,
    /// How the data are kept, where the version changes.
    data: Option<DataPlan>,
    /// The words of the grants that a person has agreed to.
    allowed: BTreeSet<String>,
    /// The data to bring before.
    import: Option<Box<Import>>,
}

/// The work of the next passes without any operation: repairs, and the consequences of edited
/// intents and definitions.
///
/// # Errors
/// When the host cannot be looked at.
pub async fn pending(layout: &Layout) -> Result<Foreseen, Error> {
    foresee(layout, None).await
}

/// Works an operation out and checks that it can be done. Nothing is written, and nobody is asked.
///
/// # Errors
/// When it cannot be done.
pub async fn prepare(layout: Layout, request: Request) -> Result<Prepared, Error> {
    if matches!(
        request.kind(),
        Kind::Install | Kind::Set | Kind::Rollback | Kind::Update
    ) {
        let is_new = !disk::may_exist(&layout.intent(request.app()));
        judge_host(&preflight::facts(&layout, is_new).await)?;
    }
    let proposal = commit::resolve(&layout, request.clone())?;
    let mut unmet = Vec::new();
    let mut resources = None;
    if let Some(installation) = proposal.installation() {
        if installation.is_new && records::keeps_data(&layout, &proposal.app) {
            let kept = stores::origin(&layout, &proposal.app)?;
            judge_data(&proposal.app, &kept, &installation.intent.source).map_err(Refusal::from)?;
        }
        let preflight = preflight::observe(&layout, installation).await?;
        proposal.judge(&layout, &preflight)?;
        unmet = installation.unmet(&preflight);
        resources = installation.resources(&preflight);
    }
    let data = match (proposal.kind, proposal.goal) {
        (Kind::Rollback, _) => Some(DataPlan::Untouched),
        (Kind::Update, Target::Ready) => Some(DataPlan::of(
            &data_copy::observe(&layout, &proposal.app).await?,
        )),
        (Kind::Update, _) => Some(DataPlan::Stopped),
        _ => None,
    };
    let left = match proposal.kind {
        Kind::Purge => purge::left(&layout, &proposal.app)?,
        _ => Vec::new(),
    };
    Ok(Prepared {
        layout,
        request,
        proposal,
        left,
        unmet,
        resources,
        data,
        allowed: BTreeSet::new(),
        import: None,
    })
}

impl Prepared {
    #[must_use]
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// The data that a purge would leave: behind a link, or on a file system of their own.
    #[must_use]
    pub fn left(&self) -> &[Left] {
        &self.left
    }

    /// The needs of its containers that the host does not meet, though they may start without.
    #[must_use]
    pub fn unmet(&self) -> &[Unmet] {
        &self.unmet
    }

    /// The data that are brought before the app is installed.
    #[must_use]
    pub fn import(&self) -> Option<&Import> {
        self.import.as_deref()
    }

    pub(crate) fn set_import(&mut self, import: Import) {
        self.import = Some(Box::new(import));
    }

    /// How the app's data are kept, where its version changes.
    #[must_use]
    pub fn data(&self) -> Option<&DataPlan> {
        self.data.as_ref()
    }

    /// The tags whose newest images an update would use. Which these are is asked only then.
    #[must_use]
    pub fn followed_tags(&self) -> Vec<String> {
        if self.proposal.kind != Kind::Update {
            return Vec::new();
        }
        let installation = self.proposal.installation().into_iter();
        let tags = installation.flat_map(|app| followed_tags(&app.present, &app.intent.images));
        tags.map(|followed| followed.tag.to_string()).collect()
    }

    /// Disk and memory for its app, where it asks for some, and what is free.
    #[must_use]
    pub fn resources(&self) -> Option<Resources> {
        self.resources
    }

    /// The work of the passes after it, if it were carried out now.
    ///
    /// # Errors
    /// When the host cannot be looked at.
    pub async fn foresee(&self) -> Result<Foreseen, Error> {
        foresee(&self.layout, Some(&self.proposal)).await
    }

    /// Agrees to the grants with these words.
    ///
    /// # Errors
    /// When the app does not ask for one of them.
    pub fn allow(&mut self, words: impl IntoIterator<Item = String>) -> Result<(), Error> {
        self.allowed.extend(words);
        Ok(self.proposal.check_words(&self.allowed)?)
    }

    /// Agrees to all grants of the app, after a person has seen them.
    pub fn allow_all(&mut self) {
        self.allowed.insert(ALL.to_owned());
    }

    /// Whether all new grants are agreed to. If not, [`Prepared::run`] refuses.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.proposal.check_allowed(&self.allowed).is_ok()
    }

    /// Does it with an engine of its own, because there may be no daemon. See
    /// [`Prepared::run_with`].
    ///
    /// # Errors
    /// Also when the engine cannot begin.
    pub async fn run(self, progress: impl FnMut(Event<'_>)) -> Result<Option<AppHealth>, Error> {
        self.proposal.check_allowed(&self.allowed)?;
        let engine = engine::spawn(self.layout.clone(), Role::Operation).await?;
        let ended = self.run_with(&engine.handle, progress).await;
        engine.end().await;
        ended
    }

    /// Does it with an engine that runs, which goes on afterwards. `progress` hears what happens.
    /// `None` when the app is gone, as asked.
    ///
    /// # Errors
    /// When a new grant is not agreed to, the operation cannot be begun, or the app did not become
    /// what was asked; the reconciler goes on trying then.
    pub async fn run_with(
        self,
        handle: &Handle,
        mut progress: impl FnMut(Event<'_>),
    ) -> Result<Option<AppHealth>, Error> {
        let Self {
            layout,
            request,
            proposal,
            left: _,
            unmet: _,
            resources: _,
            data,
            allowed,
            import,
        } = self;
        proposal.check_allowed(&allowed)?;
        if proposal.kind == Kind::Update {
            let asked = update::Asked {
                request,
                proposal,
                data: data.unwrap_or(DataPlan::Stopped),
                allowed,
            };
            return update::run(layout, asked, handle.clone(), progress).await;
        }
        let (request, proposal) = match &proposal.effect {
            Effect::RebuildPreview(preview) => {
                rebuild::prepare(&layout, &proposal.app, preview, &mut progress).await?
            }
            _ => (request, proposal),
        };
        let Some(import) = import else {
            return follow::carry_out(layout, request, proposal, None, handle.clone(), progress)
                .await;
        };
        let staging = Some(bring::bring(&layout, &import, &mut progress).await?);
        let (of, handle) = (layout.clone(), handle.clone());
        let ended = follow::carry_out(of, request, proposal, staging, handle, progress).await;
        settle_quietly(layout).await;
        ended
    }
}

/// An operation that is under way, or was interrupted.
#[derive(Clone, Debug, Serialize)]
pub struct Open {
    pub id: OperationId,
    pub app: AppId,
    pub kind: Kind,
    /// By the wall clock, in seconds since 1970.
    pub asked_unix_s: u64,
    pub state: OpenState,
}

/// Whether a process carries an operation out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenState {
    UnderWay,
    /// Its process is gone. The daemon, or the next command, brings it to its end.
    Interrupted,
}

/// The operations that have not come to their end, the oldest first.
///
/// # Errors
/// When it cannot be told which there are.
pub fn open(layout: &Layout) -> Result<Vec<Open>, Error> {
    let open = records::all(layout)?.into_iter();
    let open = open.map(|StoredRecord { record, is_held }| Open {
        id: record.id,
        app: record.app,
        kind: record.kind,
        asked_unix_s: record.asked_unix_s,
        state: if is_held {
            OpenState::UnderWay
        } else {
            OpenState::Interrupted
        },
    });
    Ok(open.collect())
}
