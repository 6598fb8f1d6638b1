//! `cargo xtask deb --revision`: the package of an earlier revision, for tests of upgrades.
//!
//! The sources come from git's objects, so nothing is checked out and this tree stays as it is. The
//! revision's own Cargo.lock pins its crates. The package is kept in the cache of the test hosts,
//! because a revision never changes. A clone without the revision, such as a shallow one, is an
//! error of its own: tests then use the files that they keep of that version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use testhost::cache;

use crate::deb;

/// The revision of version 0.1.0.
pub(crate) const VERSION_0_1_0: &str = "f776ce51b04925f2c44700d97a384759dacd5b06";

/// The package of a revision: from the cache, else built now, unoptimised.
///
/// # Errors
/// When this clone lacks the revision, or the package cannot be built.
pub(crate) fn package(revision: &str) -> Result<PathBuf> {
    let commit = commit(revision)?
        .with_context(|| format!("this clone does not have the revision {revision}; git fetch --unshallow gets it if this clone is shallow"))?;
    cache::artifact("package", &[&commit], |package: &Path| {
        build(&commit, package)
    })
}

/// The full hash of a revision, if this clone has it with all its files.
///
/// # Errors
/// When git cannot be run.
pub(crate) fn commit(revision: &str) -> Result<Option<String>> {
    let output = git()
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(format!("{revision}^{{commit}}"))
        .stderr(Stdio::inherit())
        .output()
        .context("running git rev-parse")?;
    let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(output.status.success().then_some(hash))
}

fn build(commit: &str, package: &Path) -> Result<()> {
    eprintln!("building the package of the revision {commit}, once (some minutes)");
    let began = Instant::now();
    // Beside this tree's own products. What a run that ended early has compiled is used again.
    let folder = deb::target_folder()?.join("revisions").join(commit);
    let sources = folder.join("sources");
    unpack(commit, &sources)?;
    // This program finds the tree by cargo's variable, and packs each revision in the same way.
    let program = std::env::current_exe().context("finding this program")?;
    let output = Command::new(program)
        .args(["deb", "--profile", "dev"])
        .env("CARGO_MANIFEST_DIR", sources.join("crates/xtask"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .stderr(Stdio::inherit())
        .output()
        .context("building the package")?;
    if !output.status.success() {
        bail!("the package of the revision {commit} cannot be built");
    }
    let built = String::from_utf8(output.stdout).context("reading the path of the package")?;
    let built = built.lines().last().context("no package was built")?;
    fs::copy(built, package).with_context(|| format!("copying {built}"))?;
    fs::remove_dir_all(&folder).with_context(|| format!("deleting {}", folder.display()))?;
    eprintln!(
        "built the package of the revision {commit} in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

fn unpack(commit: &str, sources: &Path) -> Result<()> {
    fs::create_dir_all(sources).with_context(|| format!("making {}", sources.display()))?;
    let mut archive = git()
        .args(["archive", "--format=tar", commit])
        .stdout(Stdio::piped())
        .spawn()
        .context("running git archive")?;
    let files = archive.stdout.take().context("git archive has no output")?;
    let unpacked = Command::new("tar")
        .arg("-x")
        .arg("-C")
        .arg(sources)
        .stdin(files)
        .status()
        .context("running tar")?;
    let archived = archive.wait().context("waiting for git archive")?;
    if !archived.success() || !unpacked.success() {
        bail!("the files of the revision {commit} cannot be read from git");
    }
    Ok(())
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(deb::repository());
    git
}
