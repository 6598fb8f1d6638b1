//! Wake-ups from the kernel for changed files (`inotify(7)`). They come at once and cost nothing
//! while nothing changes, but may be lost: an event only ever says "observe".
//!
//! The watched paths follow from the paths that a pass reads. Files are watched through their
//! folders, because a file that replaces another is a new file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use inotify::{Event, EventMask, Inotify, WatchDescriptor, WatchMask, Watches};

use super::disk;
use crate::wakeup::Wakeup;

/// Folders, and the names in them that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchSet(BTreeMap<PathBuf, Names>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Names {
    All,
    Only(BTreeSet<String>),
}

impl WatchSet {
    /// Watches every name in a folder.
    pub fn folder(&mut self, path: PathBuf) {
        self.0.insert(path, Names::All);
    }

    /// A file, be it there or not.
    pub fn file(&mut self, path: &Path) {
        let Some((folder, name)) = path.parent().zip(path.file_name()) else {
            return;
        };
        // Looked up first: many files share a folder.
        let names = match self.0.get_mut(folder) {
            Some(names) => names,
            None => self
                .0
                .entry(folder.to_owned())
                .or_insert_with(|| Names::Only(BTreeSet::new())),
        };
        if let Names::Only(names) = names {
            names.insert(name.to_string_lossy().into_owned());
        }
    }
}

/// Notifies when something changes in the paths that a pass reads.
pub struct Watch {
    watches: Watches,
    known: BTreeMap<PathBuf, WatchDescriptor>,
    names: Arc<Mutex<HashMap<WatchDescriptor, Names>>>,
    /// Whether it was said that not everything can be watched.
    complained: bool,
}

impl Watch {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When the kernel refuses: the number of inotify instances of a user is limited.
    pub fn new(wakeup: Wakeup) -> io::Result<Self> {
        let inotify = Inotify::init()?;
        let watches = inotify.watches();
        let names: Arc<Mutex<HashMap<WatchDescriptor, Names>>> = Arc::default();
        let wanted = Arc::clone(&names);
        let mut events = inotify.into_event_stream([0; 4096])?;
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                // An event that cannot be read only says that something happened.
                if event.is_ok_and(|event| !matters(&event, &wanted)) {
                    continue;
                }
                wakeup.notify();
            }
        });
        Ok(Self {
            watches,
            known: BTreeMap::new(),
            names,
            complained: false,
        })
    }

    /// Replaces the set of watched paths. Returns whether a new watch was added: changes there
    /// before this call were missed.
    ///
    /// Every folder is added each time, because a recreated folder has the same name but a new
    /// inode; for an unchanged folder the kernel returns the existing watch.
    pub fn follow(&mut self, watch_set: &WatchSet) -> bool {
        let mut found = BTreeMap::new();
        let mut wanted = HashMap::new();
        for (folder, names) in &watch_set.0 {
            let Some((folder, watch, names)) = self.nearest(folder, names) else {
                continue;
            };
            found.insert(folder, watch.clone());
            wanted
                .entry(watch)
                .and_modify(|known: &mut Names| known.join(&names))
                .or_insert(names);
        }
        let is_new = found.values().any(|watch| !self.has(watch));
        for watch in self.known.values() {
            if !wanted.contains_key(watch) {
                // It may have ended with its folder.
                drop(self.watches.remove(watch.clone()));
            }
        }
        self.known = found;
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
        is_new
    }

    /// Watches a folder or, while it is missing, the nearest existing folder above it.
    fn nearest(
        &mut self,
        folder: &Path,
        names: &Names,
    ) -> Option<(PathBuf, WatchDescriptor, Names)> {
        let mut names = names.clone();
        let mut below: Option<&Path> = None;
        for folder in folder.ancestors() {
            if let Some(name) = below.and_then(Path::file_name) {
                names = Names::Only(BTreeSet::from([name.to_string_lossy().into_owned()]));
            }
            below = Some(folder);
            match self.watches.add(folder, mask()) {
                Ok(watch) => return Some((folder.to_owned(), watch, names)),
                Err(error) if is_absent(&error) => {}
                Err(error) => {
                    self.complain(folder, &error);
                    return None;
                }
            }
        }
        None
    }

    fn has(&self, watch: &WatchDescriptor) -> bool {
        self.names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(watch)
    }

    fn complain(&mut self, folder: &Path, error: &io::Error) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(
                "{} cannot be watched ({error}); what changes there is found by the tick; if it is their number, raise \
                 fs.inotify.max_user_watches (sysctl)",
                folder.display()
            );
        }
    }
}

