//! The record of an operation that is under way: what a process that was killed, or a reboot, must
//! not forget.
//!
//! It is written before anything is changed, and removed last. It does not say how far the
//! operation is: that is seen from the intent, which changes in one step. An update has several
//! such steps, so its record also names its phase, and is replaced before each. It holds no value
//! of a setting, only what an intent's content hashes to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::AppId;

use super::intent_revision::IntentRevision;
use super::update::UpdateState;
use super::{Kind, OperationId, Target, Version};

/// An operation that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub id: OperationId,
    pub kind: Kind,
    pub app: AppId,
    pub goal: Target,
    /// By the wall clock, in seconds since 1970.
    pub asked_unix_s: u64,
    /// The intent before the operation; `None` where there was none.
    pub before: Option<IntentRevision>,
    /// The intent that it asks for. The same as `before` where the intent stays as it is.
    pub after: Option<IntentRevision>,
    /// For `restart`: the services that ran, each with the invocation that is to end.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub restarts: BTreeMap<String, String>,
    /// The version that it asks for, if it may change the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// For `update`: how far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<UpdateState>,
}

/// The state on the disk of an app whose operation was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskState {
    pub intent: Option<IntentRevision>,
    /// Whether it has data.
    pub data: bool,
}

/// The progress of an operation that was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The intent is as it was before.
    NotBegun,
    /// The intent is the one that was asked for, or the app is gone, as asked.
    Begun,
    /// The intent is another one.
    Superseded,
}

/// A record that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: this is not the record of an operation")]
pub struct RecordError {
    pub line: usize,
    pub column: usize,
}

impl Record {
    /// Reads the content of a record's file.
    ///
    /// # Errors
    /// With the place of what cannot be understood.
    pub fn parse(content: &[u8]) -> Result<Self, RecordError> {
        serde_json::from_slice(content).map_err(|error| RecordError {
            line: error.line(),
            column: error.column(),
        })
    }

    /// The content of its file.
    ///
    /// # Panics
    /// Never: the type holds nothing that JSON cannot say.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a record is texts and numbers");
        bytes.push(b'\n');
        bytes
    }

    /// Whether the intent already is the one that is asked for, and nothing is to end.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.before == self.after && self.restarts.is_empty()
    }

    /// The operation's progress, as the disk shows it.
    #[must_use]
    pub fn standing(&self, disk_state: &DiskState) -> Standing {
        let DiskState { intent, data } = disk_state;
        // An app that is gone has no intent any more; a purge of what an earlier removal kept
        // begins without one.
        let is_gone =
            self.goal == Target::Gone && intent.is_none() && (self.before.is_some() || !*data);
        if *intent == self.after || is_gone {
            Standing::Begun
        } else if *intent == self.before {
            Standing::NotBegun
        } else {
            Standing::Superseded
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn record(goal: Target, before: Option<&str>, after: &str) -> Record {
        let revision = |text: &str| IntentRevision::of(text.as_bytes());
        Record {
            id: OperationId::new(Duration::from_secs(1), 2),
            kind: Kind::Set,
            app: AppId::parse("web").unwrap(),
            goal,
            asked_unix_s: 1,
            before: before.map(revision),
            after: Some(revision(after)),
            restarts: BTreeMap::new(),
            version: None,
            update: None,
        }
    }

    #[test]
    fn how_far_it_came_is_seen_from_the_intent() {
        let check = |goal, before, after, intent: Option<&str>, data, expected| {
            let disk_state = DiskState {
                intent: intent.map(|text| IntentRevision::of(text.as_bytes())),
                data,
            };
            let standing = record(goal, before, after).standing(&disk_state);
            assert_eq!(standing, expected, "{before:?} {after} {intent:?} {data}");
        };
        use Standing::{Begun, NotBegun, Superseded};
        use Target::{Gone, Ready, Stopped};
        check(Ready, None, "a", None, false, NotBegun);
        check(Ready, None, "a", Some("a"), false, Begun);
        check(Ready, None, "a", Some("b"), false, Superseded);
        check(Ready, Some("a"), "b", Some("a"), true, NotBegun);
        check(Ready, Some("a"), "b", None, true, Superseded);
        check(Ready, Some("a"), "a", Some("a"), true, Begun);
        check(Stopped, Some("a"), "b", Some("b"), true, Begun);
        check(Gone, Some("a"), "b", Some("a"), true, NotBegun);
        check(Gone, Some("a"), "b", Some("b"), true, Begun);
        check(Gone, Some("a"), "b", None, true, Begun);
        // A purge of data that an earlier removal kept.
        check(Gone, None, "b", None, true, NotBegun);
        check(Gone, None, "b", None, false, Begun);
    }

    #[test]
    fn a_record_survives_its_file_and_holds_no_value() {
        let mut record = record(Target::Ready, Some("port = 1"), "password = \"hunter2\"");
        record.restarts = BTreeMap::from([("archy-web.service".to_owned(), "ab12".to_owned())]);
        let bytes = record.to_bytes();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(Record::parse(&bytes), Ok(record));
    }

    #[test]
    fn what_is_no_record_is_told_by_its_place() {
        for (text, expected) in [
            ("", "1:0: this is not the record of an operation"),
            (
                "{\n \"id\": \"hunter2\"}",
                "2:17: this is not the record of an operation",
            ),
        ] {
            let error = Record::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
