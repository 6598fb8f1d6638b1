//! Which processes have to do with a file that something keeps changing, as far as `/proc` shows it to this user (proc(5)).
//!
//! It starts no process and asks for no rights: what cannot be read, because it belongs to somebody else or `/proc` is mounted with
//! `hidepid=`, is passed over. What a process is called with is read, but goes nowhere: arguments may hold secrets.

mod process;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use archipelago_core::name::PREFIX;
use archipelago_core::reconcile::FileWriters;
use inotify::{Inotify, WatchMask};

use super::accounts::account;
use process::{Identity, Process};

/// What was seen around these files, by the names that they are given here. Nobody who runs this program is suspected.
#[must_use]
pub fn look(files: BTreeMap<String, PathBuf>) -> BTreeMap<String, FileWriters> {
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

/// A user other than this one, as people know them.
fn stranger(uid: u32) -> Option<String> {
    let known = || account(|account| account.uid == uid).map(|account| account.name);
    let is_ours = uid == rustix::process::geteuid().as_raw();
    (!is_ours).then(|| known().unwrap_or_else(|| format!("the user id {uid}")))
}

/// The words by which the kernel names an inode in the list of a process's watches.
type Mark = (String, String);

/// The marks of these files and their folders. The kernel is asked for them with watches of our own, for what stat(2) says of an inode's
/// device differs from it on btrfs and overlayfs.
fn marks(files: &BTreeMap<String, PathBuf>) -> BTreeMap<PathBuf, Mark> {
    let Ok(inotify) = Inotify::init() else {
        return BTreeMap::new();
    };
    let folders = files.values().filter_map(|path| path.parent());
    let paths: BTreeSet<&Path> = files
        .values()
        .map(PathBuf::as_path)
        .chain(folders)
        .collect();
    let mut watches = inotify.watches();
    let watched: Vec<(&Path, String)> = paths
        .into_iter()
        .filter_map(|path| {
            let watch = watches.add(path, WatchMask::DELETE_SELF).ok()?;
            Some((path, format!("wd:{:x}", watch.get_watch_descriptor_id())))
        })
        .collect();
    let told = format!("/proc/self/fdinfo/{}", inotify.as_raw_fd());
    let told = std::fs::read_to_string(told).unwrap_or_default();
    let by_watch: BTreeMap<&str, Mark> = told
        .lines()
        .filter_map(|line| Some((word(line, "wd:")?, mark(line)?)))
        .collect();
    watched
        .into_iter()
        .filter_map(|(path, watch)| Some((path.to_owned(), by_watch.get(watch.as_str())?.clone())))
        .collect()
}

/// The mark in a line like `inotify wd:1 ino:9e7e sdev:800013 mask:800afce …`, or `fanotify ino:4f969 sdev:800013 mflags:0 …`.
fn mark(line: &str) -> Option<Mark> {
    let is_watch = line.starts_with("inotify ") || line.starts_with("fanotify ");
    let (inode, device) = (word(line, "ino:")?, word(line, "sdev:")?);
    is_watch.then(|| (inode.to_owned(), device.to_owned()))
}

fn word<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.split(' ').find(|word| word.starts_with(start))
}

/// A file that is fought over, as processes may refer to it.
struct Target {
    folder: PathBuf,
    /// Its name in the folder.
    name: Vec<u8>,
    /// The end of its path that stands for no other file: what begins with a name of ours.
    tail: Vec<u8>,
    found: Option<Metadata>,
    mark: Option<Mark>,
    folder_mark: Option<Mark>,
}

impl Target {
    fn of(path: &Path, marks: &BTreeMap<PathBuf, Mark>) -> Self {
        let folder = path.parent().unwrap_or(path);
        let ours = |part: &&Path| {
            let name = part.file_name().unwrap_or_default();
            name.as_bytes().starts_with(PREFIX.as_bytes())
        };
        let before = path.ancestors().filter(ours).last().and_then(Path::parent);
        let tail = before.and_then(|before| path.strip_prefix(before).ok());
        Self {
            name: path.file_name().unwrap_or_default().as_bytes().to_vec(),
            tail: tail.unwrap_or(path).as_os_str().as_bytes().to_vec(),
            found: std::fs::symlink_metadata(path).ok(),
            mark: marks.get(path).cloned(),
            folder_mark: marks.get(folder).cloned(),
            folder: folder.canonicalize().unwrap_or_else(|_| folder.to_owned()),
        }
    }
}
