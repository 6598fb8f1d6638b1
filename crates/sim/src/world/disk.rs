//! A disk on which what was written lasts only once it was synced.
//!
//! A file is a name and an inode, as on every Unix: writing fills the inode in memory, `fsync` of the file makes its content last, `fsync` of
//! the folder makes the names in it last. Rename, link and remove change names. Losing power keeps what lasts. The runtime folder is in
//! memory and gone after every boot.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The content of a file.
pub type Bytes = Arc<[u8]>;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A folder.
    Folder,
    /// A file with its mode.
    File(Bytes, u32),
    /// A symbolic link.
    Link(PathBuf),
}

#[derive(Clone, Debug)]
struct Inode {
    node: Node,
    /// What it is after power was lost; a file that was never synced is empty then.
    lasting: Option<Node>,
}

/// How the disk takes writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    /// It takes them.
    #[default]
    Writable,
    /// No space is left; names can still be removed.
    Full,
    /// It was mounted read-only after an error.
    ReadOnly,
}

/// What becomes of names that were not synced when power is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Unsynced {
    /// They are as they were before.
    Lost,
    /// The file system happened to have written them.
    Kept,
}

/// The disk.
#[derive(Clone, Debug)]
pub struct Disk {
    inodes: BTreeMap<u64, Inode>,
    /// By path, as text: comparing texts is what looking at this disk spends its time with.
    names: BTreeMap<String, u64>,
    lasting_names: BTreeMap<String, u64>,
    next_inode: u64,
    /// How it takes writes.
    pub medium: Medium,
    memory: PathBuf,
    /// Counts what changed, so that what was read can be known to be as it was.
    pub changes: u64,
    /// What the paths begin with for which somebody listens.
    watched: Vec<String>,
    /// Counts what those who listen were told.
    pub rings: u64,
}

type Done = Result<(), String>;

impl Disk {
    /// An empty disk; what lies under `memory` does not outlive a boot.
    pub fn new(memory: &Path) -> Self {
        Self {
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            lasting_names: BTreeMap::new(),
            next_inode: 0,
            medium: Medium::Writable,
            memory: memory.to_owned(),
            changes: 0,
            watched: Vec::new(),
            rings: 0,
        }
    }

    /// From now on changes of what these paths begin ring, but for those of temporary files.
    pub fn watch(&mut self, beginnings: &[&Path]) {
        self.watched = beginnings
            .iter()
            .map(|beginning| key(beginning).to_owned())
            .collect();
    }

    fn ring(&mut self, path: &Path) {
        let path = key(path);
        let heard = self
            .watched
            .iter()
            .any(|beginning| path.starts_with(beginning.as_str()));
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        self.rings += u64::from(heard && !name.starts_with(crate::hands::TEMPORARY_PREFIX));
    }

    fn node(&self, path: &Path) -> Option<&Node> {
        Some(&self.inodes.get(self.names.get(key(path))?)?.node)
    }

    /// The content of a file.
    pub fn read(&self, path: &Path) -> Option<Bytes> {
        match self.node(path)? {
            Node::File(content, _) => Some(Arc::clone(content)),
            Node::Folder | Node::Link(_) => None,
        }
    }

    /// The mode of a file.
    pub fn mode(&self, path: &Path) -> Option<u32> {
        match self.node(path)? {
            Node::File(_, mode) => Some(*mode),
            Node::Folder => Some(0o700),
            Node::Link(_) => None,
        }
    }

    /// Where a link leads.
    pub fn link(&self, path: &Path) -> Option<&Path> {
        match self.node(path)? {
            Node::Link(target) => Some(target),
            Node::Folder | Node::File(..) => None,
        }
    }

    /// Whether there is something of that name.
    pub fn exists(&self, path: &Path) -> bool {
        self.names.contains_key(key(path))
    }

    /// Whether it is a folder.
    pub fn is_folder(&self, path: &Path) -> bool {
        self.node(path) == Some(&Node::Folder)
    }

    /// All paths under a folder, in order.
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

