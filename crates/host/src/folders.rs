//! The folders of this user, from the environment, which is read once.

use std::path::{Path, PathBuf};

use archipelago_core::layout::Layout;

use crate::data_folder;

/// The system's folder for data, used when this user may write to it.
pub const SYSTEM_DATA: &str = "/var/lib/archipelago";

/// An environment in which nothing can be found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `HOME` is unset or relative.
    #[error("HOME is not set to an absolute path; log in as the user that the apps run for")]
    Home,
}

/// Works out the folders from the environment.
///
/// # Errors
/// When `HOME` is not an absolute path.
pub fn layout() -> Result<Layout, Error> {
    let home = absolute("HOME").ok_or(Error::Home)?;
    let all_config = absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    let config = all_config.join("archipelago");
    Ok(Layout {
        // The data stay in their folder: one that cannot be used now is not replaced by another.
        data: data_folder::known_in(&config).unwrap_or_else(|| data(&home)),
        config,
        home,
        units: all_config.join("containers/systemd"),
        systemd: all_config.join("systemd/user"),
        runtime: runtime(),
    })
}

fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// `$XDG_RUNTIME_DIR`, or where logind puts it for those who came without a session.
pub fn runtime() -> PathBuf {
    absolute("XDG_RUNTIME_DIR").unwrap_or_else(|| {
        PathBuf::from(format!("/run/user/{}", rustix::process::getuid().as_raw()))
    })
}

fn data(home: &Path) -> PathBuf {
    let system = PathBuf::from(SYSTEM_DATA);
    if is_this_users(&system) {
        return system;
    }
    absolute("XDG_DATA_HOME")
        .unwrap_or_else(|| home.join(".local/share"))
        .join("archipelago")
}

/// Whether this user may write to a folder once its file system can be written to. A disk that went
/// read-only still holds the data: to look for them elsewhere would start every app on empty
/// folders, with new secrets.
fn is_this_users(folder: &Path) -> bool {
    use rustix::fs::Access;
    use std::os::unix::fs::MetadataExt;
    match rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => true,
        // Of a read-only file system the kernel says this before it looks at whose the folder is.
        Err(rustix::io::Errno::ROFS) => std::fs::metadata(folder)
            .is_ok_and(|metadata| metadata.uid() == rustix::process::getuid().as_raw()),
        Err(_) => false,
    }
}

/// Podman's folder for its objects. If `storage.conf` names another, their changes are not seen,
/// and Podman is asked when something is missing.
pub fn podman_storage() -> Option<PathBuf> {
    let home = absolute("HOME")?;
    let data = absolute("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
    Some(data.join("containers/storage"))
}

/// The folder of the catalog: beside the program for a developer, else where the package puts it.
pub fn catalog() -> PathBuf {
    absolute("ARCHIPELAGO_CATALOG")
        .unwrap_or_else(|| PathBuf::from("/usr/share/archipelago/catalog"))
}
