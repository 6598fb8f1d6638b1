//! A disk on which a write is durable only after fsync.
//!
//! A file is a name and an inode, as on every Unix. A write changes the inode in memory. fsync of a
//! file makes its content durable, and fsync of a folder the names in it. Rename, link and remove
//! change names. A loss of power keeps only the durable state. The runtime folder is in memory, and
//! empty after every boot.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The names of temporary files begin with this, as in the program.
pub const TEMPORARY_PREFIX: &str = ".archipelago-new-";

/// The content of a file.
pub type Bytes = Arc<[u8]>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Folder,
    /// A file's content and mode.
    File(Bytes, u32),
    /// A symbolic link and its target.
    Link(PathBuf),
}

#[derive(Clone, Debug)]
struct Inode {
    node: Node,
    /// The state after a loss of power; `None` for a file that was never synced: it is empty then.
    durable: Option<Node>,
}

/// Whether the disk accepts writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    #[default]
    Writable,
    /// No space is left; names can still be removed.
    Full,
    /// Mounted read-only after an error.
    ReadOnly,
}

/// The fate of names that are not synced when power is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Unsynced {
    /// They are as they were at the last sync.
    Lost,
    /// The file system happened to have written them.
    Kept,
}

/// Why a system call on the disk failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskError {
    ReadOnly(PathBuf),
    NoSpace(PathBuf),
    NoFolder(PathBuf),
    NoFile(PathBuf),
}

impl fmt::Display for DiskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, cause) = match self {
            Self::ReadOnly(path) => (path, "read-only file system"),
            Self::NoSpace(path) => (path, "no space left on device"),
            Self::NoFolder(path) => (path, "no such folder"),
            Self::NoFile(path) => (path, "no such file"),
        };
        write!(formatter, "{}: {cause}", path.display())
    }
}

impl std::error::Error for DiskError {}

/// A disk that is not mounted: its mount point, and the names on it.
#[derive(Clone, Debug)]
struct Unmounted {
    folder: PathBuf,
    names: BTreeMap<String, u64>,
}

#[derive(Clone, Debug)]
pub struct Disk {
    inodes: BTreeMap<u64, Inode>,
    /// The inodes by path, as text, because texts compare faster than paths.
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    next_inode: u64,
    unmounted: Option<Unmounted>,
    pub medium: Medium,
    /// The folder whose content is in memory.
    memory: PathBuf,
    /// Counts changes, so that a reader knows whether its copy is still current.
    pub changes: u64,
    /// The beginnings of the paths that the daemon watches with inotify.
    watched: Vec<String>,
    /// Counts the events of inotify.
    pub notifications: u64,
}

type Done = Result<(), DiskError>;

impl Disk {
    /// An empty disk. A boot removes everything under `memory`.
    pub fn new(memory: &Path) -> Self {
        Self {
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            next_inode: 0,
            unmounted: None,
            medium: Medium::Writable,
            memory: memory.to_owned(),
            changes: 0,
            watched: Vec::new(),
            notifications: 0,
        }
    }

    /// Counts each change of a path with one of these beginnings, except of temporary files.
    pub fn watch(&mut self, beginnings: &[&Path]) {
        self.watched = beginnings
            .iter()
            .map(|beginning| key(beginning).to_owned())
            .collect();
    }

    fn notify(&mut self, path: &Path) {
        let path = key(path);
        let is_watched = self
            .watched
            .iter()
            .any(|beginning| path.starts_with(beginning.as_str()));
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let notifies = is_watched && !name.starts_with(TEMPORARY_PREFIX);
        self.notifications += u64::from(notifies);
    }

    fn node(&self, path: &Path) -> Option<&Node> {
        Some(&self.inodes.get(self.names.get(key(path))?)?.node)
    }

    pub fn read(&self, path: &Path) -> Option<Bytes> {
        match self.node(path)? {
            Node::File(content, _) => Some(Arc::clone(content)),
            Node::Folder | Node::Link(_) => None,
        }
    }

