//! What people ask for: prepared without touching anything, then done, and followed until it is so.
//!
//! It prints nothing: it returns what would be, events while it goes on, and how it ended.

mod commit;
mod follow;

use archipelago_core::action;
use archipelago_core::check::needs::Unmet;
use archipelago_core::health::AppHealth;
use archipelago_core::layout::Layout;
use archipelago_core::operation::{Kind, Proposal, Request, judge_host};
use archipelago_host::{disk, preflight, purge};

use crate::driver::Driver;
use crate::error::Error;

pub use archipelago_host::purge::{Left, Place};

/// To bring units up to date takes a pass that learns of their images, one that writes, and one that has nothing to do.
const UPDATE_PASSES: usize = 3;

/// What happens while an operation is done.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A pass for it tried this action: for its app, or for the host.
    Action(&'a action::Event),
    /// How its app is, after each pass.
    Health(&'a AppHealth),
}

/// An operation that can be done.
pub struct Prepared {
    layout: Layout,
    request: Request,
    proposal: Proposal,
    left: Vec<Left>,
    unmet: Vec<Unmet>,
}

/// Works an operation out and checks that it can be done. Nothing is written, and nobody is asked.
///
/// # Errors
/// When it cannot be done.
pub async fn prepare(layout: Layout, request: Request) -> Result<Prepared, Error> {
    if matches!(request.kind(), Kind::Install | Kind::Set) {
        let is_new = !disk::is_there(&layout.intent(request.app()));
        judge_host(&preflight::facts(&layout, is_new).await)?;
    }
    let proposal = commit::work_out(&layout, request.clone())?;
    let mut unmet = Vec::new();
    if let Some(installation) = &proposal.installation {
        let look = preflight::look(&layout, installation).await?;
        proposal.judge(&layout, &look)?;
        unmet = installation.unmet(&look);
    }
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
    })
}

impl Prepared {
    /// What it would do.
    #[must_use]
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// What a purge would leave where it is: the data that lie behind a link, or on a file system of their own.
    #[must_use]
    pub fn left(&self) -> &[Left] {
        &self.left
    }

    /// What its containers need and the host does not offer, though that need not keep them from starting.
    #[must_use]
    pub fn unmet(&self) -> &[Unmet] {
        &self.unmet
    }

    /// Does it. `progress` hears what happens. `None` when the app is gone, as asked.
    ///
    /// # Errors
    /// When it cannot be begun, or the app did not become what was asked; the reconciler goes on trying then.
    pub async fn run(self, progress: impl FnMut(Event<'_>)) -> Result<Option<AppHealth>, Error> {
        let Self {
            layout,
            request,
            proposal,
            left: _,
            unmet: _,
        } = self;
        let mut driver = Driver::new(layout.clone()).await?;
        let changes_installed = proposal
            .installation
            .as_ref()
            .is_some_and(|app| !app.is_new && !app.is_unchanged);
        if changes_installed {
            // What another version of Archipelago wrote is brought up to date first, so that the change is seen as one.
            for _ in 0..UPDATE_PASSES {
                if !driver.pass().await?.acted() {
                    break;
                }
            }
        }
        commit::commit(&layout, request, &proposal).await?;
        match proposal.kind {
            Kind::Restart => driver.request_restart(&proposal.app).await?,
            _ => driver.retry_now(&proposal.app).await?,
        }
        follow::until(&mut driver, &proposal.app, proposal.kind.goal(), progress).await
    }
}
