//! Whether an app is there already.

use archipelago_core::import;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_host::{disk, imports, records};

use crate::error::Error;

/// Refuses an app that is installed, or has data already.
pub(crate) fn refuse_present(layout: &Layout, app: &AppId) -> Result<(), Error> {
    if disk::may_exist(&layout.intent(app)) {
        return Err(import::Error::Installed { app: app.clone() }.into());
    }
    // An interrupted import is taken back before this one begins.
    let is_left_over = imports::abandoned(layout)?.contains(app);
    if records::keeps_data(layout, app) && !is_left_over {
        return Err(import::Error::Data { app: app.clone() }.into());
    }
    Ok(())
}