    pub fn mode(&self, path: &Path) -> Option<u32> {
        match self.node(path)? {
            Node::File(_, mode) => Some(*mode),
            Node::Folder => Some(0o700),
            Node::Link(_) => None,
        }
    }

    /// The target of a symbolic link.
    pub fn link(&self, path: &Path) -> Option<&Path> {
        match self.node(path)? {
            Node::Link(target) => Some(target),
            Node::Folder | Node::File(..) => None,
        }
    }

    pub fn exists(&self, path: &Path) -> bool {
        self.names.contains_key(key(path))
    }

    pub fn is_folder(&self, path: &Path) -> bool {
        self.node(path) == Some(&Node::Folder)
    }

    /// All paths under a folder, at any depth, in order.
    pub fn beneath(&self, folder: &Path) -> impl Iterator<Item = &Path> {
        self.keys_beneath(key(folder)).map(Path::new)
    }

    fn keys_beneath(&self, folder: &str) -> impl Iterator<Item = &str> {
        let inside = format!("{folder}/");
        self.names
            .range::<str, _>((Bound::Included(inside.as_str()), Bound::Unbounded))
            .map(|(name, _)| name.as_str())
            .take_while(move |name| name.starts_with(&inside))
    }

    /// The names in a folder, in order.
    pub fn names(&self, folder: &Path) -> Vec<String> {
        let cut = key(folder).len() + 1;
        self.keys_beneath(key(folder))
            .map(|name| &name[cut..])
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect()
    }

    fn is_in_memory(&self, path: &Path) -> bool {
        path.starts_with(&self.memory)
    }

    fn check_writable(&self, path: &Path) -> Done {
        match self.medium {
            _ if self.is_in_memory(path) => Ok(()),
            Medium::ReadOnly => Err(DiskError::ReadOnly(path.to_owned())),
            Medium::Writable | Medium::Full => Ok(()),
        }
    }

    fn check_space(&self, path: &Path) -> Done {
        self.check_writable(path)?;
        if self.medium == Medium::Full && !self.is_in_memory(path) {
            return Err(DiskError::NoSpace(path.to_owned()));
        }
        Ok(())
    }

    fn create(&mut self, path: &Path, node: Node) -> u64 {
        self.changes += 1;
        self.next_inode += 1;
        let inode = Inode {
            durable: matches!(node, Node::Folder | Node::Link(_)).then(|| node.clone()),
            node,
        };
        self.inodes.insert(self.next_inode, inode);
        self.names.insert(key(path).to_owned(), self.next_inode);
        self.next_inode
    }

    /// Makes a folder and its parents. Returns the new ones, the outermost first.
    pub fn make_folder(&mut self, path: &Path) -> Result<Vec<PathBuf>, DiskError> {
        let mut missing: Vec<&Path> = path
            .ancestors()
            .take_while(|folder| !self.exists(folder))
            .filter(|folder| *folder != Path::new("/"))
            .collect();
        missing.reverse();
        let made = missing.iter().map(|folder| (*folder).to_owned()).collect();
        for folder in missing {
            self.check_space(folder)?;
            self.create(folder, Node::Folder);
        }
        Ok(made)
    }

    /// Creates or truncates a file, and writes to it. On a full disk the file is left empty.
    pub fn write(&mut self, path: &Path, content: &[u8], mode: u32) -> Done {
        self.check_writable(path)?;
        if !path.parent().is_some_and(|folder| self.is_folder(folder)) {
            return Err(DiskError::NoFolder(path.to_owned()));
        }
        let space = self.check_space(path);
        let content: Bytes = if space.is_ok() {
            content.into()
        } else {
            Bytes::default()
        };
        self.changes += 1;
        self.notify(path);
        let node = Node::File(content, mode);
        let known = self.names.get(key(path)).copied();
        match known.and_then(|inode| self.inodes.get_mut(&inode)) {
            Some(inode) => inode.node = node,
            None => drop(self.create(path, node)),
        }
        space
    }

