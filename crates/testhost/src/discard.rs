//! Discarding hosts: ends their processes, unmounts their file systems and deletes their files.
//! Starts nothing.

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::process::Identity;
use crate::record::{Record, boot_id, check_name, folder, lock, names};
use crate::{cache, forward, mounts, nspawn};

/// Discards the hosts whose owner ended without discarding them, and those from before a restart of
/// this machine.
pub(crate) fn sweep() -> Result<()> {
    let _lock = lock()?;
    let boot = boot_id()?;
    for name in names()? {
        // A folder without a record: its process ended between making the folder and writing the
        // record, or between deleting the two. Both happen under the lock that is held here.
        if Record::find(&name)?.is_none_or(|record| record.is_stale(&boot)) {
            eprintln!("discarding the test host {name}, which its process left behind");
            tear_down(&name)?;
            cache::remove(&folder(&name))?;
        }
    }
    Ok(())
}

/// The hosts that this process owns.
pub(crate) fn own() -> Result<Vec<String>> {
    let own = Identity::own()?;
    Ok(names()?
        .into_iter()
        .filter(|name| matches!(Record::find(name), Ok(Some(record)) if record.owner == Some(own)))
        .collect())
}

/// Ends everything of a host and deletes it. The record is deleted last, and only when everything
/// else is gone.
pub(crate) fn discard(name: &str) -> Result<()> {
    check_name(name)?;
    tear_down(name)?;
    let _lock = lock()?;
    cache::remove(&folder(name))
}

/// Tries every step and returns all failures together.
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

/// Kills process 1 of the host, and with it every process inside. nspawn then cleans up and ends.
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
