//! The mounts that a host is made of. Only mounts at or below a path of ours are unmounted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_remount, unmount};

use crate::wait;

/// The processes of a killed host free its mounts a moment after its process 1 is gone. The bound
/// is for a machine under load.
const UNMOUNT_BOUND: Duration = Duration::from_secs(60);

/// Mounts an overlay of `upper` over `lower` at `target`.
pub(crate) fn overlay(lower: &Path, upper: &Path, work: &Path, target: &Path) -> Result<()> {
    let data = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        upper.display(),
        work.display()
    );
    let data = std::ffi::CString::new(data).context("a path with a zero byte")?;
    mount(
        "overlay",
        target,
        "overlay",
        MountFlags::empty(),
        data.as_c_str(),
    )
    .with_context(|| {
        format!(
            "mounting an overlay over {} at {}",
            lower.display(),
            target.display()
        )
    })
}

/// Mounts `source` at `target` as well.
pub(crate) fn bind(source: &Path, target: &Path) -> Result<()> {
    mount_bind(source, target)
        .with_context(|| format!("binding {} at {}", source.display(), target.display()))
}

/// As [`bind`], read-only.
pub(crate) fn bind_read_only(source: &Path, target: &Path) -> Result<()> {
    bind(source, target)?;
    mount_remount(target, MountFlags::BIND | MountFlags::RDONLY, c"")
        .with_context(|| format!("making {} read-only", target.display()))
}

/// Makes an ext4 file system in a new file and mounts it at `target`. The kernel frees the loop
/// device when it is unmounted. The top folder belongs to `user`, and no block is reserved for
/// root.
pub(crate) fn new_disk(image: &Path, mebibytes: u64, user: u32, target: &Path) -> Result<()> {
    let file = fs::File::create(image).with_context(|| format!("making {}", image.display()))?;
    file.set_len(mebibytes << 20)
        .with_context(|| format!("making {} {mebibytes} MiB large", image.display()))?;
    run(Command::new("mkfs.ext4")
        .args(["-q", "-m", "0", "-E"])
        .arg(format!("root_owner={user}:{user}"))
        .arg(image))?;
    // mount(8) rather than the system call: it finds a free loop device and gives it back.
    run(Command::new("mount")
        .args(["-t", "ext4", "-o", "loop,noatime"])
        .arg(image)
        .arg(target))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

/// Unmounts everything at or below `path`, innermost first.
pub(crate) fn unmount_at_and_below(path: &Path) -> Result<()> {
    for target in at_and_below(path)?.into_iter().rev() {
        wait::until(
            &format!("{} to be free to unmount", target.display()),
            UNMOUNT_BOUND,
            || match unmount(&target, UnmountFlags::NOFOLLOW) {
                Ok(()) | Err(Errno::INVAL | Errno::NOENT) => Ok(Some(())),
                Err(Errno::BUSY) => Ok(None),
                Err(error) => {
                    Err(error).with_context(|| format!("unmounting {}", target.display()))
                }
            },
        )?;
    }
    Ok(())
}

/// The mount points at or below `path`, in the order they were mounted.
pub(crate) fn at_and_below(path: &Path) -> Result<Vec<PathBuf>> {
    let table =
        fs::read_to_string("/proc/self/mountinfo").context("reading /proc/self/mountinfo")?;
    Ok(table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|point| PathBuf::from(unescape(point)))
        .filter(|point| point.starts_with(path))
        .collect())
}

/// The kernel writes space, tab, newline and backslash in a path as `\040` and so on
/// (proc_pid_mountinfo(5)).
fn unescape(escaped: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .into_iter()
    .fold(escaped.to_owned(), |path, (code, character)| {
        path.replace(code, character)
    })
}
