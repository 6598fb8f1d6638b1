//! How the data of an app are made safe before a new version runs on them.

use std::path::PathBuf;

use serde::Serialize;

/// The room that stays free beside a copy, and the part of the copy's size on top of it.
const MARGIN_BYTES: u64 = 512 << 20;
const MARGIN_PART: u64 = 10;

/// Observations of an app's data and of the disk that they are on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataFacts {
    /// The room that the data take; `None` when that cannot be told.
    pub bytes: Option<u64>,
    pub free_bytes: Option<u64>,
    /// Whether the file system copies by reference.
    pub by_reference: bool,
    /// The parts that do not lie in the data folder itself: behind a link, or on a file system
    /// that is mounted there.
    pub elsewhere: Vec<PathBuf>,
}

/// How an app's data are kept before a new version runs on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "way", rename_all = "kebab-case")]
pub enum DataPlan {
    /// Nothing of them is touched, and nothing copied: the version goes back alone.
    Untouched,
    /// The app does not run, so nothing runs on them.
    Stopped,
    /// The file system copies them by reference: at once, and without taking room.
    ByReference { bytes: u64 },
    /// They are copied.
    Copy { bytes: u64, free_bytes: u64 },
    /// They are not copied: an update that fails is undone without them.
    NotCopied(NotCopied),
}

/// Why data are not copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum NotCopied {
    /// There is no room for a copy.
    Room { bytes: u64, free_bytes: u64 },
    /// A part of them lies elsewhere.
    Elsewhere { path: PathBuf },
    /// Their size cannot be told.
    Unknown,
}

impl DataPlan {
    /// The plan for an app that runs.
    #[must_use]
    pub fn of(facts: &DataFacts) -> Self {
        let DataFacts {
            bytes,
            free_bytes,
            by_reference,
            elsewhere,
        } = facts;
        if let Some(path) = elsewhere.first() {
            let path = path.clone();
            return Self::NotCopied(NotCopied::Elsewhere { path });
        }
        let (Some(bytes), Some(free_bytes)) = (*bytes, *free_bytes) else {
            return Self::NotCopied(NotCopied::Unknown);
        };
        if *by_reference {
            return Self::ByReference { bytes };
        }
        let needed = bytes
            .saturating_add(bytes / MARGIN_PART)
            .saturating_add(MARGIN_BYTES);
        match needed <= free_bytes {
            true => Self::Copy { bytes, free_bytes },
            false => Self::NotCopied(NotCopied::Room { bytes, free_bytes }),
        }
    }

    #[must_use]
    pub fn copies(&self) -> bool {
        matches!(self, Self::ByReference { .. } | Self::Copy { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_copied_where_that_is_honest() {
        const MIB: u64 = 1 << 20;
        let facts = |bytes: u64, free: u64, by_reference| DataFacts {
            bytes: Some(bytes * MIB),
            free_bytes: Some(free * MIB),
            by_reference,
            elsewhere: Vec::new(),
        };
        let check = |facts: DataFacts, expected: fn(&DataPlan) -> bool| {
            let plan = DataPlan::of(&facts);
            assert!(expected(&plan), "{facts:?}: {plan:?}");
        };
        check(facts(100, 1, true), |plan| {
            matches!(plan, DataPlan::ByReference { .. })
        });
        check(facts(100, 622, false), |plan| {
            matches!(plan, DataPlan::Copy { .. })
        });
        check(facts(100, 621, false), |plan| {
            matches!(plan, DataPlan::NotCopied(NotCopied::Room { .. }))
        });
        check(facts(0, 512, false), DataPlan::copies);
        check(
            DataFacts {
                elsewhere: vec![PathBuf::from("/data/volumes/web/db")],
                ..facts(1, 9_000, true)
            },
            |plan| matches!(plan, DataPlan::NotCopied(NotCopied::Elsewhere { .. })),
        );
        check(DataFacts::default(), |plan| {
            *plan == DataPlan::NotCopied(NotCopied::Unknown)
        });
    }
}
