//! Where images come from: what a pull or build does, and how long it takes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How getting an image ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Supply {
    /// It comes.
    #[default]
    Comes,
    /// It fails.
    Fails,
    /// It comes, but the call says that it failed.
    ComesAndSaysNo,
    /// The call says that it came, but it did not.
    SaysYesOnly,
    /// It never ends.
    Hangs,
}

/// What an ordinary pull takes.
pub const PULL: Duration = Duration::from_millis(400);

/// The registries, by image; what is not listed comes.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// How it ends for all images.
    pub all: Supply,
    /// How it ends for one.
    pub one: BTreeMap<String, Supply>,
}

impl Registry {
    /// How getting this image ends.
    pub fn supply(&self, image: &str) -> Supply {
        self.one.get(image).copied().unwrap_or(self.all)
    }
}
