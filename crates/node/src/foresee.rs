//! What passes will do, found out without doing it.

use std::collections::BTreeMap;

use archipelago_core::desired::Desired;
use archipelago_core::forecast::{Changes, Forecast, forecast, wanted};
use archipelago_core::layout::Layout;
use archipelago_core::observed::Observed;
use archipelago_core::operation::Proposal;
use archipelago_core::reconcile::Reconciler;
use archipelago_host::observe::{AskPodman, ObservationCache, PATIENCE, observe};
use archipelago_host::podman::Podman;
use archipelago_host::systemd::Systemd;
use archipelago_host::{disk, inputs};

use crate::clock::since_boot;
use crate::error::Error;

/// The work of the passes to come, and the changes by it.
#[derive(Debug)]
pub struct Foreseen {
    pub changes: Changes,
    pub forecast: Forecast,
}

/// Works out what the passes to come will do, and what they would after this operation. Nothing is
/// changed.
///
/// # Errors
/// When the host could not be looked at.
pub(crate) async fn foresee(
    layout: &Layout,
    proposal: Option<&Proposal>,
) -> Result<Foreseen, Error> {
    let now = inputs::read(layout)?;
    let mut after = match proposal {
        Some(proposal) => proposal.applied_to(&now),
        None => now.clone(),
    };
    inputs::complete(&mut after);
    let observed = look(&wanted(after.clone())).await?;
    let mut reconciler = Reconciler::default();
    if let Ok(tried) = disk::read(&layout.progress()) {
        reconciler.recall(tried);
    }
    let forecast = match proposal {
        Some(proposal) => proposal.foresee(after, observed.clone(), reconciler, since_boot()),
        None => forecast(after, observed.clone(), reconciler, since_boot()),
    };
    Ok(Foreseen {
        changes: Changes::of(&wanted(now), &observed, &forecast),
        forecast,
    })
}

async fn look(desired: &Desired) -> Result<Observed, Error> {
    let systemd = Systemd::connect().await?;
    let podman = Podman::for_this_user();
    let mut cache = ObservationCache::default();
    let ask = (AskPodman::Always, PATIENCE);
    let none = BTreeMap::new();
    Ok(observe(desired, &mut cache, &systemd, &podman, ask, none).await?)
}
