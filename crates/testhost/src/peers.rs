//! Other programs that run Compose files on Podman, for comparison: Debian's podman-compose, and
//! podup from crates.io.
//!
//! They have a root of their own: tests need neither, and should not wait until it is built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache;

/// The additional Debian packages of a host with the peers.
pub(crate) const PACKAGES: &[&str] = &["podman-compose"];

/// The release of podup to compare with.
pub const PODUP_VERSION: &str = "5.4.0";

/// The path of the program podup, compiled now if the cache lacks it (some minutes).
///
/// # Errors
/// When it cannot be fetched or compiled.
pub fn podup() -> Result<PathBuf> {
    let build = |target: &Path| {
        eprintln!("compiling podup {PODUP_VERSION}, once (some minutes)");
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["install", "podup", "--locked", "--no-default-features"])
            .args(["--version", PODUP_VERSION])
            .arg("--root")
            .arg(target)
            // podup is no part of this workspace and must not get its settings.
            .current_dir("/")
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .context("running cargo install")?;
        if !output.status.success() {
            let log = String::from_utf8_lossy(&output.stderr);
            bail!("compiling podup failed:\n{log}");
        }
        Ok(())
    };
    let folder = cache::artifact("podup", &[PODUP_VERSION], build)?;
    Ok(folder.join("bin/podup"))
}
