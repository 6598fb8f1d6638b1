//! A user and a group of containers.

use std::fmt;

/// A user and a group, by their numbers in the containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub user: u32,
    pub group: u32,
}

impl Owner {
    /// Reads `USER:GROUP`; `None` for a text of another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (user, group) = text.split_once(':')?;
        Some(Self {
            user: user.parse().ok()?,
            group: group.parse().ok()?,
        })
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, group } = self;
        write!(formatter, "{user}:{group}")
    }
}
