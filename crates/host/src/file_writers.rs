//! Which processes have to do with a file that something keeps changing, as far as `/proc` shows it
//! to this user (proc(5)).
//!
//! It starts no process and asks for no rights: what cannot be read, because it belongs to somebody
//! else or `/proc` is mounted with `hidepid=`, is passed over. Arguments are read but never shown,
//! because they may hold secrets.

mod process;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use archipelago_core::cause::FileWriters;

use process::{Identity, Process, stranger};
use target::{Target, marks};

/// The processes seen around these files, by the names given here. Processes of this program are
/// left out.
#[must_use]
pub fn find(files: BTreeMap<String, PathBuf>) -> BTreeMap<String, FileWriters> {
    if files.is_empty() {
        return BTreeMap::new();
    }
    let marks = marks(&files);
    let mut targets: Vec<(String, Target, FileWriters)> = files
        .into_iter()
        .map(|(name, path)| {
            let target = Target::of(&path, &marks);
            let file_writers = FileWriters {
                owner: target.found.as_ref().and_then(|file| stranger(file.uid())),
                path,
                processes: Vec::new(),
            };
            (name, target, file_writers)
        })
        .collect();
    let us = Identity::of("self").map(|us| us.program);
    for pid in pids() {
        let Some(process) = Process::of(pid, us.as_deref()) else {
            continue;
        };
        for (_, target, file_writers) in &mut targets {
            let hint = process.hint(target);
            file_writers
                .processes
                .extend(hint.map(|hint| process.file_writer(hint)));
        }
    }
    targets
        .into_iter()
        .map(|(name, _, file_writers)| (name, file_writers))
        .collect()
}

fn pids() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect()
}
