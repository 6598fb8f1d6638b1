//! The keys that lead to a value, such as `services.web.ports[0].target`.

use std::cmp::Ordering;
use std::sync::Arc;
use std::{fmt, iter};

/// The keys from the top of the model to a value; an item of a list is written `[0]`.
///
/// Trails share their beginnings, so that one key further costs the same at every depth.
#[derive(Clone, Default)]
pub struct Trail(Option<Arc<Step>>);

struct Step {
    before: Trail,
    key: Box<str>,
}

impl Trail {
    /// The top of a file.
    #[must_use]
    pub fn top() -> Self {
        Self::default()
    }

    /// The trail of these keys, in order.
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        keys.into_iter()
            .fold(Self::top(), |trail, key| trail.key(key))
    }

    /// One key further.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(key.into())
    }

    /// The item of a list, from 0.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.then(format!("[{index}]").into())
    }

    fn then(&self, key: Box<str>) -> Self {
        let before = self.clone();
        Self(Some(Arc::new(Step { before, key })))
    }

    /// For matching against a pattern of keys.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let last = self.0.as_deref();
        let steps = iter::successors(last, |step| step.before.0.as_deref());
        let mut keys: Vec<&str> = steps.map(|step| &*step.key).collect();
        keys.reverse();
        keys
    }

    pub(crate) fn starts_with(&self, other: &Self) -> bool {
        self.keys().starts_with(&other.keys())
    }

    pub(crate) fn last(&self) -> Option<&str> {
        self.0.as_deref().map(|step| &*step.key)
    }
}

impl PartialEq for Trail {
    fn eq(&self, other: &Self) -> bool {
        self.keys() == other.keys()
    }
}

impl Eq for Trail {}

impl PartialOrd for Trail {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Trail {
    fn cmp(&self, other: &Self) -> Ordering {
        self.keys().cmp(&other.keys())
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trail").field(&self.keys()).finish()
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, key) in self.keys().into_iter().enumerate() {
            if at > 0 && !key.starts_with('[') {
                f.write_str(".")?;
            }
            f.write_str(key)?;
        }
        Ok(())
    }
}