    /// fsync of a file: its content is durable.
    pub fn sync_file(&mut self, path: &Path) -> Done {
        self.check_space(path)?;
        if let Some(inode) = self
            .names
            .get(key(path))
            .and_then(|inode| self.inodes.get_mut(inode))
        {
            inode.durable = Some(inode.node.clone());
        }
        Ok(())
    }

    /// fsync of a folder: the names in it are durable.
    pub fn sync_folder(&mut self, folder: &Path) {
        let inside = format!("{}/", key(folder));
        let direct = |name: &str| {
            name.strip_prefix(&inside)
                .is_some_and(|name| !name.contains('/'))
        };
        // Names that were removed or have another inode now. The durable content of a removed
        // folder is removed with it.
        let replaced: Vec<String> = self
            .durable_names
            .range(inside.clone()..)
            .take_while(|(name, _)| name.starts_with(&inside))
            .filter(|(name, inode)| direct(name) && self.names.get(*name) != Some(*inode))
            .map(|(name, _)| name.clone())
            .collect();
        for name in replaced {
            let within = format!("{name}/");
            self.durable_names
                .retain(|other, _| *other != name && !other.starts_with(&within));
        }
        let names = self.names.range(inside.clone()..);
        let names = names.take_while(|(name, _)| name.starts_with(&inside));
        let names: Vec<(String, u64)> = names
            .filter(|(name, _)| direct(name))
            .map(|(name, inode)| (name.clone(), *inode))
            .collect();
        self.durable_names.extend(names);
    }

    /// Moves a file or folder with its content, replacing the target.
    pub fn rename(&mut self, from: &Path, to: &Path) -> Done {
        self.check_writable(to)?;
        self.changes += 1;
        self.notify(from);
        self.notify(to);
        self.drop_names(to);
        for name in self.with_content(from) {
            if let Some(inode) = self.names.remove(&name) {
                let tail = &name[key(from).len()..];
                self.names.insert(format!("{}{tail}", key(to)), inode);
            }
        }
        Ok(())
    }

    fn with_content(&self, path: &Path) -> Vec<String> {
        std::iter::once(key(path))
            .chain(self.keys_beneath(key(path)))
            .map(str::to_owned)
            .collect()
    }

    /// Gives a file a second name. A name that is taken stays as it is.
    pub fn link_file(&mut self, from: &Path, to: &Path) -> Done {
        self.check_space(to)?;
        if self.exists(to) {
            return Ok(());
        }
        self.changes += 1;
        let inode = *self
            .names
            .get(key(from))
            .ok_or_else(|| DiskError::NoFile(from.to_owned()))?;
        self.names.insert(key(to).to_owned(), inode);
        Ok(())
    }

    pub fn make_link(&mut self, path: &Path, target: &Path) {
        self.create(path, Node::Link(target.to_owned()));
    }

    /// Removes a file, or a folder with its content. Returns whether there was one.
    pub fn remove(&mut self, path: &Path) -> Result<bool, DiskError> {
        if !self.exists(path) {
            return Ok(false);
        }
        self.check_writable(path)?;
        self.notify(path);
        self.drop_names(path);
        Ok(true)
    }

    fn drop_names(&mut self, path: &Path) {
        self.changes += 1;
        for name in self.with_content(path) {
            self.names.remove(&name);
        }
    }

    /// Unmounts the disk that holds a folder's content, after a sync. The empty mount point stays.
    /// inotify reports nothing.
    pub fn unmount(&mut self, folder: &Path) {
        if self.unmounted.is_some() {
            return;
        }
        self.changes += 1;
        let keys: Vec<String> = self.keys_beneath(key(folder)).map(str::to_owned).collect();
        let mut names = BTreeMap::new();
        for name in keys {
            self.durable_names.remove(&name);
            if let Some(inode) = self.names.remove(&name) {
                if let Some(inode) = self.inodes.get_mut(&inode) {
                    inode.durable = Some(inode.node.clone());
                }
                names.insert(name, inode);
            }
        }
        let inside = format!("{}/", key(folder));
        self.durable_names
            .retain(|name, _| !name.starts_with(&inside));
        self.unmounted = Some(Unmounted {
            folder: folder.to_owned(),
            names,
        });
    }

