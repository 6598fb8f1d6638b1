//! Waiting for a state, with a bound and a name for it. Nothing in this crate waits a fixed time and hopes.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a state is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Looks until `probe` returns something, for at most `bound`.
///
/// # Errors
/// When the bound is reached, naming `what` was waited for; or at once when the probe itself fails.
pub(crate) fn until<T>(
    what: &str,
    bound: Duration,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if start.elapsed() >= bound {
            bail!("waited {} s for {what}", bound.as_secs());
        }
        thread::park_timeout(LOOK_AGAIN);
    }
}
