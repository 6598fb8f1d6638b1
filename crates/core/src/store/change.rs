//! The changes by an update of a store.

use std::collections::BTreeMap;

use serde::Serialize;

use super::entry::Entry;
use crate::name::AppId;

/// A change of one app of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum Change {
    New {
        app: AppId,
        version: String,
    },
    Gone {
        app: AppId,
    },
    /// Its files changed. The versions may be the same.
    Changed {
        app: AppId,
        from: String,
        to: String,
    },
}

/// The changes between two indexes, by app.
#[must_use]
pub fn changes(before: &[Entry], after: &[Entry]) -> Vec<Change> {
    let old: BTreeMap<&AppId, &Entry> = before.iter().map(|entry| (&entry.app, entry)).collect();
    let new: BTreeMap<&AppId, &Entry> = after.iter().map(|entry| (&entry.app, entry)).collect();
    let gone = old.keys().filter(|app| !new.contains_key(*app));
    let gone = gone.map(|app| Change::Gone {
        app: (*app).clone(),
    });
    let others = new.iter().filter_map(|(app, entry)| match old.get(app) {
        None => Some(Change::New {
            app: (*app).clone(),
            version: entry.version.clone(),
        }),
        Some(old) if old.revision != entry.revision => Some(Change::Changed {
            app: (*app).clone(),
            from: old.version.clone(),
            to: entry.version.clone(),
        }),
        Some(_) => None,
    });
    let mut changes: Vec<Change> = gone.chain(others).collect();
    changes.sort_by(|a, b| a.app().cmp(b.app()));
    changes
}

impl Change {
    #[must_use]
    pub fn app(&self) -> &AppId {
        match self {
            Self::New { app, .. } | Self::Gone { app } | Self::Changed { app, .. } => app,
        }
    }
}
