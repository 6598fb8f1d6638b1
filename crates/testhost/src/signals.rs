//! Discarding this process's hosts when a person presses Ctrl-C or the process is asked to end.
//!
//! A process that gets SIGKILL cannot: what it leaves is swept at the next start.

use std::process::exit;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::discard;

/// Held by those who assemble a host, so that none is discarded while another thread still mounts it.
static ASSEMBLING: RwLock<()> = RwLock::new(());

/// While this is held, a signal to end waits.
pub(crate) fn hold_off() -> RwLockReadGuard<'static, ()> {
    ASSEMBLING.read().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a signal to end discards the hosts that this process owns, and then ends it as the signal would have.
pub(crate) fn discard_on_end() -> Result<()> {
    static STARTED: OnceLock<()> = OnceLock::new();
    if STARTED.set(()).is_err() {
        return Ok(());
    }
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).context("listening for signals to end")?;
    thread::Builder::new()
        .name("discard-on-end".to_owned())
        .spawn(move || {
            let Some(signal) = signals.forever().next() else {
                return;
            };
            let _no_more_hosts = ASSEMBLING.write().unwrap_or_else(PoisonError::into_inner);
            for name in discard::own().unwrap_or_default() {
                if let Err(error) = discard::discard(&name) {
                    eprintln!("{error:#}");
                }
            }
            exit(128 + signal);
        })
        .context("starting the thread that listens for signals")?;
    Ok(())
}
