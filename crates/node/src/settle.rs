//! The end of imports that were interrupted: what they put in place is taken back, what they moved is
//! moved back, and their copies are removed.

use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_host::imports;
use archipelago_host::lock::{self, Lock};

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
    if imports::abandoned(layout)?.is_empty() {
        return Ok(());
    }
    {
        let _lock = Lock::of_passes(layout, |_| ()).await?;
        imports::take_back(layout)?;
    }
    Ok(imports::remove_abandoned(layout).await?)
}

/// As [`settle`], for the journal.
pub(crate) async fn settle_quietly(layout: Layout) {
    if let Err(error) = settle(&layout).await {
        tracing::warn!(
            "what an interrupted import has left cannot be removed yet: {}",
            chain(&error)
        );
    }
}
