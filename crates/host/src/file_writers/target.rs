//! A contended file, in the forms in which the kernel shows it in `/proc`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use archipelago_core::name::PREFIX;
use inotify::{Inotify, WatchMask};

/// The words by which the kernel names an inode in the list of a process's watches.
pub(super) type Mark = (String, String);

/// The marks of these files and their folders. The kernel is asked for them with watches of our
/// own, for what stat(2) says of an inode's device differs from it on btrfs and overlayfs.
pub(super) fn marks(files: &BTreeMap<String, PathBuf>) -> BTreeMap<PathBuf, Mark> {
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

/// The mark in a line like `inotify wd:1 ino:9e7e sdev:800013 mask:800afce …`, or
/// `fanotify ino:4f969 sdev:800013 mflags:0 …`.
pub(super) fn mark(line: &str) -> Option<Mark> {
    let is_watch = line.starts_with("inotify ") || line.starts_with("fanotify ");
    let (inode, device) = (word(line, "ino:")?, word(line, "sdev:")?);
    is_watch.then(|| (inode.to_owned(), device.to_owned()))
}

pub(super) fn word<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.split(' ').find(|word| word.starts_with(start))
}

/// A contended file, as processes may refer to it.
pub(super) struct Target {
    pub folder: PathBuf,
    /// Its name in the folder.
    pub name: Vec<u8>,
    /// The end of its path that stands for no other file: what begins with a name of ours.
    pub tail: Vec<u8>,
    pub found: Option<Metadata>,
    pub mark: Option<Mark>,
    pub folder_mark: Option<Mark>,
}

impl Target {
    pub(super) fn of(path: &Path, marks: &BTreeMap<PathBuf, Mark>) -> Self {
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
