//! Our mark in a unit file.

use std::collections::BTreeMap;

use crate::name::AppId;

/// Our mark in a unit file: the section `[X-Archipelago]`, which Quadlet and systemd ignore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The app it belongs to.
    pub app: AppId,
    /// The revision it was written with.
    pub revision: String,
    /// The version of Archipelago that wrote it.
    pub version: String,
    /// Whether it is a companion's, which stops before its app.
    pub companion: bool,
}

/// The version that stands in the mark.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) const MARK_SECTION: &str = "[X-Archipelago]";

/// Reads our mark; `None` means that the file is not ours.
#[must_use]
pub fn mark_of(content: &[u8]) -> Option<Mark> {
    let text = std::str::from_utf8(content).ok()?;
    // This is read many times in every pass, and the section is the last one.
    let (at, _) = text.match_indices(MARK_SECTION).find(|(at, section)| {
        let before = text[..*at].rsplit('\n').next().unwrap_or_default();
        let after = text[at + section.len()..]
            .lines()
            .next()
            .unwrap_or_default();
        before.trim().is_empty() && after.trim().is_empty()
    })?;
    let section = text[at..]
        .lines()
        .skip(1)
        .map(str::trim)
        .take_while(|line| !line.starts_with('['));
    let entries: BTreeMap<&str, &str> = section.filter_map(|line| line.split_once('=')).collect();
    Some(Mark {
        app: AppId::parse(entries.get("App")?).ok()?,
        revision: (*entries.get("Revision")?).to_owned(),
        version: (*entries.get("Version")?).to_owned(),
        companion: entries.get("Companion") == Some(&"true"),
    })
}
