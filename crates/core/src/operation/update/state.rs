//! The part of a record that is an update's own: its phase, and what going back needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::intent_revision::IntentRevision;

/// How far an update is. The record is replaced before each phase begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateState {
    #[serde(flatten)]
    pub phase: Phase,
    /// The ids of the images that bear the tags which the fetch may move, by tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The intent before, but stopped.
    pub paused: IntentRevision,
    /// Whether the data are copied before the new version runs on them.
    pub copies_data: bool,
    /// When the stop of the old version began, by the wall clock, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_since_unix_ms: Option<u64>,
    /// The time until the app was ready again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_ms: Option<u64>,
}

impl UpdateState {
    /// Whether the app is being changed, so that no other request may change it.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.phase != Phase::Fetching
    }
}

/// A phase of an update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// Images are fetched while the old version runs.
    Fetching,
    /// The old version is stopped, and its data are copied.
    Stopping,
    /// The intent is switched, and the new version must become ready and stay up. The copy of the
    /// data is whole.
    Trying,
    /// The old version is put back. `is_switched` tells whether the new one may have run.
    Undoing { cause: String, is_switched: bool },
    /// The new version is accepted.
    Settling,
}
