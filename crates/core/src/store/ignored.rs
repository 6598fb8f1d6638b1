//! The files of a store that no app needs.

/// Whether a file is left out of an app's definition: files that only keep a folder in version
/// control, and macOS's settings of a folder.
#[must_use]
pub fn is_ignored(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, ".gitkeep" | ".keep" | ".gitignore" | ".DS_Store")
}