    fn writable(&self, path: &Path) -> Done {
        match self.medium {
            _ if self.is_in_memory(path) => Ok(()),
            Medium::ReadOnly => Err(format!("{}: read-only file system", path.display())),
            Medium::Writable | Medium::Full => Ok(()),
        }
    }

    fn has_space(&self, path: &Path) -> Done {
        self.writable(path)?;
        if self.medium == Medium::Full && !self.is_in_memory(path) {
            return Err(format!("{}: no space left on device", path.display()));
        }
        Ok(())
    }

    fn name(&mut self, path: &Path, node: Node) -> u64 {
        self.changes += 1;
        self.next_inode += 1;
        let inode = Inode {
            lasting: matches!(node, Node::Folder | Node::Link(_)).then(|| node.clone()),
            node,
        };
        self.inodes.insert(self.next_inode, inode);
        self.names.insert(key(path).to_owned(), self.next_inode);
        self.next_inode
    }

    /// Makes a folder and its parents. Says which were made, outermost first.
    pub fn make_folder(&mut self, path: &Path) -> Result<Vec<PathBuf>, String> {
        let mut missing: Vec<&Path> = path
            .ancestors()
            .take_while(|folder| !self.exists(folder))
            .filter(|folder| *folder != Path::new("/"))
            .collect();
        missing.reverse();
        let made = missing.iter().map(|folder| (*folder).to_owned()).collect();
        for folder in missing {
            self.has_space(folder)?;
            self.name(folder, Node::Folder);
        }
        Ok(made)
    }

    /// Creates a file, or empties the one that is there, and writes to it.
    pub fn write(&mut self, path: &Path, content: &[u8], mode: u32) -> Done {
        self.writable(path)?;
        if !path.parent().is_some_and(|folder| self.is_folder(folder)) {
            return Err(format!("{}: no such folder", path.display()));
        }
        let full = self.has_space(path);
        let content: Bytes = if full.is_ok() {
            content.into()
        } else {
            Bytes::default()
        };
        self.changes += 1;
        self.ring(path);
        let node = Node::File(content, mode);
        let known = self.names.get(key(path)).copied();
        match known.and_then(|inode| self.inodes.get_mut(&inode)) {
            Some(inode) => inode.node = node,
            None => drop(self.name(path, node)),
        }
        full
    }

    /// Makes a file's content last.
    pub fn sync_file(&mut self, path: &Path) -> Done {
        self.has_space(path)?;
        if let Some(inode) = self
            .names
            .get(key(path))
            .and_then(|inode| self.inodes.get_mut(inode))
        {
            inode.lasting = Some(inode.node.clone());
        }
        Ok(())
    }

    /// Makes the names in a folder last.
    pub fn sync_folder(&mut self, folder: &Path) {
        let inside = format!("{}/", key(folder));
        let direct = |name: &str| {
            name.strip_prefix(&inside)
                .is_some_and(|rest| !rest.contains('/'))
        };
        // What lay in a folder that is another one now lies nowhere.
        let replaced: Vec<String> = self
            .lasting_names
            .range(inside.clone()..)
            .take_while(|(name, _)| name.starts_with(&inside))
            .filter(|(name, inode)| direct(name) && self.names.get(*name) != Some(*inode))
            .map(|(name, _)| name.clone())
            .collect();
        for name in replaced {
            let within = format!("{name}/");
            self.lasting_names
                .retain(|other, _| *other != name && !other.starts_with(&within));
        }
        let names = self.names.range(inside.clone()..);
        let names = names.take_while(|(name, _)| name.starts_with(&inside));
        let names: Vec<(String, u64)> = names
            .filter(|(name, _)| direct(name))
            .map(|(name, inode)| (name.clone(), *inode))
            .collect();
        self.lasting_names.extend(names);
    }

    /// Puts a file or folder, with all that is in it, in another's place.
    pub fn rename(&mut self, from: &Path, to: &Path) -> Done {
        self.writable(to)?;
        self.changes += 1;
        self.ring(from);
        self.ring(to);
        self.drop_names(to);
        for name in self.with_all_in_it(from) {
            if let Some(inode) = self.names.remove(&name) {
                let rest = &name[key(from).len()..];
                self.names.insert(format!("{}{rest}", key(to)), inode);
            }
        }
        Ok(())
    }

