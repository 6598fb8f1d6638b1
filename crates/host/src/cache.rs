//! Caches of what was read from the disk.
//!
//! They trust no event: each use asks the disk for the inode, size and times of every file and
//! folder that was read, which costs a hundredth of reading and parsing them. In doubt the cache is
//! dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use archipelago_core::observed::RenderedFile;

use super::disk;
use super::watch::WatchSet;

/// A file that was changed this short a time before it was read may be changed again without
/// showing another time: the kernel's clock for files goes in steps of up to 10 ms.
const STEP: Duration = Duration::from_millis(10);
/// The same where a file system counts in seconds, as it does where a time is a whole number of
/// them.
const COARSE_STEP: Duration = Duration::from_secs(2);

/// The time after a change, given in nanoseconds, from which on another change is certain to have
/// another timestamp.
pub fn settles_after(changed_ns: i128) -> Duration {
    if changed_ns % 1_000_000_000 == 0 {
        COARSE_STEP
    } else {
        STEP
    }
}

/// A value and what it was read from.
#[derive(Debug)]
pub struct Cached<T> {
    known: Option<(ReadSet, T)>,
}

/// The files and folders that were read, those that are not there included.
#[derive(Debug)]
pub struct ReadSet {
    stamps: BTreeMap<PathBuf, Option<Stamp>>,
    /// The folders that were listed.
    folders: BTreeSet<PathBuf>,
    /// The time at which reading began, in nanoseconds since 1970.
    began_ns: i128,
    settled: bool,
}

/// The contents of files, each read anew only when it has changed.
#[derive(Debug, Default)]
pub struct Contents(BTreeMap<PathBuf, Cached<Option<RenderedFile>>>);

impl Contents {
    /// These files, as far as they are there, and forgets all others. One that cannot be read, or
    /// is no file, has no content.
    ///
    /// # Errors
    /// When this process has no more files or memory to read with, which says nothing of the files.
    pub fn of(
        &mut self,
        paths: impl Iterator<Item = PathBuf>,
    ) -> Result<BTreeMap<PathBuf, RenderedFile>, disk::Error> {
        let mut known = std::mem::take(&mut self.0);
        let mut found = BTreeMap::new();
        for path in paths {
            let seen = self
                .0
                .entry(path.clone())
                .or_insert_with(|| known.remove(&path).unwrap_or_default());
            if let Some(file) = seen.get_or_read(|read_set| content(read_set, &path))? {
                found.insert(path, file.clone());
            }
        }
        Ok(found)
    }
}

fn content(read_set: &mut ReadSet, path: &Path) -> Result<Option<RenderedFile>, disk::Error> {
    match read_set.read_with_metadata(path) {
        Ok(found) => Ok(found.map(|(metadata, content)| RenderedFile {
            content,
            mode: disk::mode_of(&metadata),
        })),
        Err(error) if error.is_exhaustion() => Err(error),
        Err(_) => Ok(disk::may_exist(path).then(|| RenderedFile {
            content: Vec::new(),
            mode: disk::mode(path).unwrap_or_default(),
        })),
    }
}

/// A stamp that changes with a file's content or mode, or with a folder's list of names. Nobody can
/// set an inode's change time (ctime), so it shows even a file whose modification time was put
/// back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed_ns: i128,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self { known: None }
    }
}

impl<T> Cached<T> {
    /// The last value, or a new one from `read` if a file of the read set may have changed.
    ///
    /// # Errors
    /// Those of `read`. The last value is dropped then.
    pub fn get_or_read<E>(
        &mut self,
        read: impl FnOnce(&mut ReadSet) -> Result<T, E>,
    ) -> Result<&T, E> {
        self.get_or_read_at(SystemTime::now(), read)
    }

    fn get_or_read_at<E>(
        &mut self,
        now: SystemTime,
        read: impl FnOnce(&mut ReadSet) -> Result<T, E>,
    ) -> Result<&T, E> {
        let known = match self.known.take().filter(|(read_set, _)| read_set.holds()) {
            Some(known) => known,
            None => {
                let mut read_set = ReadSet::begin_at(now);
                let value = read(&mut read_set)?;
                (read_set, value)
            }
        };
        Ok(&self.known.insert(known).1)
    }
}

