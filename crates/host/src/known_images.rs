//! The file of known images: facts that outlive an image. The caller holds the lock of passes.

use std::collections::BTreeSet;

use archipelago_core::image_facts::{self, KnownImages};
use archipelago_core::layout::Layout;

use crate::disk;

const PRIVATE: u32 = 0o600;

/// Notes that the bases of these images have not changed until now.
///
/// # Errors
/// When the file cannot be read or written.
pub fn note_checked(
    layout: &Layout,
    references: &BTreeSet<String>,
    now_unix_s: u64,
) -> Result<(), disk::Error> {
    update(layout, |known| {
        image_facts::with_checked(known, references, now_unix_s)
    })
}

/// Adds facts.
///
/// # Errors
/// When the file cannot be read or written.
pub fn add(layout: &Layout, learnt: &KnownImages) -> Result<(), disk::Error> {
    update(layout, |known| image_facts::with_added(known, learnt))
}

fn update(
    layout: &Layout,
    change: impl FnOnce(KnownImages) -> KnownImages,
) -> Result<(), disk::Error> {
    let path = layout.images();
    let known = change(image_facts::read(disk::read(&path)?.as_deref()));
    let text = serde_json::to_vec(&known).expect("facts are texts and numbers");
    disk::write_if_changed(&path, &text, PRIVATE).map(drop)
}
