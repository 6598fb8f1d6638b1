//! Copying one folder, through two programs tar.
//!
//! The first tar reads the numbers of the owners on the host; the second one, as root in this
//! user's containers, gives the files to the users with these numbers there. That is what Docker's
//! containers had. For Podman's, both run there. Modes, times, links and holes are kept.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use archipelago_core::import::Engine;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Error;
use super::programs::{first_words, program, start};
use super::staging::Staging;
use crate::disk;

const CHUNK_BYTES: usize = 256 << 10;

/// The extended attributes that a user may set.
const ATTRIBUTES: [&str; 2] = ["--xattrs", "--xattrs-include=user.*"];

/// A disk with less room is full.
const FULL_BYTES: u64 = 1 << 20;

/// tar(1): a file changed while it was read.
const CHANGED: i32 = 1;

/// Copies a folder. `copied` hears the number of bytes of each part. The programs hold the lock of
/// the import too: should this process be killed, they still write for a moment.
///
/// # Errors
/// When something cannot be read or written. What was written stays.
pub async fn copy(
    staging: &Staging,
    engine: Engine,
    from: &Path,
    to: &Path,
    mut copied: impl FnMut(usize),
) -> Result<(), Error> {
    disk::make_folder(to, 0o700)?;
    let mut reader = program("tar", engine)
        .arg("--directory")
        .arg(from)
        .args(["--create", "--file=-", "--format=posix", "--sparse"])
        .arg("--numeric-owner")
        .args(ATTRIBUTES)
        .arg(".")
        .stdin(staging.held()?)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start("tar"))?;
    let mut writer = program("tar", Engine::Podman)
        .arg("--directory")
        .arg(to)
        .args(["--extract", "--file=-", "--preserve-permissions"])
        .args(["--same-owner", "--numeric-owner"])
        .args(ATTRIBUTES)
        .stdin(Stdio::piped())
        .stdout(staging.held()?)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start("podman unshare tar"))?;
    let read_words = first_words(reader.stderr.take());
    let write_words = first_words(writer.stderr.take());
    if let (Some(mut source), Some(mut sink)) = (reader.stdout.take(), writer.stdin.take()) {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = source.read(&mut chunk).await.map_err(start("tar"))?;
            // When the writer has ended, its words tell why.
            if count == 0 || sink.write_all(&chunk[..count]).await.is_err() {
                break;
            }
            copied(count);
        }
    }
    let written = writer.wait().await.map_err(start("podman unshare tar"))?;
    let read = reader.wait().await.map_err(start("tar"))?;
    let (read_words, write_words) = (
        read_words.await.unwrap_or_default(),
        write_words.await.unwrap_or_default(),
    );
    // A reader whose pipe breaks says so; what it says otherwise is the cause, also of an archive
    // that ends too early.
    let is_reading_the_cause = !read.success()
        && !read_words.is_empty()
        && !read_words.to_lowercase().contains("broken pipe");
    if !written.success() && !is_reading_the_cause {
        return Err(write_failed(to, write_words));
    }
    read_ended(read, from, read_words)
}

/// Of a full disk, tar says only that it wrote too little.
fn write_failed(to: &Path, words: String) -> Error {
    let room = rustix::fs::statvfs(to).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    let path = to.to_owned();
    match room {
        Ok(room) if room < FULL_BYTES => Error::Full(path),
        _ => Error::Write { path, words },
    }
}

fn read_ended(status: ExitStatus, from: &Path, words: String) -> Result<(), Error> {
    let path = from.to_owned();
    match status.code() {
        Some(0) => Ok(()),
        Some(CHANGED) => Err(Error::Changed { path, words }),
        _ => Err(Error::Read { path, words }),
    }
}
