//! The file of failed attempts and their backoff, which all processes of this user share.
//!
//! It is a convenience: a process that cannot read or write it goes by what it has tried itself.

use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_core::reconcile::SharedFile;
use archipelago_host::disk;

pub(crate) fn read(layout: &Layout) -> SharedFile {
    match disk::read(&layout.retries()) {
        Ok(content) => content.into(),
        Err(error) => {
            tracing::warn!("{}", chain(&error));
            SharedFile::Unreadable
        }
    }
}

/// Returns whether it was written.
pub(crate) fn write(layout: &Layout, content: &[u8]) -> bool {
    let written = disk::write_if_changed(&layout.retries(), content, 0o600);
    if let Err(error) = &written {
        tracing::warn!("{}", chain(error));
    }
    written.is_ok()
}
