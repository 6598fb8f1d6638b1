//! Files: reading what may be absent, writing so that a crash leaves the old or the new content,
//! never a mixture.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

/// The prefix of temporary files. They have no unit suffix, because Quadlet reads by suffix; the
/// next pass removes those that a crash left.
pub const TEMPORARY_PREFIX: &str = ".archipelago-new-";

/// A file operation that did not work.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}", path.display())]
pub struct Error {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Error {
    /// Whether this user may not do it.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }

    /// Whether this process or the system ran out of file descriptors or memory, so that the error
    /// says nothing about the path.
    pub fn is_exhaustion(&self) -> bool {
        let error = Errno::from_io_error(&self.source);
        matches!(error, Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
    }
}

pub(crate) fn failed<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| Error {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Reads a file; `None` when there is none.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Reads a regular file; `None` for anything else and for a file that cannot be read.
pub fn read_file(path: &Path) -> Option<Vec<u8>> {
    let found = open_and_read(path).ok()?;
    Some(found.1)
}

/// Like [`read`], with the metadata of the same moment. Only a regular file can be read.
///
/// # Errors
/// As [`read`].
pub fn read_with_metadata(path: &Path) -> Result<Option<(Metadata, Vec<u8>)>, Error> {
    match open_and_read(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Like [`read_with_metadata`], but returns the bare `io::Error`. It resolves the path only once,
/// which dominates the cost when there are many files.
///
/// # Errors
/// When it is not there, is no file or cannot be read.
pub fn open_and_read(path: &Path) -> io::Result<(Metadata, Vec<u8>)> {
    // Opening a pipe would wait for its other end.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    // With one spare byte, a single read also finds the end.
    let expected = usize::try_from(metadata.len()).unwrap_or_default();
    let mut content = Vec::with_capacity(expected.saturating_add(1));
    file.take(u64::MAX).read_to_end(&mut content)?;
    Ok((metadata, content))
}

/// Reads a text file; `None` when there is none.
///
/// # Errors
/// When it is there and cannot be read, or is not UTF-8.
pub fn read_text(path: &Path) -> Result<Option<String>, Error> {
    text_of(path, read(path)?)
}

/// A file's content as text.
///
/// # Errors
/// When it is not UTF-8.
pub fn text_of(path: &Path, content: Option<Vec<u8>>) -> Result<Option<String>, Error> {
    let text = content.map(|content| {
        String::from_utf8(content)
            .map_err(|_| failed("read as UTF-8 text", path)(io::ErrorKind::InvalidData.into()))
    });
    text.transpose()
}

/// The names in a folder, sorted; none when there is no folder.
///
/// # Errors
/// When it is there and cannot be read.
pub fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", folder)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed("list", folder))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The permission bits of a file.
pub fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|metadata| mode_of(&metadata))
}

/// The permission bits of a file of which this is known.
pub fn mode_of(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

/// Makes a folder and its missing parents, durably and with this mode whatever the process's umask
/// is; existing folders stay as they are.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder(path: &Path, mode: u32) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    let there = nearest(path)?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(failed("make the folder", path))?;
    // A folder's files are durable only once its name in the folder above is.
    let is_made = |folder: &&Path| Some(*folder) != there && !folder.as_os_str().is_empty();
    for made in path.ancestors().take_while(is_made) {
        // The mode at creation is cut by the umask.
        fs::set_permissions(made, fs::Permissions::from_mode(mode))
            .map_err(failed("set the mode of", made))?;
        if let Some(parent) = made
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            sync_folder(parent)?;
        }
    }
    Ok(())
}

/// Makes a folder private to this user (0700), also if it exists already.
///
/// # Errors
/// When it cannot be made, or its mode not be changed.
pub fn make_private(path: &Path) -> Result<(), Error> {
    make_folder(path, 0o700)?;
    if mode(path) == Some(0o700) {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .map_err(failed("set the mode of", path))
}

/// Whether a path is occupied. Does not follow links; a path that cannot be inspected counts as
/// occupied.
pub fn may_exist(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(error) => !says_absent(&error),
    }
}

/// The type of the file at a path, following links; `None` when there is nothing.
///
/// # Errors
/// When the path cannot be inspected.
pub fn file_type(path: &Path) -> Result<Option<FileType>, Error> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.file_type())),
        Err(error) if says_absent(&error) => Ok(None),
        Err(error) => Err(failed("read the metadata of", path)(error)),
    }
}

/// Whether there is a file of any type at a path, following links.
///
/// # Errors
/// As [`file_type`].
pub fn exists(path: &Path) -> Result<bool, Error> {
    Ok(file_type(path)?.is_some())
}

