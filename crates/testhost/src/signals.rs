//! Discarding the hosts of this process when a person presses Ctrl-C or the process gets SIGTERM.
//!
//! After SIGKILL nothing can be discarded: the next start of a host sweeps what was left behind.

use std::process::exit;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::discard;

/// Held while a host is assembled, so that no host is discarded while another thread mounts its
/// files.
static ASSEMBLING: RwLock<()> = RwLock::new(());

/// While the guard is held, a signal to end waits.
pub(crate) fn hold_off() -> RwLockReadGuard<'static, ()> {
    ASSEMBLING.read().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a signal to end first discards the hosts of this process. The exit status is that of
/// a process which the signal ended.
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
