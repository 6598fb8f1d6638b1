//! Contention: files that another process keeps changing. A contended file must cost little, and a
//! message must name it; a person who deletes or edits a file now and then must not wait.
//! docs/decisions/0013 has the rule and its cases.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::desired::{App, Desired};
use crate::name::AppId;

/// A file that is wrong again within this time of a repair was changed in reaction to it.
pub const REACTION_LIMIT: Duration = Duration::from_millis(500);

/// This many reactions in a row are contention.
pub const REACTIONS_MAX: u32 = 5;

/// Within this span a file is repaired [`REPAIRS_MAX`] times at once, however slowly it is changed
/// again.
pub const SPAN: Duration = Duration::from_secs(60 * 60);

/// More than a person does by hand. A file that changes less often than this within [`SPAN`] costs
/// hardly more than a contended file, which is repaired every five minutes.
pub const REPAIRS_MAX: usize = 50;

/// The repairs of each file, by its name in Quadlet's folder or its path.
#[derive(Clone, Debug, Default)]
pub(super) struct Contention {
    repairs: BTreeMap<String, Repairs>,
    /// When the plan was made whose actions are noted now.
    planned_at: Duration,
}

#[derive(Clone, Debug)]
struct Repairs {
    app: AppId,
    /// A hash: new wanted content ends the contention.
    content: u64,
    /// When the file was written, within the last span.
    times: VecDeque<Duration>,
    /// How often in a row it was wrong again within [`REACTION_LIMIT`].
    reactions: u32,
}

/// Contention of a file, found when the file was repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contended {
    /// The time for which the file must be left alone before the contention is over: twice as long
    /// as it usually was.
    pub(super) quiet: Duration,
}

impl Repairs {
    /// The same after one more, planned at `planned_at`.
    fn after(&self, planned_at: Duration) -> (u32, usize) {
        let right_for = self
            .times
            .back()
            .map(|last| planned_at.saturating_sub(*last));
        let reactions = match right_for {
            Some(right_for) if right_for <= REACTION_LIMIT => self.reactions.saturating_add(1),
            Some(_) | None => 0,
        };
        (reactions, self.times.len() + 1)
    }
}

fn is_contention((reactions, repairs): (u32, usize)) -> bool {
    reactions >= REACTIONS_MAX || repairs > REPAIRS_MAX
}

impl Contention {
    /// Begins a pass. Writes before the span are forgotten, and so are the files of apps that are
    /// no longer wanted: files that our own operations remove and write anew are not contended.
    pub(super) fn begin(&mut self, desired: &Desired, now: Duration) {
        self.planned_at = now;
        self.repairs.retain(|_, repairs| {
            while repairs
                .times
                .front()
                .is_some_and(|time| *time + SPAN <= now)
            {
                repairs.times.pop_front();
            }
            let is_wanted = matches!(desired.apps.get(&repairs.app), Some(App::Present(_)));
            is_wanted && !repairs.times.is_empty()
        });
    }

    /// Forgets these files' repairs.
    pub(super) fn forget(&mut self, which: impl Fn(&str) -> bool) {
        self.repairs.retain(|file, _| !which(file));
    }

    /// Notes that a file was written. Returns the contention, if there is any.
    pub(super) fn wrote(
        &mut self,
        app: &AppId,
        file: &str,
        content: &str,
        now: Duration,
    ) -> Option<Contended> {
        let content = hash(content);
        let planned_at = self.planned_at;
        let known = self.repairs.entry(file.to_owned());
        let repairs = known
            .and_modify(|repairs| {
                if repairs.content != content || repairs.app != *app {
                    *repairs = Repairs::new(app, content);
                }
            })
            .or_insert_with(|| Repairs::new(app, content));
        let after = repairs.after(planned_at);
        (repairs.reactions, _) = after;
        repairs.times.push_back(now);
        if repairs.times.len() > REPAIRS_MAX + 1 {
            repairs.times.pop_front();
        }
        is_contention(after).then(|| repairs.contended())
    }

    /// Whether [`Contention::wrote`] would find contention, were the file written now.
    pub(super) fn is_contended_by_writing(&self, file: &str, content: &str) -> bool {
        self.repairs.get(file).is_some_and(|repairs| {
            repairs.content == hash(content) && is_contention(repairs.after(self.planned_at))
        })
    }
}

impl Repairs {
    fn new(app: &AppId, content: u64) -> Self {
        Self {
            app: app.clone(),
            content,
            times: VecDeque::new(),
            reactions: 0,
        }
    }

    fn contended(&self) -> Contended {
        // Only the last ones tell how fast the other is now.
        let recent = self.times.len().min(REACTIONS_MAX as usize + 1);
        let last = self.times.back().copied().unwrap_or_default();
        let first = self.times.get(self.times.len() - recent).copied();
        let gaps = u32::try_from(recent.saturating_sub(1)).unwrap_or(u32::MAX);
        let between = last.saturating_sub(first.unwrap_or(last)) / gaps.max(1);
        Contended { quiet: between * 2 }
    }
}

fn hash(content: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}
