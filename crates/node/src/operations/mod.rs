//! What people ask for: prepared without touching anything, then done, and followed until it is so.
//!
//! It prints nothing: it returns what would be, events while it goes on, and how it ended.

mod commit;
mod follow;

use archipelago_core::health::AppHealth;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{Kind, Proposal, Rebuild, Request, judge_host};
use archipelago_host::podman::Podman;
use archipelago_host::{base, disk, preflight};

use crate::driver::Driver;
use crate::error::Error;

/// An operation that can be done.
pub struct Prepared {
    layout: Layout,
    request: Request,
    proposal: Proposal,
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
    if let Some(installation) = &proposal.installation {
        proposal.judge(&layout, &preflight::look(&layout, installation).await?)?;
    }
    Ok(Prepared {
        layout,
        request,
        proposal,
    })
}

/// Fetches what an app's images are built of, and works the rebuild out anew with what was found.
async fn look_for_bases(
    layout: &Layout,
    app: &AppId,
    rebuild: &Rebuild,
) -> Result<(Request, Proposal), Error> {
    let podman = Podman::for_this_user();
    let bases = base::renew(&podman, &rebuild.bases)
        .await
        .map_err(Error::Base)?;
    let request = Request::Rebuild {
        app: app.clone(),
        bases,
    };
    let proposal = commit::work_out(layout, request.clone())?;
    Ok((request, proposal))
}

impl Prepared {
    /// What it would do.
    #[must_use]
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// Does it. `progress` hears how the app is after each pass. `None` when the app is gone, as asked.
    ///
    /// # Errors
    /// When it cannot be begun, or the app did not become what was asked; the reconciler goes on trying then.
    pub async fn run(self, progress: impl FnMut(&AppHealth)) -> Result<Option<AppHealth>, Error> {
        let Self {
            layout,
            request,
            proposal,
        } = self;
        let (request, proposal) = match &proposal.rebuild {
            Some(rebuild) => look_for_bases(&layout, &proposal.app, rebuild).await?,
            None => (request, proposal),
        };
        let mut driver = Driver::new(layout.clone()).await?;
        let changes_installed = proposal
            .installation
            .as_ref()
            .is_some_and(|app| !app.is_new && !app.is_unchanged);
        if changes_installed {
            // What another version of Archipelago wrote is brought up to date first, so that the change is seen as one.
            driver.pass().await?;
        }
        commit::commit(&layout, request, &proposal).await?;
        match proposal.kind {
            Kind::Restart => driver.request_restart(&proposal.app).await?,
            _ => driver.retry_now(&proposal.app).await?,
        }
        follow::until(&mut driver, &proposal.app, proposal.kind.goal(), progress).await
    }
}
