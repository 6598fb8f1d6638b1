//! An operation from step to step, without doing any of them.
//!
//! The caller takes each [`step`](Operation::step), does it and reports the result. A process that
//! is killed between two steps leaves the record; one that finds it goes on with
//! [`Operation::resume`].
//! `node` does the steps on a real host, the simulator in memory.

use std::time::Duration;

use super::{DiskState, Follow, Kind, PassSeen, Record, Standing, Verdict};

/// The time for which an interrupted operation is followed. The passes go on for its app in any
/// case.
pub const RESUMED_LIMIT: Duration = Duration::from_secs(3600);

/// An operation that is being carried out.
#[derive(Clone, Debug)]
pub struct Operation {
    record: Record,
    stage: Stage,
    follow: Follow,
    resumed: Option<Resumed>,
}

/// An operation that another process began.
#[derive(Clone, Copy, Debug, Default)]
struct Resumed {
    first_pass: Option<Duration>,
}

#[derive(Clone, Debug)]
enum Stage {
    WriteRecord,
    Switch,
    Follow { within: Option<Duration> },
    ForgetRecord(Ending),
    End(Ending),
}

/// The next step of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'o> {
    /// Write the record, durably; then [`Operation::recorded`]. If that fails, nothing was begun.
    /// The lock of passes is held from here to the next step's end.
    WriteRecord(&'o Record),
    /// Do the parts of [`SWITCH`] that this operation has; then [`Operation::switched`] or
    /// [`Operation::not_switched`].
    Switch(&'o Record),
    /// Make a pass, after this time at the latest, without one at once; then [`Operation::passed`].
    Follow { within: Option<Duration> },
    /// Remove the record; then [`Operation::forgotten`].
    ForgetRecord(&'o Record),
}

/// A part of [`Step::Switch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchPart {
    /// Store the definition that the intent will name, if it is a new one.
    StoreRelease,
    /// Replace the intent, if it changes, in one step.
    WriteIntent,
    /// Note which services are to end, for a restart.
    NoteRestarts,
}

/// The order of the parts. Whatever an intent names is on the disk before the intent is.
pub const SWITCH: [SwitchPart; 3] = [
    SwitchPart::StoreRelease,
    SwitchPart::WriteIntent,
    SwitchPart::NoteRestarts,
];

/// The end of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing was changed.
    NotBegun,
    /// Somebody else has changed the intent since.
    Superseded,
    /// As the passes showed it; never [`Verdict::Wait`].
    Followed(Verdict),
    /// It took too long to be followed to its end.
    LeftAlone,
}

impl Operation {
    /// Begins. One that changes nothing is only followed, and leaves no record.
    #[must_use]
    pub fn begin(record: Record) -> Self {
        let stage = if record.changes_nothing() {
            Stage::Follow { within: None }
        } else {
            Stage::WriteRecord
        };
        Self {
            follow: Follow::new(record.app.clone(), record.goal),
            record,
            stage,
            resumed: None,
        }
    }

    /// Takes up an operation whose process has ended.
    #[must_use]
    pub fn resume(record: Record, disk_state: &DiskState) -> Self {
        let stage = match record.standing(disk_state) {
            Standing::NotBegun => Stage::ForgetRecord(Ending::NotBegun),
            Standing::Superseded => Stage::ForgetRecord(Ending::Superseded),
            // To note once more which invocations are to end changes nothing for those that have
            // ended.
            Standing::Begun if record.kind == Kind::Restart => Stage::Switch,
            Standing::Begun => Stage::Follow { within: None },
        };
        Self {
            stage,
            resumed: Some(Resumed::default()),
            ..Self::begin(record)
        }
    }

    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The next step; `None` at the end. It stays the same until its result is reported.
    #[must_use]
    pub fn step(&self) -> Option<Step<'_>> {
        let record = &self.record;
        Some(match &self.stage {
            Stage::WriteRecord => Step::WriteRecord(record),
            Stage::Switch => Step::Switch(record),
            Stage::Follow { within } => Step::Follow { within: *within },
            Stage::ForgetRecord(_) => Step::ForgetRecord(record),
            Stage::End(_) => return None,
        })
    }

    /// The end, once it is known: before the record is forgotten.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        match &self.stage {
            Stage::ForgetRecord(ending) | Stage::End(ending) => Some(ending),
            Stage::WriteRecord | Stage::Switch | Stage::Follow { .. } => None,
        }
    }

    /// The record is on the disk.
    pub fn recorded(&mut self) {
        self.stage = Stage::Switch;
    }

    /// The intent was changed.
    pub fn switched(&mut self) {
        self.stage = Stage::Follow { within: None };
    }

    /// Changing the intent failed, which says nothing of whether it was changed: that is seen from
    /// the disk.
    pub fn not_switched(&mut self, disk_state: &DiskState) {
        self.stage = match self.record.standing(disk_state) {
            // A restart asks for no other intent; it was not noted.
            _ if self.record.kind == Kind::Restart => Stage::ForgetRecord(Ending::NotBegun),
            Standing::NotBegun => Stage::ForgetRecord(Ending::NotBegun),
            Standing::Superseded => Stage::ForgetRecord(Ending::Superseded),
            Standing::Begun => Stage::Follow { within: None },
        };
    }

    /// A pass that began after the last step was made.
    pub fn passed(&mut self, pass: PassSeen<'_>) {
        let now = pass.now;
        let verdict = self.follow.after(pass);
        self.stage = match verdict {
            Verdict::Wait(_) if self.is_too_long(now) => Stage::ForgetRecord(Ending::LeftAlone),
            Verdict::Wait(within) => Stage::Follow { within },
            ended => Stage::ForgetRecord(Ending::Followed(ended)),
        };
    }

    /// The record is gone.
    pub fn forgotten(&mut self) {
        if let Stage::ForgetRecord(ending) = &self.stage {
            self.stage = Stage::End(ending.clone());
        }
    }

    fn is_too_long(&mut self, now: Duration) -> bool {
        let Some(Resumed { first_pass }) = &mut self.resumed else {
            return false;
        };
        now.saturating_sub(*first_pass.get_or_insert(now)) >= RESUMED_LIMIT
    }
}