    fn with_all_in_it(&self, path: &Path) -> Vec<String> {
        std::iter::once(key(path))
            .chain(self.keys_beneath(key(path)))
            .map(str::to_owned)
            .collect()
    }

    /// Gives a file a second name, unless that is taken.
    pub fn link_file(&mut self, from: &Path, to: &Path) -> Done {
        self.has_space(to)?;
        if self.exists(to) {
            return Ok(());
        }
        self.changes += 1;
        let inode = *self
            .names
            .get(key(from))
            .ok_or_else(|| format!("{}: no such file", from.display()))?;
        self.names.insert(key(to).to_owned(), inode);
        Ok(())
    }

    /// Makes a symbolic link.
    pub fn make_link(&mut self, path: &Path, target: &Path) {
        self.name(path, Node::Link(target.to_owned()));
    }

    /// Removes a file, or a folder with all that is in it; none is fine. Says whether there was one.
    pub fn remove(&mut self, path: &Path) -> Result<bool, String> {
        if !self.exists(path) {
            return Ok(false);
        }
        self.writable(path)?;
        self.ring(path);
        self.drop_names(path);
        Ok(true)
    }

    fn drop_names(&mut self, path: &Path) {
        self.changes += 1;
        for name in self.with_all_in_it(path) {
            self.names.remove(&name);
        }
    }

    /// Makes all of it last, as a shutdown in order does.
    pub fn sync_all(&mut self) {
        for inode in self.inodes.values_mut() {
            inode.lasting = Some(inode.node.clone());
        }
        self.lasting_names = self.names.clone();
        self.sweep_inodes();
    }

    /// Puts a file there that lasts, as somebody else would who is not the one under test.
    pub fn put(&mut self, path: &Path, content: &[u8], mode: u32) {
        let parents: Vec<&Path> = path.ancestors().skip(1).collect();
        for folder in parents.iter().rev() {
            if !self.exists(folder) && **folder != *Path::new("/") {
                self.name(folder, Node::Folder);
            }
        }
        self.ring(path);
        self.drop_names(path);
        let inode = self.name(path, Node::File(content.into(), mode));
        if let Some(inode) = self.inodes.get_mut(&inode) {
            inode.lasting = Some(inode.node.clone());
        }
        for name in path.ancestors().map(key) {
            if let Some(inode) = self.names.get(name) {
                self.lasting_names.insert(name.to_owned(), *inode);
            }
        }
    }

    /// Boots: what is in memory is gone; after a loss of power, so is what was not synced.
    pub fn boot(&mut self, lost: Option<Unsynced>) {
        self.changes += 1;
        match lost {
            None => self.sync_all(),
            Some(unsynced) => {
                if unsynced == Unsynced::Lost {
                    self.names = self.lasting_names.clone();
                }
                for inode in self.inodes.values_mut() {
                    if let Node::File(_, mode) = inode.node {
                        let empty = Node::File(Bytes::default(), mode);
                        inode.node = inode.lasting.clone().unwrap_or(empty);
                    }
                }
            }
        }
        let memory = key(&self.memory).to_owned();
        self.names
            .retain(|name, _| !name.starts_with(&format!("{memory}/")));
        // A name in a folder that is not there leads nowhere.
        let all = self.names.clone();
        self.names.retain(|name, _| {
            let parents = Path::new(name).ancestors().skip(1).map(key);
            parents
                .filter(|parent| *parent != "/")
                .all(|parent| all.contains_key(parent))
        });
        self.sync_all();
    }

    fn sweep_inodes(&mut self) {
        let used: std::collections::BTreeSet<u64> = self.names.values().copied().collect();
        self.inodes.retain(|inode, _| used.contains(inode));
    }
}

/// A path as the text by which it is found. The paths of these worlds are all made of text.
fn key(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
