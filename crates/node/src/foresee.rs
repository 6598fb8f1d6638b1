//! Forecasts the next passes without changing the host.

use std::collections::BTreeMap;

use archipelago_core::desired::Desired;
use archipelago_core::forecast::{Changes, Forecast, forecast, wanted};
use archipelago_core::held::Waits;
use archipelago_core::layout::Layout;
use archipelago_core::observed::Observed;
use archipelago_core::operation::Proposal;
use archipelago_core::reconcile::Reconciler;
use archipelago_host::inputs;
use archipelago_host::observe::{AskPodman, ObservationCache, PODMAN_LIMIT, observe};
use archipelago_host::podman::Podman;
use archipelago_host::systemd::Systemd;

use crate::clock::since_boot;
use crate::error::Error;
use crate::retries;

/// The work of the next passes, and the changes that they make.
#[derive(Debug)]
pub struct Foreseen {
    pub changes: Changes,
    pub forecast: Forecast,
    /// The edited intents that wait for a person.
    pub waits: Vec<Waits>,
}

/// Forecasts the next passes as they are, or as they would be after an operation.
///
/// # Errors
/// When the host cannot be observed.
pub(crate) async fn foresee(
    layout: &Layout,
    proposal: Option<&Proposal>,
) -> Result<Foreseen, Error> {
    let mut now = inputs::read(layout)?;
    let mut after = match proposal {
        Some(proposal) => proposal.applied_to(&now),
        None => now.clone(),
    };
    inputs::complete(&mut now);
    inputs::complete(&mut after);
    let held = after.held.values();
    let waits = held.map(|held| held.waits.clone()).collect();
    let observed = observe_now(&wanted(after.clone())).await?;
    let mut reconciler = Reconciler::default();
    reconciler.recall(retries::read(layout));
    let forecast = match proposal {
        Some(proposal) => proposal.foresee(after, observed.clone(), reconciler, since_boot()),
        None => forecast(after, observed.clone(), reconciler, since_boot()),
    };
    Ok(Foreseen {
        changes: Changes::of(&wanted(now), &observed, &forecast),
        forecast,
        waits,
    })
}

async fn observe_now(desired: &Desired) -> Result<Observed, Error> {
    let systemd = Systemd::connect().await?;
    let podman = Podman::for_this_user();
    let mut cache = ObservationCache::default();
    let ask = AskPodman {
        always: true,
        limit: PODMAN_LIMIT,
    };
    let none = BTreeMap::new();
    Ok(observe(desired, &mut cache, &systemd, &podman, ask, none).await?)
}
