//! The files that an app's definition consists of: content, and the part of the mode that counts.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The files of an app's folder: path relative to the folder, with `/`, to file.
pub type Files = BTreeMap<String, File>;

/// A file of an app's folder. Cloning it shares the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub content: Arc<[u8]>,
    pub mode: FileMode,
}

/// The part of a file's mode that is kept. The other bits depend on the umask of the process that
/// made the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileMode {
    /// Its owner may run it.
    pub executable: bool,
    /// Others may not read it.
    pub private: bool,
}

impl File {
    /// The content as text; `None` when it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.content).ok()
    }
}

impl FileMode {
    /// Reads permission bits as `stat(2)` gives them.
    #[must_use]
    pub fn of_bits(bits: u32) -> Self {
        Self {
            executable: bits & 0o100 != 0,
            private: bits & 0o004 == 0,
        }
    }

    /// The permission bits to give a copy of the file.
    #[must_use]
    pub fn bits(self) -> u32 {
        match (self.executable, self.private) {
            (false, false) => 0o644,
            (true, false) => 0o755,
            (false, true) => 0o600,
            (true, true) => 0o700,
        }
    }
}

/// A file that is readable by all and not executable.
impl<T: Into<Arc<[u8]>>> From<T> for File {
    fn from(content: T) -> Self {
        Self {
            content: content.into(),
            mode: FileMode::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_never_widened() {
        for (bits, kept) in [
            (0o644, 0o644),
            (0o664, 0o644),
            (0o755, 0o755),
            (0o600, 0o600),
            (0o640, 0o600),
            (0o700, 0o700),
            (0o750, 0o700),
            (0o400, 0o600),
        ] {
            assert_eq!(FileMode::of_bits(bits).bits(), kept, "for {bits:o}");
        }
    }
}
