//! The keys that lead to a value, such as `services.web.ports[0].target`.

use std::fmt;

/// The keys from the top of the model to a value; an item of a list is written `[0]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trail(Vec<String>);

impl Trail {
    /// The top of a file.
    #[must_use]
    pub fn top() -> Self {
        Self::default()
    }

    /// The trail of these keys, in order.
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self(keys.into_iter().map(str::to_owned).collect())
    }

    /// One key further.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let mut keys = self.0.clone();
        keys.push(key.to_owned());
        Self(keys)
    }

    /// The item of a list, from 0.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.key(&format!("[{index}]"))
    }

    /// For matching against a pattern of keys.
    pub(crate) fn keys(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    pub(crate) fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    pub(crate) fn last(&self) -> Option<&str> {
        self.0.last().map(String::as_str)
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, key) in self.0.iter().enumerate() {
            if at > 0 && !key.starts_with('[') {
                f.write_str(".")?;
            }
            f.write_str(key)?;
        }
        Ok(())
    }
}
