//! Measures how soon a removed unit, object or folder is back.

use anyhow::Result;

use super::figures::{Row, Trials};
use super::node::Node;

/// With this many apps, no unit file is deleted often enough for the rule on contention.
const APPS: usize = 8;
const FOLDER_APPS: usize = 40;

/// Disturbs one service at a time: deletes its unit file and stops it, or only stops it. Our trials
/// and those of bare systemctl alternate, so that both are measured on the machine in the same
/// state.
pub(super) fn units(node: &Node, trials: usize) -> Result<Vec<Row>> {
    node.apps(APPS, true)?;
    let script = include_str!("repair.sh");
    let (mut ours, mut bare, mut stopped, mut bare_start) = (vec![], vec![], vec![], vec![]);
    let mut done = 0;
    while done < trials {
        let some = (trials - done).min(APPS).to_string();
        ours.extend(node.numbers(script, &["deleted", &some])?);
        stopped.extend(node.numbers(script, &["stopped", &some])?);
        bare.extend(node.numbers(script, &["bare-deleted", &some])?);
        bare_start.extend(node.numbers(script, &["bare-stopped", &some])?);
        done += APPS;
    }
    let [ours, bare, stopped, bare_start] = [ours, bare, stopped, bare_start].map(Trials::ms);
    let bare_deleted = "bare write, daemon-reload, start";
    let bare_stopped = "bare systemctl start";
    Ok(vec![
        Row::of(bare_deleted, &bare),
        Row::beside(
            "unit file deleted and service stopped → active",
            &ours,
            (bare_deleted, &bare),
            1.25,
            Some(2.0),
        ),
        Row::of(bare_stopped, &bare_start),
        Row::beside(
            "stopped service → active",
            &stopped,
            (bare_stopped, &bare_start),
            1.15,
            None,
        ),
    ])
}

/// Removes an object from Podman. The time ends when Archipelago begins to restore it, by its
/// journal.
pub(super) fn objects(node: &Node, trials: usize) -> Result<Vec<Row>> {
    node.shell(include_str!("objects_app.sh"), &[])?;
    ["image", "volume", "secret"]
        .into_iter()
        .map(|kind| {
            let script = include_str!("objects.sh");
            let begun = node.numbers(script, &[kind, &trials.to_string()])?;
            let work = format!("{kind} removed → Archipelago begins to restore it");
            Ok(Row::all_at_most(&work, &Trials::ms(begun), 1000.0))
        })
        .collect()
}

/// Deletes the folder with the unit files of many apps, stops all their services, and reloads
/// systemd.
pub(super) fn folder(node: &Node, trials: usize) -> Result<Vec<Row>> {
    node.apps(FOLDER_APPS, true)?;
    let script = include_str!("folder.sh");
    let (mut ours, mut bare) = (vec![], vec![]);
    let count = FOLDER_APPS.to_string();
    for _ in 0..trials {
        ours.extend(node.numbers(script, &["ours", &count])?);
        bare.extend(node.numbers(script, &["bare", &count])?);
    }
    let [ours, bare] = [ours, bare].map(Trials::ms);
    let bare_name = "bare write, daemon-reload, start of all";
    let work = format!("whole unit folder deleted, {FOLDER_APPS} apps → all active");
    Ok(vec![
        Row::of(bare_name, &bare),
        Row::beside(&work, &ours, (bare_name, &bare), 1.2, None),
    ])
}
