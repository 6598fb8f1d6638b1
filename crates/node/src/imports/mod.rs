//! Imports: an installation whose data come from an app that Umbrel, CasaOS or Compose ran.
//!
//! [`prepare`] finds the app and its data and judges all of it; nothing is written. When the
//! operation is carried out, the data are brought first, while no lock is held; then they are put
//! in place, and the intent is written.

mod find;
pub(crate) mod import;
mod look;
pub(crate) mod present;
mod wanted;

use archipelago_core::layout::Layout;
use archipelago_core::operation::Request;
use archipelago_core::store::Notice;

use crate::error::Error;
use crate::operations::{self, Prepared};

pub use import::{Folder, Import};
pub use wanted::Wanted;

/// Works an import out and checks that it can be done. Nothing is written, and nobody is asked.
/// Returns also the notes of the app's authors.
///
/// # Errors
/// When it cannot be done.
pub async fn prepare(layout: Layout, wanted: Wanted) -> Result<(Prepared, Vec<Notice>), Error> {
    let found = find::find(&layout, &wanted)?;
    let secrets = found.umbrel_secrets(&wanted)?;
    let request = Request::Install {
        definition: Box::new(found.definition.clone()),
        settings: wanted.settings.clone(),
    };
    present::refuse_present(&layout, request.app())?;
    let mut prepared = operations::prepare(layout.clone(), request).await?;
    let import = look::look(&layout, &wanted, &found, &prepared, secrets).await?;
    prepared.set_import(import);
    Ok((prepared, found.notices))
}
