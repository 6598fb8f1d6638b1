//! Whether Podman's objects have changed, as its files on the disk tell without waking it.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::cache::settles_after;
use super::folders;
use super::watch::WatchSet;

/// The files and folders of Podman's storage that change whenever an image, volume, network or
/// secret comes or goes.
const PARTS: [(&str, Kind); 5] = [
    ("overlay-images/images.json", Kind::File),
    ("vfs-images/images.json", Kind::File),
    ("volumes", Kind::Folder),
    ("networks", Kind::Folder),
    ("secrets/secrets.json", Kind::File),
];

enum Kind {
    File,
    Folder,
}

/// The state of Podman's storage of images, volumes, networks and secrets.
pub struct Fingerprint {
    /// Changes whenever one comes or goes. None where nothing is known of the storage, and while a
    /// further change might not show.
    pub text: Option<String>,
    /// When it will show.
    pub settles_in: Option<Duration>,
}

/// Looks at the storage, not at Podman.
pub fn fingerprint() -> Fingerprint {
    let storage = folders::podman_storage();
    storage.map_or_else(
        || of(&[], SystemTime::now()),
        |storage| fingerprint_in(&storage),
    )
}

fn fingerprint_in(storage: &Path) -> Fingerprint {
    let now = SystemTime::now();
    let mark = |(part, _): &(&'static str, Kind)| {
        let metadata = std::fs::metadata(storage.join(part)).ok()?;
        Some(Mark {
            part,
            inode: metadata.ino(),
            changed_ns: i128::from(metadata.mtime()) * 1_000_000_000
                + i128::from(metadata.mtime_nsec()),
        })
    };
    let marks: Vec<Mark> = PARTS.iter().filter_map(mark).collect();
    of(&marks, now)
}

fn of(marks: &[Mark], now: SystemTime) -> Fingerprint {
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ns = i128::try_from(since_1970.as_nanos()).unwrap_or(i128::MAX);
    let unsettled_ns = |mark: &Mark| {
        let settles_after = settles_after(mark.changed_ns).as_nanos();
        let left = mark.changed_ns + i128::try_from(settles_after).unwrap_or(i128::MAX) - now_ns;
        (left > 0).then_some((left, mark.changed_ns > now_ns))
    };
    let unsettled: Vec<(i128, bool)> = marks.iter().filter_map(unsettled_ns).collect();
    let texts: Vec<String> = marks.iter().map(Mark::to_string).collect();
    // A clock that was set back leaves times in the future. Nobody waits for those; the tick asks.
    let waits = unsettled.iter().all(|(_, in_the_future)| !in_the_future);
    let longest = unsettled.iter().map(|(left, _)| *left).max();
    Fingerprint {
        text: (!marks.is_empty() && unsettled.is_empty()).then(|| texts.join(" ")),
        settles_in: longest
            .filter(|_| waits)
            .and_then(|left| u64::try_from(left).ok())
            .map(Duration::from_nanos),
    }
}

/// The stamp of one part of the storage.
struct Mark {
    part: &'static str,
    inode: u64,
    /// The change time, since 1970.
    changed_ns: i128,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.part, self.inode, self.changed_ns)
    }
}

/// The files and folders to watch for changes.
pub fn watch_set(watch_set: &mut WatchSet) {
    let Some(storage) = folders::podman_storage() else {
        return;
    };
    for (part, kind) in PARTS {
        match kind {
            Kind::File => watch_set.file(&storage.join(part)),
            Kind::Folder => watch_set.folder(storage.join(part)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_none_while_a_further_change_might_not_show() {
        let mark = |changed_ns: i128| Mark {
            part: "volumes",
            inode: 1,
            changed_ns,
        };
        let at = |ns: u64| UNIX_EPOCH + Duration::from_nanos(ns);
        let check = |marks: &[Mark], now, known: bool, settles_ms: Option<u64>| {
            let Fingerprint { text, settles_in } = of(marks, at(now));
            let settles = settles_ms.map(Duration::from_millis);
            assert_eq!((text.is_some(), settles_in), (known, settles));
        };
        check(&[], 10_000_000_000, false, None);
        check(&[mark(5_000_000_001)], 5_010_000_001, true, None);
        check(&[mark(5_000_000_001)], 5_004_000_001, false, Some(6));
        // A file system that counts in seconds.
        check(&[mark(5_000_000_000)], 6_000_000_000, false, Some(1000));
        // A clock that was set back.
        check(&[mark(9_000_000_001)], 5_000_000_000, false, None);
    }
}