impl ReadSet {
    /// A read set that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self::begin_at(SystemTime::now())
    }

    fn begin_at(now: SystemTime) -> Self {
        Self {
            stamps: BTreeMap::new(),
            folders: BTreeSet::new(),
            began_ns: now.duration_since(UNIX_EPOCH).map_or(0, nanoseconds),
            settled: true,
        }
    }

    /// As [`disk::read`], of files only.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&mut self, path: &Path) -> Result<Option<Vec<u8>>, disk::Error> {
        let found = self.read_with_metadata(path)?;
        Ok(found.map(|(_, content)| content))
    }

    /// As [`disk::read_with_metadata`].
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read_with_metadata(
        &mut self,
        path: &Path,
    ) -> Result<Option<(Metadata, Vec<u8>)>, disk::Error> {
        let found = disk::read_with_metadata(path);
        match &found {
            Ok(found) => self.note_stamp(path, found.as_ref().map(|(metadata, _)| of(metadata))),
            Err(_) => {
                self.note(path);
                self.doubt();
            }
        }
        found
    }

    /// As [`disk::read_text`], of files only.
    ///
    /// # Errors
    /// When it is there and cannot be read, or is not UTF-8.
    pub fn read_text(&mut self, path: &Path) -> Result<Option<String>, disk::Error> {
        let content = self.read(path)?;
        self.doubt_if_failed(disk::text_of(path, content))
    }

    /// As [`disk::names`].
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn names(&mut self, folder: &Path) -> Result<Vec<String>, disk::Error> {
        self.note(folder);
        self.folders.insert(folder.to_owned());
        self.doubt_if_failed(disk::names(folder))
    }

    /// The files and folders whose changes make the cache stale.
    pub fn watch_set(&self) -> WatchSet {
        let mut watch_set = WatchSet::default();
        for folder in &self.folders {
            watch_set.folder(folder.clone());
        }
        for path in self.stamps.keys() {
            watch_set.file(path);
        }
        watch_set
    }

    /// Makes this entry stale: something in it does not show in the noted files.
    pub fn doubt(&mut self) {
        self.settled = false;
    }

    fn doubt_if_failed<T, E>(&mut self, result: Result<T, E>) -> Result<T, E> {
        self.settled &= result.is_ok();
        result
    }

    /// Notes a file or folder that is read next.
    pub fn note(&mut self, path: &Path) {
        self.note_stamp(path, stamp(path));
    }

    fn note_stamp(&mut self, path: &Path, stamp: Option<Stamp>) {
        // A clock that was set back leaves times in the future: unsettled until it has caught up.
        if let Some(stamp) = &stamp {
            let settled_at = stamp.changed_ns + nanoseconds(settles_after(stamp.changed_ns));
            self.settled &= settled_at <= self.began_ns;
        }
        self.stamps.insert(path.to_owned(), stamp);
    }

    fn holds(&self) -> bool {
        self.settled
            && self
                .stamps
                .iter()
                .all(|(path, noted)| stamp(path) == *noted)
    }
}

/// Links are followed: what counts is what would be read.
fn stamp(path: &Path) -> Option<Stamp> {
    std::fs::metadata(path).ok().map(|metadata| of(&metadata))
}

fn of(metadata: &Metadata) -> Stamp {
    Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        changed_ns: i128::from(metadata.ctime()) * 1_000_000_000
            + i128::from(metadata.ctime_nsec()),
    }
}