    /// Whether a path lies on a disk that is not mounted.
    pub fn is_unmounted(&self, path: &Path) -> bool {
        let disk = self.unmounted.as_ref();
        disk.is_some_and(|disk| path.starts_with(&disk.folder))
    }

    /// Mounts the disk again. Returns the paths on the mount point that the mount hides.
    pub fn mount(&mut self) -> Vec<String> {
        let Some(Unmounted { folder, names }) = self.unmounted.take() else {
            return Vec::new();
        };
        self.changes += 1;
        let hidden: Vec<String> = self.keys_beneath(key(&folder)).map(str::to_owned).collect();
        for name in &hidden {
            self.names.remove(name);
            self.durable_names.remove(name);
        }
        if self.exists(&folder) {
            self.durable_names.extend(names.clone());
            self.names.extend(names);
        }
        hidden
    }

    /// Makes everything durable, as a clean shutdown does.
    pub fn sync_all(&mut self) {
        for inode in self.inodes.values_mut() {
            inode.durable = Some(inode.node.clone());
        }
        self.durable_names = self.names.clone();
        self.drop_unnamed_inodes();
    }

    /// Writes a durable file and its folders, whatever the medium accepts. Only interventions use
    /// it: Archipelago's processes use `write` and `sync_file`.
    pub fn put(&mut self, path: &Path, content: &[u8], mode: u32) {
        let parents: Vec<&Path> = path.ancestors().skip(1).collect();
        for folder in parents.iter().rev() {
            if !self.exists(folder) && **folder != *Path::new("/") {
                self.create(folder, Node::Folder);
            }
        }
        self.notify(path);
        self.drop_names(path);
        let inode = self.create(path, Node::File(content.into(), mode));
        if let Some(inode) = self.inodes.get_mut(&inode) {
            inode.durable = Some(inode.node.clone());
        }
        for name in path.ancestors().map(key) {
            if let Some(inode) = self.names.get(name) {
                self.durable_names.insert(name.to_owned(), *inode);
            }
        }
    }

    /// Boots. The folder in memory is empty afterwards. After a loss of power, unsynced state is
    /// lost.
    pub fn boot(&mut self, lost: Option<Unsynced>) {
        self.changes += 1;
        match lost {
            None => self.sync_all(),
            Some(unsynced) => {
                if unsynced == Unsynced::Lost {
                    self.names = self.durable_names.clone();
                }
                for inode in self.inodes.values_mut() {
                    if let Node::File(_, mode) = inode.node {
                        let empty = Node::File(Bytes::default(), mode);
                        inode.node = inode.durable.clone().unwrap_or(empty);
                    }
                }
            }
        }
        let memory = key(&self.memory).to_owned();
        self.names
            .retain(|name, _| !name.starts_with(&format!("{memory}/")));
        // A name is reachable only if all its folders are.
        let all = self.names.clone();
        self.names.retain(|name, _| {
            let parents = Path::new(name).ancestors().skip(1).map(key);
            parents
                .filter(|parent| *parent != "/")
                .all(|parent| all.contains_key(parent))
        });
        self.sync_all();
    }

    fn drop_unnamed_inodes(&mut self) {
        let unmounted = self.unmounted.iter().flat_map(|disk| disk.names.values());
        let used: BTreeSet<u64> = self.names.values().chain(unmounted).copied().collect();
        self.inodes.retain(|inode, _| used.contains(inode));
    }
}

/// A path as text. All simulated paths are valid UTF-8.
fn key(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
