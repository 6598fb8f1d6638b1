//! Is this host ready, and what to do where it is not. It changes nothing.

use archipelago_core::check::{Check, judge, judge_root};
use archipelago_host::{facts, folders};

use crate::error::Error;

/// Looks at everything that must be right.
///
/// # Errors
/// When the folders of this user cannot be found.
pub async fn examine() -> Result<Vec<Check>, Error> {
    if crate::is_root() {
        return Ok(vec![judge_root()]);
    }
    Ok(judge(&facts::all(&folders::layout()?).await))
}
