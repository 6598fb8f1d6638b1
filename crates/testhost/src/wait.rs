//! Waiting for a state, with a bound. Nothing in this crate waits for a fixed time instead.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The pause between two looks at a state.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Calls `probe` until it returns something, for at most `bound`.
///
/// # Errors
/// When the bound is reached; the message names `what`. At once when the probe fails.
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
