//! The cache folder: artifacts that take long to build and are the same for every test. The name of
//! each ends in a hash of its recipe.
//!
//! The folder lies outside the repository. An artifact is built under a temporary name and renamed
//! when it is complete, so an artifact with its final name can be trusted. A lock makes two runs at
//! once build it once. A finished artifact is never changed or deleted: a running host may lie on
//! top of it.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::mounts;

/// `$ARCHIPELAGO_CACHE`, else `$XDG_CACHE_HOME/archipelago`, else `~/.cache/archipelago`.
///
/// # Errors
/// When none of the three is set, or the path holds a character that the options of an overlay
/// mount cannot carry.
pub fn folder() -> Result<PathBuf> {
    let given = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let folder = given("ARCHIPELAGO_CACHE")
        .or_else(|| given("XDG_CACHE_HOME").map(|base| base.join("archipelago")))
        .or_else(|| given("HOME").map(|home| home.join(".cache/archipelago")))
        .context("no cache folder: set ARCHIPELAGO_CACHE, XDG_CACHE_HOME or HOME")?;
    if !folder.is_absolute() {
        bail!(
            "the cache folder {} must be an absolute path",
            folder.display()
        );
    }
    if folder.to_string_lossy().contains([',', ':', '\\']) {
        bail!(
            "the cache folder {} must not hold a comma, colon or backslash: an overlay mount cannot name it",
            folder.display()
        );
    }
    Ok(folder)
}

/// The finished artifact of this kind and recipe: from the cache, else built now.
///
/// `build` gets a path that does not exist yet, and makes a file or a folder there.
///
/// # Errors
/// When the cache cannot be written or `build` fails; nothing half-built keeps the final name.
pub fn artifact(
    kind: &str,
    recipe: &[&str],
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let folder = folder()?;
    let name = format!("{kind}-{}", key(recipe));
    let finished = folder.join(&name);
    if finished.exists() {
        return Ok(finished);
    }
    fs::create_dir_all(&folder)
        .with_context(|| format!("making the cache folder {}", folder.display()))?;
    let other = format!("another run, which builds {name}");
    let _lock = lock_saying(&folder.join(format!("{name}.lock")), Some(&other))?;
    if finished.exists() {
        return Ok(finished);
    }
    // The run that left this behind ended, because it no longer holds the lock.
    let unfinished = folder.join(format!("{name}.unfinished"));
    remove(&unfinished)?;
    match build(&unfinished) {
        Ok(()) => fs::rename(&unfinished, &finished)
            .with_context(|| format!("giving {} its final name", finished.display()))?,
        Err(error) => {
            remove(&unfinished)?;
            return Err(error.context(format!("building {name} for the cache")));
        }
    }
    Ok(finished)
}

/// Deletes a folder or file of ours, if it exists. Mounts inside are unmounted first: a deletion
/// must not reach through a bind mount into files that are not ours.
pub(crate) fn remove(path: &Path) -> Result<()> {
    mounts::unmount_at_and_below(path)?;
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("deleting {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Waits for an exclusive lock and holds it until the returned file is dropped. The kernel frees
/// the lock when the process ends.
pub(crate) fn lock(path: &Path) -> Result<File> {
    lock_saying(path, None)
}

/// As [`lock`], and prints `waiting_for` when the lock is not free.
fn lock_saying(path: &Path, waiting_for: Option<&str>) -> Result<File> {
    let what = || format!("locking {}", path.display());
    let file =
        File::create(path).with_context(|| format!("making the lock file {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            if let Some(what) = waiting_for {
                eprintln!("waiting for {what}");
            }
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(what),
    }
    file.lock().with_context(what)?;
    Ok(file)
}

/// Sixteen hexadecimal digits of a hash over the parts of a recipe. The length of each part is
/// hashed too, so that recipes which are split differently differ.
fn key(recipe: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in recipe {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn a_key_depends_on_every_part_and_on_where_it_is_split() {
        assert_eq!(key(&["a", "b"]), key(&["a", "b"]));
        assert_ne!(key(&["a", "b"]), key(&["b", "a"]));
        assert_ne!(key(&["ab", ""]), key(&["a", "b"]));
        assert_eq!(key(&[]).len(), 16);
    }
}
