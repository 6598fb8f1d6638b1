//! Access beneath an open folder, wherever it is mounted by then; no link leads out of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::disk::{Error, failed};

/// Opens a folder, to make others in it wherever it is mounted then.
///
/// # Errors
/// When it is not there, or is no folder.
pub fn open_folder(path: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
        .map_err(|error| failed("open the folder", path)(error.into()))
}

/// As [`make_folder`](crate::disk::make_folder), of a folder beneath `root`, which is open as
/// `opened`. No link on the way is followed: a container may have put it there.
///
/// # Errors
/// When it cannot be made, a link is on the way, or it is not beneath `root`.
pub fn make_folder_beneath(
    opened: &OwnedFd,
    root: &Path,
    path: &Path,
    mode: u32,
) -> Result<(), Error> {
    let refuse = |cause: String| failed("make the folder", path)(io::Error::other(cause));
    let failed = |error: Errno| failed("make the folder", path)(error.into());
    let inside = path
        .strip_prefix(root)
        .map_err(|_| refuse(format!("it is not in {}", root.display())))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = rustix::fs::openat(opened, ".", flags, Mode::empty()).map_err(failed)?;
    let mut place = root.to_owned();
    for name in inside {
        place.push(name);
        let enter = || {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            rustix::fs::openat2(&folder, name, flags, Mode::empty(), resolve)
        };
        let entered = match enter() {
            Err(Errno::NOENT) => {
                match rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(mode)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(failed(error)),
                }
                // A name lasts no longer than the folder that it is in says.
                let readable = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let parent = rustix::fs::openat(&folder, ".", readable, Mode::empty());
                parent.and_then(rustix::fs::fsync).map_err(failed)?;
                enter()
            }
            entered => entered,
        };
        folder = match entered {
            Err(Errno::LOOP | Errno::NOTDIR) => {
                return Err(refuse(format!(
                    "{} is a link or a file, and no link is followed there; move it away, or mount a disk in its place",
                    place.display()
                )));
            }
            entered => entered.map_err(failed)?,
        };
    }
    Ok(())
}

/// Reads a file of a folder that is open; `None` when there is none.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_in(opened: &OwnedFd, path: &Path, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = match rustix::fs::openat(opened, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(failed("read", path)(error.into())),
    };
    let mut content = Vec::new();
    (&file)
        .read_to_end(&mut content)
        .map_err(failed("read", path))?;
    Ok(Some(content))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::{make_folder, may_exist, mode, names, remove_folder};

    #[test]
    fn beneath_a_folder_no_link_is_followed() {
        use std::os::unix::fs::symlink;
        let folder =
            std::env::temp_dir().join(format!("archipelago-beneath-{}", std::process::id()));
        let (root, other) = (folder.join("root"), folder.join("other"));
        make_folder(&other, 0o755).unwrap();
        make_folder(&root, 0o755).unwrap();
        let opened = open_folder(&root).unwrap();
        let make = |path: &Path| make_folder_beneath(&opened, &root, path, 0o700);
        for _ in 0..2 {
            make(&root.join("a/b")).unwrap();
        }
        make(&root).unwrap();
        assert_eq!(mode(&root.join("a/b")), Some(0o700));
        symlink(&other, root.join("a/link")).unwrap();
        symlink("b", root.join("a/beside")).unwrap();
        fs::write(root.join("file"), "").unwrap();
        for path in ["a/link", "a/link/x", "a/beside/x", "file/x", "file"] {
            let error = make(&root.join(path)).unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("no link is followed"), "{path}: {cause}");
        }
        assert!(make(&other.join("x")).is_err());
        assert!(make(&root.join("../x")).is_err());
        // Another folder in its place is not the one that was opened.
        fs::rename(&root, folder.join("moved")).unwrap();
        make_folder(&root, 0o755).unwrap();
        make(&root.join("c")).unwrap();
        assert_eq!(names(&root).unwrap(), [""; 0]);
        let root = folder.join("moved");
        assert_eq!(names(&other).unwrap(), [""; 0]);
        assert_eq!(names(&root.join("a/b")).unwrap(), [""; 0]);
        assert!(may_exist(&root.join("c")));
        remove_folder(&folder).unwrap();
    }
}
