//! The history of an app on the disk: its earlier intents, and its last changes.

use std::time::UNIX_EPOCH;

use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{Change, Changes, Kept};

use crate::{definition, disk, releases};

const PRIVATE_FOLDER: u32 = 0o700;
const PRIVATE: u32 = 0o600;

/// The earlier intents of an app that can be read, the oldest first, with their definitions.
///
/// # Errors
/// When the folder cannot be listed, or an intent cannot be read.
pub fn earlier(layout: &Layout, app: &AppId) -> Result<Vec<Kept>, disk::Error> {
    let mut all = Vec::new();
    for number in releases::numbers(&disk::names(&layout.history(app))?) {
        let path = layout.earlier_intent(app, number);
        let Some((metadata, content)) = disk::read_with_metadata(&path)? else {
            continue;
        };
        let text = String::from_utf8_lossy(&content);
        let Ok(intent) = Intent::parse(&path.display().to_string(), &text) else {
            continue;
        };
        let modified = metadata.modified().ok();
        let replaced = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let files = intent
            .release
            .as_ref()
            .and_then(|release| definition::read_folder(&layout.release(release)).ok());
        all.push(Kept {
            number,
            replaced_unix_s: replaced.unwrap_or_default().as_secs(),
            intent,
            files: files.filter(|files| !files.is_empty()),
        });
    }
    Ok(all)
}

/// The last changes of an app.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn changes(layout: &Layout, app: &AppId) -> Result<Changes, disk::Error> {
    let content = disk::read(&layout.changes(app))?;
    Ok(Changes::parse(content.as_deref()))
}

/// Notes a change of an app, once. The lock of passes is held. An app that is gone meanwhile has no
/// history.
///
/// # Errors
/// When the disk refuses.
pub fn note(layout: &Layout, app: &AppId, change: Change) -> Result<(), disk::Error> {
    if !disk::exists(&layout.intent(app))? {
        return Ok(());
    }
    let mut changes = changes(layout, app)?;
    changes.add(change);
    disk::make_folder(&layout.history(app), PRIVATE_FOLDER)?;
    disk::write_if_changed(&layout.changes(app), &changes.to_bytes(), PRIVATE).map(drop)
}
