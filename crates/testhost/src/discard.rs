//! Discarding hosts: everything of one is ended, unmounted and deleted. Nothing is started here.

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::process::Identity;
use crate::record::{Record, boot_id, check_name, folder, lock, names};
use crate::{cache, forward, mounts, nspawn};

/// Discards what processes that are gone have left: hosts whose owner ended without discarding them, or whose machine
/// was restarted.
pub(crate) fn sweep() -> Result<()> {
    let _lock = lock()?;
    let boot = boot_id()?;
    for name in names()? {
        // Without a record: records are written and deleted under the lock that we hold, so its maker's or its
        // discarder's end came in between.
        if Record::find(&name)?.is_none_or(|record| record.is_stale(&boot)) {
            eprintln!("discarding the test host {name}, which its process left behind");
            tear_down(&name)?;
            cache::remove(&folder(&name))?;
        }
    }
    Ok(())
}

/// The hosts that this very process owns.
pub(crate) fn own() -> Result<Vec<String>> {
    let own = Identity::own()?;
    Ok(names()?
        .into_iter()
        .filter(|name| matches!(Record::find(name), Ok(Some(record)) if record.owner == Some(own)))
        .collect())
}

/// Ends everything of a host and deletes it. The record goes last, and only when nothing is left that it is needed for.
pub(crate) fn discard(name: &str) -> Result<()> {
    check_name(name)?;
    tear_down(name)?;
    let _lock = lock()?;
    cache::remove(&folder(name))
}

/// Tries every step, and returns all failures together.
fn tear_down(name: &str) -> Result<()> {
    let record = Record::find(name)?;
    let mut failures = Vec::new();
    let mut step = |result: Result<()>| {
        if let Err(error) = result {
            failures.push(format!("{error:#}"));
        }
    };
    step(forward::end_all(name));
    if let Some(record) = record
        .as_ref()
        .filter(|record| boot_id().is_ok_and(|boot| boot == record.boot))
    {
        step(end_processes(record));
    }
    step(nspawn::end(name));
    step(mounts::unmount_at_and_below(&folder(name)));
    if let Some(record) = &record {
        step(cache::remove(&record.disk));
    }
    if !failures.is_empty() {
        bail!("discarding the host {name}:\n{}", failures.join("\n"));
    }
    Ok(())
}

/// Kills the host's process 1, and with it all that runs inside; nspawn then tidies up after itself and ends.
pub(crate) fn end_processes(record: &Record) -> Result<()> {
    match (record.init, record.nspawn) {
        (Some(init), _) => init.signal(Signal::KILL)?,
        (None, Some(nspawn)) => nspawn.signal(Signal::KILL)?,
        (None, None) => {}
    }
    for process in [record.init, record.nspawn].into_iter().flatten() {
        process.wait_for_end()?;
    }
    Ok(())
}