impl Names {
    fn join(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Only(names), Self::Only(more)) => names.extend(more.iter().cloned()),
            (_, Self::All) => *self = Self::All,
            (Self::All, Self::Only(_)) => {}
        }
    }

    fn contain(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn mask() -> WatchMask {
    WatchMask::CREATE
        | WatchMask::CLOSE_WRITE
        | WatchMask::ATTRIB
        | WatchMask::MOVED_TO
        | WatchMask::MOVED_FROM
        | WatchMask::DELETE
        | WatchMask::DELETE_SELF
        | WatchMask::MOVE_SELF
        | WatchMask::ONLYDIR
}

fn matters(
    event: &Event<std::ffi::OsString>,
    wanted: &Mutex<HashMap<WatchDescriptor, Names>>,
) -> bool {
    // An event of the folder itself, or of lost events. The end of a watch is no news: other events
    // came before it.
    let Some(name) = event.name.as_deref().map(std::ffi::OsStr::to_string_lossy) else {
        return !event
            .mask
            .intersects(EventMask::ATTRIB | EventMask::IGNORED);
    };
    let wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
    !name.starts_with(disk::TEMPORARY_PREFIX)
        && wanted
            .get(&event.wd)
            .is_some_and(|names| names.contain(&name))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::*;

    /// Long enough for the kernel to tell.
    const SOON: Duration = Duration::from_secs(10);
    /// Long enough for an event to arrive.
    const MOMENT: Duration = Duration::from_millis(200);

    struct Rig {
        root: PathBuf,
        wakeup: Wakeup,
        watch: Watch,
        watch_set: WatchSet,
    }

    impl Rig {
        fn new(name: &str, watch_set: impl FnOnce(&Path, &mut WatchSet)) -> Self {
            let folder = format!("archipelago-watch-{name}-{}", std::process::id());
            let root = std::env::temp_dir().join(folder);
            disk::make_folder(&root, 0o755).unwrap();
            let wakeup = Wakeup::default();
            let mut rig = Self {
                watch: Watch::new(wakeup.clone()).unwrap(),
                watch_set: WatchSet::default(),
                wakeup,
                root,
            };
            watch_set(&rig.root, &mut rig.watch_set);
            assert!(rig.watch.follow(&rig.watch_set), "all of it is new");
            assert!(!rig.watch.follow(&rig.watch_set), "none of it is new");
            rig
        }

        async fn rings(&self, limit: Duration) -> bool {
            timeout(limit, self.wakeup.notified_after(Instant::now()))
                .await
                .is_ok()
        }

        async fn hears(&self, what: &str, change: impl FnOnce(&Path)) {
            change(&self.root);
            assert!(self.rings(SOON).await, "{what}");
        }

        async fn ignores(&self, what: &str, change: impl FnOnce(&Path)) {
            change(&self.root);
            assert!(!self.rings(MOMENT).await, "{what}");
        }
    }

    impl Drop for Rig {
        fn drop(&mut self) {
            disk::remove_folder(&self.root).unwrap();
        }
    }

    #[tokio::test]
    async fn in_a_folder_every_file_is_heard_but_temporary_ones() {
        let rig = Rig::new("folder", |root, watch_set| {
            watch_set.folder(root.to_owned())
        });
        let temporary = format!("{}x", disk::TEMPORARY_PREFIX);
        rig.ignores("temporary", |root| {
            fs::write(root.join(&temporary), "a").unwrap()
        })
        .await;
        rig.hears("written", |root| fs::write(root.join("a"), "a").unwrap())
            .await;
        rig.hears("moved", |root| {
            fs::rename(root.join("a"), root.join("b")).unwrap()
        })
        .await;
        rig.hears("made private", |root| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs::set_permissions(root.join("b"), mode).unwrap();
        })
        .await;
        rig.hears("removed", |root| fs::remove_file(root.join("b")).unwrap())
            .await;
        rig.hears("a link", |root| {
            std::os::unix::fs::symlink("/dev/null", root.join("link")).unwrap();
        })
        .await;
        rig.hears("a folder", |root| fs::create_dir(root.join("c")).unwrap())
            .await;
    }

    #[tokio::test]
    async fn of_a_file_nothing_beside_it_is_heard() {
        let rig = Rig::new("file", |root, watch_set| {
            watch_set.file(&root.join("wanted"))
        });
        rig.ignores("another", |root| {
            fs::write(root.join("another"), "a").unwrap()
        })
        .await;
        rig.hears("wanted", |root| {
            fs::write(root.join("wanted"), "a").unwrap()
        })
        .await;
    }

    #[tokio::test]
    async fn a_folder_that_is_made_anew_or_moved_is_followed() {
        let mut rig = Rig::new("anew", |root, watch_set| {
            fs::create_dir(root.join("folder")).unwrap();
            watch_set.folder(root.join("folder"));
        });
        rig.hears("moved away", |root| {
            fs::rename(root.join("folder"), root.join("old")).unwrap();
        })
        .await;
        rig.watch.follow(&rig.watch_set);
        rig.ignores("what is no more in its place", |root| {
            fs::write(root.join("old/a"), "a").unwrap();
        })
        .await;
        rig.hears("made anew", |root| {
            fs::create_dir(root.join("folder")).unwrap()
        })
        .await;
        assert!(rig.watch.follow(&rig.watch_set), "it is another folder");
        rig.hears("a file in it", |root| {
            fs::write(root.join("folder/a"), "a").unwrap()
        })
        .await;
        rig.hears("removed", |root| {
            fs::remove_dir_all(root.join("folder")).unwrap()
        })
        .await;
    }

    #[tokio::test]
    async fn what_is_to_come_is_heard_folder_by_folder() {
        let mut rig = Rig::new("deep", |root, watch_set| {
            watch_set.file(&root.join("a/b/wanted"))
        });
        rig.ignores("beside", |root| fs::create_dir(root.join("c")).unwrap())
            .await;
        for folder in ["a", "a/b"] {
            rig.hears(folder, |root| fs::create_dir(root.join(folder)).unwrap())
                .await;
            assert!(rig.watch.follow(&rig.watch_set), "one more folder is there");
        }
        rig.hears("wanted", |root| {
            fs::write(root.join("a/b/wanted"), "a").unwrap()
        })
        .await;
    }
}
