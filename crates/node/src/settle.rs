//! The end of imports that were interrupted: what they put in place is taken back, what they moved
//! is moved back, and their copies are removed. Data that an update discarded are removed too.

use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_host::lock::{self, Lock};
use archipelago_host::{data_copy, imports};

/// Why the remains of an import could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Lock(#[from] lock::Error),
    #[error(transparent)]
    Imports(#[from] imports::Error),
}

/// Takes back and removes what interrupted imports have left.
///
/// # Errors
/// When something of it cannot be removed now.
pub(crate) async fn settle(layout: &Layout) -> Result<(), Error> {
    let apps = imports::abandoned(layout)?;
    if apps.is_empty() {
        return Ok(());
    }
    let lock = Lock::of_passes(layout, |_| ()).await?;
    let taken = apps.iter().map(|app| imports::take_back(layout, app));
    let taken: Vec<Result<(), imports::Error>> = taken.collect();
    drop(lock);
    let removed = imports::remove_abandoned(layout).await;
    taken.into_iter().collect::<Result<(), _>>()?;
    Ok(removed?)
}

/// As [`settle`], for the journal.
pub(crate) async fn settle_quietly(layout: Layout) {
    if let Err(error) = settle(&layout).await {
        tracing::warn!(
            "what an interrupted import has left cannot be removed yet: {}",
            chain(&error)
        );
    }
    if let Err(error) = data_copy::remove_discarded(&layout).await {
        tracing::warn!(
            "data that were discarded cannot be removed yet: {}",
            chain(&error)
        );
    }
}