/// A folder, or the nearest one above it that exists.
///
/// # Errors
/// As [`file_type`].
pub fn nearest(path: &Path) -> Result<Option<&Path>, Error> {
    for folder in path.ancestors() {
        if exists(folder)? {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}

/// The target of a link; `None` when there is no link.
///
/// # Errors
/// When the path cannot be inspected.
pub fn read_link(path: &Path) -> Result<Option<PathBuf>, Error> {
    match fs::read_link(path) {
        Ok(target) => Ok(Some(target)),
        // readlink(2): EINVAL, it is not a symbolic link.
        Err(error) if says_absent(&error) || error.kind() == io::ErrorKind::InvalidInput => {
            Ok(None)
        }
        Err(error) => Err(failed("read the link", path)(error)),
    }
}

/// Whether an error means that nothing is at a path. Any other error leaves that open.
fn says_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Writes a file if its content or mode differs: a temporary file, fsync, rename, fsync of the
/// folder. Says whether it wrote.
///
/// # Errors
/// When any step fails; the old content is then still there.
pub fn write_if_changed(path: &Path, content: &[u8], bits: u32) -> Result<bool, Error> {
    if read_file(path).as_deref() == Some(content) && mode(path) == Some(bits) {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .replace('.', "_");
    let temporary = folder.join(format!("{TEMPORARY_PREFIX}{name}"));
    let written = write_new(&temporary, content, bits)
        .and_then(|()| fs::rename(&temporary, path).map_err(failed("put in place", path)));
    if let Err(error) = written {
        // The temporary file is ours alone; should removing it fail too, the next pass sweeps it
        // up.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_folder(folder)?;
    Ok(true)
}

fn write_new(path: &Path, content: &[u8], bits: u32) -> Result<(), Error> {
    fill(&mut create_empty(path, bits)?, path, content)
}

/// Makes a file without content, or empties the one that is there.
///
/// # Errors
/// When the disk refuses.
pub(crate) fn create_empty(path: &Path, bits: u32) -> Result<File, Error> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(bits)
        .open(path)
        .map_err(failed("create", path))?;
    // The mode at creation is cut by the umask, and a file left by a crash keeps its own.
    file.set_permissions(fs::Permissions::from_mode(bits))
        .map_err(failed("set the mode of", path))?;
    Ok(file)
}

/// Writes the content of an empty file, durably.
///
/// # Errors
/// When the disk refuses.
pub(crate) fn fill(file: &mut File, path: &Path, content: &[u8]) -> Result<(), Error> {
    file.write_all(content).map_err(failed("write", path))?;
    file.sync_all().map_err(failed("write to the disk", path))
}

/// Renames a file or folder to a place where nothing is yet, durably.
///
/// # Errors
/// When something is there, or the disk refuses.
pub fn put_in_place(from: &Path, to: &Path) -> Result<(), Error> {
    let renamed = renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE);
    renamed.map_err(|error| failed("put in place", to)(error.into()))?;
    for folder in [from, to].into_iter().filter_map(Path::parent) {
        sync_folder(folder)?;
    }
    Ok(())
}

/// Fsyncs a folder, so that its entries survive a power loss.
///
/// # Errors
/// When the disk refuses.
pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(failed("write to the disk the folder", folder))
}

/// Removes a file; one that is gone is fine.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(path.parent().unwrap_or(Path::new("/"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("remove", path)(error)),
    }
}

/// Removes a folder with all that is in it; one that is gone is fine.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove_folder(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Ok(()) => sync_folder(path.parent().unwrap_or(Path::new("/"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("remove the folder", path)(error)),
    }
}

/// Removes a folder if it is empty. A folder that is not empty stays; a missing one is fine.
///
/// # Errors
/// When it cannot be removed for another reason.
pub fn remove_if_empty(path: &Path) -> Result<(), Error> {
    match fs::remove_dir(path) {
        Ok(()) => sync_folder(path.parent().unwrap_or(Path::new("/"))),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(failed("remove the folder", path)(error)),
    }
}

/// Removes the temporary files that a crash left in a folder.
///
/// # Errors
/// When the folder cannot be read or a file not removed.
pub fn sweep(folder: &Path) -> Result<(), Error> {
    for name in names(folder)?
        .iter()
        .filter(|name| name.starts_with(TEMPORARY_PREFIX))
    {
        let path = folder.join(name);
        if file_type(&path)?.is_some_and(|kind| kind.is_dir()) {
            remove_folder(&path)?
        } else {
            remove(&path)?
        }
    }
    Ok(())
}

/// Renames a folder to a place, atomically replacing the folder that is there.
///
/// # Errors
/// When the file system refuses.
pub fn replace_folder(new: &Path, place: &Path) -> Result<(), Error> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let parent = place.parent().unwrap_or(Path::new("/"));
    if exists(place)? {
        renameat_with(CWD, new, CWD, place, RenameFlags::EXCHANGE)
            .map_err(|error| failed("put in place", place)(error.into()))?;
        sync_folder(parent)?;
        return remove_folder(new);
    }
    fs::rename(new, place).map_err(failed("put in place", place))?;
    sync_folder(parent)
}

#[cfg(test)]
mod tests;
