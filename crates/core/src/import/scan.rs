//! The files that an import would bring, as `find` lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::owner::Owner;

/// The format of `find -printf` for each file (find(1)). Whether it can be read is printed before.
/// An entry ends with a zero byte.
pub const FORMAT: &str = "\\t%y\\t%U\\t%G\\t%b\\t%n\\t%D:%i\\t%H\\t%p\\0";

/// The number of bytes of a block, as `find` counts them.
const BLOCK_BYTES: u64 = 512;

/// All files of the folders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// By the folder as it was given to `find`.
    pub folders: BTreeMap<PathBuf, FoundIn>,
    /// The files with several names that were counted.
    linked: BTreeSet<String>,
}

/// The files of a folder, itself among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundIn {
    pub files: u64,
    /// The room that they take on the disk.
    pub bytes: u64,
    /// Each owner, with the first file of it.
    pub owners: BTreeMap<(u32, u32), PathBuf>,
    /// The first file that cannot be read, and its owner.
    pub unreadable: Option<(PathBuf, Owner)>,
    pub unreadable_files: u64,
    /// The first file that is neither a file, a folder nor a link, and its kind.
    pub special: Option<(PathBuf, &'static str)>,
    /// Whether the folder itself is a link.
    pub is_link: bool,
}

impl Scan {
    /// Adds the entries in a part of what `find` printed. Returns the number of bytes that were
    /// used: an entry that has not ended stays for the next part.
    pub fn add(&mut self, bytes: &[u8]) -> usize {
        let end = bytes.iter().rposition(|byte| *byte == 0);
        let Some(end) = end else { return 0 };
        for entry in bytes[..end].split(|byte| *byte == 0) {
            self.add_entry(entry);
        }
        end + 1
    }

    fn add_entry(&mut self, entry: &[u8]) -> Option<()> {
        let mut fields = entry.splitn(9, |byte| *byte == b'\t');
        let mut bytes = || fields.next();
        let mut text = || std::str::from_utf8(bytes()?).ok();
        let is_readable = text()? == "+";
        let kind = text()?;
        let owner = Owner {
            user: text()?.parse().ok()?,
            group: text()?.parse().ok()?,
        };
        let blocks: u64 = text()?.parse().ok()?;
        let names: u64 = text()?.parse().ok()?;
        let file = text()?;
        let folder = path(bytes()?);
        let path = path(bytes()?);
        let is_folder = kind == "d";
        let is_counted = is_folder || names < 2 || self.linked.insert(file.to_owned());
        let is_root = path == folder;
        let found = self.folders.entry(folder).or_default();
        found.files += 1;
        if is_counted {
            found.bytes += blocks.saturating_mul(BLOCK_BYTES);
        }
        found.is_link |= is_root && kind == "l";
        if let Some(kind) = special(kind) {
            found.special.get_or_insert((path.clone(), kind));
        }
        if !is_readable {
            found.unreadable_files += 1;
            found.unreadable.get_or_insert((path.clone(), owner));
        }
        found
            .owners
            .entry((owner.user, owner.group))
            .or_insert(path);
        Some(())
    }

    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.folders.values().map(|found| found.bytes).sum()
    }
}

fn path(bytes: &[u8]) -> PathBuf {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// The kind of a file that cannot be copied; `None` for one that can (find(1), `%y`).
fn special(kind: &str) -> Option<&'static str> {
    match kind {
        "f" | "d" | "l" => None,
        "b" | "c" => Some("a device"),
        "p" => Some("a pipe"),
        "s" => Some("a socket"),
        _ => Some("of an unknown kind"),
    }
}