fn nanoseconds(duration: Duration) -> i128 {
    // 2^127 ns are longer than any clock of ours shows.
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::fs;

    use super::*;

    /// The number of reads made by two uses in a row: the first begins so long after now, and
    /// `change` happens in between.
    fn reads(
        name: &str,
        after: Duration,
        read: impl Fn(&Path, &mut ReadSet),
        change: impl FnOnce(&Path),
    ) -> u32 {
        let folder =
            std::env::temp_dir().join(format!("archipelago-seen-{name}-{}", std::process::id()));
        disk::make_folder(&folder.join("inside"), 0o755).unwrap();
        fs::write(folder.join("file"), "one").unwrap();
        let mut seen = Cached::default();
        let mut count = 0;
        let mut look_once = || {
            let Ok(()) = seen.get_or_read_at(SystemTime::now() + after, |read_set| {
                count += 1;
                read(&folder, read_set);
                Ok::<_, Infallible>(())
            });
        };
        look_once();
        change(&folder);
        look_once();
        disk::remove_folder(&folder).unwrap();
        count
    }

    const LATER: Duration = Duration::from_secs(60);

    fn list_folder(folder: &Path, read_set: &mut ReadSet) {
        read_set.read(&folder.join("file")).unwrap();
        read_set.read(&folder.join("absent")).unwrap();
        read_set.names(&folder.join("inside")).unwrap();
    }

    #[test]
    fn what_has_not_changed_is_not_read_again() {
        assert_eq!(reads("same", LATER, list_folder, |_| ()), 1);
        let beside = |folder: &Path| fs::write(folder.join("beside"), "").unwrap();
        assert_eq!(reads("beside", LATER, list_folder, beside), 1);
    }

    #[test]
    fn each_change_is_noticed() {
        let check = |name: &str, change: fn(&Path)| {
            assert_eq!(reads(name, LATER, list_folder, change), 2, "{name}");
        };
        check("content", |folder| {
            fs::write(folder.join("file"), "two").unwrap();
        });
        check("old-times", |folder| {
            let path = folder.join("file");
            let times = fs::metadata(&path).unwrap().modified().unwrap();
            fs::write(&path, "two").unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(times).unwrap();
        });
        check("removed", |folder| {
            fs::remove_file(folder.join("file")).unwrap();
        });
        check("appeared", |folder| {
            fs::write(folder.join("absent"), "").unwrap();
        });
        check("name-added", |folder| {
            fs::write(folder.join("inside/new"), "").unwrap();
        });
    }

    #[test]
    fn a_time_in_whole_seconds_may_be_one_of_many() {
        let check = |changed_ns, expected| assert_eq!(settles_after(changed_ns), expected);
        check(1_700_000_000_000_000_000, COARSE_STEP);
        check(1_700_000_000_004_000_000, STEP);
    }

    #[test]
    fn in_doubt_it_looks_again() {
        let just_written = Duration::ZERO;
        assert_eq!(reads("fresh", just_written, list_folder, |_| ()), 2);
        let fails =
            |folder: &Path, read_set: &mut ReadSet| drop(read_set.read(folder).unwrap_err());
        assert_eq!(reads("failed", LATER, fails, |_| ()), 2);
        let doubts = |_: &Path, read_set: &mut ReadSet| read_set.doubt();
        assert_eq!(reads("doubt", LATER, doubts, |_| ()), 2);
    }

    #[test]
    fn contents_are_those_of_the_files_that_are_there() {
        let folder =
            std::env::temp_dir().join(format!("archipelago-contents-{}", std::process::id()));
        disk::make_folder(&folder.join("folder"), 0o755).unwrap();
        disk::write_if_changed(&folder.join("a"), b"text", 0o640).unwrap();
        let mut contents = Contents::default();
        let paths = || ["a", "folder", "none"].map(|name| folder.join(name));
        for _ in 0..2 {
            let found = contents.of(paths().into_iter()).unwrap();
            let shown: Vec<_> = found
                .values()
                .map(|file| (file.content.as_slice(), file.mode))
                .collect();
            assert_eq!(shown, [(&b"text"[..], 0o640), (&b""[..], 0o755)]);
        }
        assert!(contents.of(std::iter::empty()).unwrap().is_empty() && contents.0.is_empty());
        disk::remove_folder(&folder).unwrap();
    }
}
