//! Files that something else keeps changing: noticed, so that two tools that fight over one cost little, and a person is told.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::file_writers::FileWriters;

/// Within this span a file may be put right [`REPAIRS_MAX`] times at once; then there is a fight over it.
pub const SPAN: Duration = Duration::from_secs(60);
/// What a person does by hand stays below this, and so does a burst of mishaps.
pub const REPAIRS_MAX: usize = 5;

/// When files were last written with the content that they should have.
#[derive(Clone, Debug, Default)]
pub(super) struct Contention(BTreeMap<String, Writes>);

#[derive(Clone, Debug, Default)]
struct Writes {
    /// A hash: what is new in a file is no fight over it.
    content: u64,
    times: Vec<Duration>,
}

impl Contention {
    /// Forgets what was written before the span.
    pub(super) fn forget_before(&mut self, now: Duration) {
        self.0.retain(|_, writes| {
            writes.times.retain(|time| *time + SPAN > now);
            !writes.times.is_empty()
        });
    }

    /// Forgets these files' writes.
    pub(super) fn forget(&mut self, which: impl Fn(&str) -> bool) {
        self.0.retain(|file, _| !which(file));
    }

    /// Notes that a file was written. Says whether it was right so often before that something else must be changing it.
    pub(super) fn wrote(&mut self, file: &str, content: &str, now: Duration) -> bool {
        let content = hash(content);
        let writes = self.0.entry(file.to_owned()).or_default();
        if writes.content != content {
            *writes = Writes {
                content,
                times: Vec::new(),
            };
        }
        writes.times.push(now);
        writes.times.len() > REPAIRS_MAX
    }

    /// Whether [`Contention::wrote`] would say so, were the file written now.
    pub(super) fn would_be_one(&self, file: &str, content: &str) -> bool {
        self.0.get(file).is_some_and(|writes| {
            writes.content == hash(content) && writes.times.len() >= REPAIRS_MAX
        })
    }
}

fn hash(content: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

/// What people are told; of who it may be only if somebody looked.
pub(super) fn cause(file: &str, file_writers: Option<&FileWriters>) -> String {
    let (who, remedy) = match file_writers {
        Some(file_writers) => (format!(" {}.", file_writers.told()), "Stop what does it"),
        None => (String::new(), "Find what writes it"),
    };
    format!(
        "something else keeps changing {file}; it is put right less and less often until that ends.{who} {remedy}, or put what it wants \
         into a drop-in"
    )
}
