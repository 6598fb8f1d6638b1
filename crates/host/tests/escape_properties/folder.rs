//! A folder of this machine for one test.

use std::path::{Path, PathBuf};

/// A folder of this machine that goes with the test.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
}

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("escape-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self { path }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left over, it does no harm: the next build may clear it.
        let _left = std::fs::remove_dir_all(&self.path);
    }
}
