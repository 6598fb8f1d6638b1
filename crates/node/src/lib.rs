//! The living part of Archipelago: passes and when they are made, and what people ask for.
//!
//! The doors call it and show what it returns. It prints nothing.

pub mod apps;
mod clock;
pub mod daemon;
pub mod doctor;
pub mod doors;
mod driver;
pub mod engine;
pub mod error;
mod foresee;
pub mod handle;
mod heartbeat;
pub mod history;
pub mod imports;
mod leftovers;
mod log;
pub mod operations;
mod retries;
mod schedule;
mod settle;
pub mod setup;
pub mod stores;
mod unfinished;

use archipelago_core::layout::Layout;
use archipelago_host::folders;

pub use error::{Error, ErrorKind};

/// The folders of this user, who is not root: root's containers would run as root.
///
/// # Errors
/// When this is root, or the folders cannot be found.
pub fn layout() -> Result<Layout, Error> {
    if is_root() {
        return Err(Error::IsRoot);
    }
    Ok(folders::layout()?)
}

/// Whether this program runs as root.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
