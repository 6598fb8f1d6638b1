//! The records of operations that are under way, one file for each.
//!
//! The process that carries an operation out holds a lock on its record until the process ends in
//! any way. So the process of a record without a lock is gone, and the next process that takes the
//! lock brings the operation to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use archipelago_core::intent::{Intent, WantedState};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{
    DiskState, FoundIntent, IntentRevision, OperationId, Record, RecordError, UpdateState,
};
use rustix::fs::{FlockOperation, flock};

use crate::cache::ReadSet;
use crate::disk::{self, failed};

/// Records tell what a person does; nobody else need read them.
const FOLDER_MODE: u32 = 0o700;
const MODE: u32 = 0o600;
const SUFFIX: &str = ".json";
/// The name of a record that cannot be read ends so, once it is out of the way.
const SET_ASIDE: &str = ".unreadable";

/// The record of an operation that this process carries out. The lock ends with the value.
#[derive(Debug)]
pub struct RecordLock {
    path: PathBuf,
    _locked: File,
}

/// A record that is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    pub record: Record,
    /// Whether a process carries the operation out.
    pub is_held: bool,
}

/// The result of an attempt to take a record over.
#[derive(Debug)]
pub enum Taken {
    /// It is this process's now.
    Claimed(RecordLock, Box<Record>),
    /// Another process carries the operation out, or has just ended it.
    Busy,
    /// It could not be read and was moved to this path.
    SetAside {
        path: PathBuf,
        moved: PathBuf,
        cause: RecordError,
    },
}

/// The system gives no random number.
#[derive(Debug, thiserror::Error)]
#[error("ask the system for a random number")]
pub struct RandomError(#[source] getrandom::Error);

/// A new name for an operation that is asked for now.
///
/// # Errors
/// When the system gives no random number.
pub fn new_id() -> Result<OperationId, RandomError> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(RandomError)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(OperationId::new(
        now.unwrap_or_default(),
        u32::from_le_bytes(random),
    ))
}

/// Writes a record and holds it. The lock of passes is held.
///
/// # Errors
/// When the disk refuses.
pub fn write(layout: &Layout, record: &Record) -> Result<RecordLock, disk::Error> {
    let folder = layout.operations();
    disk::make_folder(&folder, FOLDER_MODE)?;
    let path = layout.operation(record.id);
    let temporary = folder.join(format!("{}{}", disk::TEMPORARY_PREFIX, record.id));
    let written = write_locked(&temporary, &record.to_bytes()).and_then(|file| {
        // Locked before it has its name: nobody takes it for one whose process is gone.
        fs::rename(&temporary, &path).map_err(failed("put in place", &path))?;
        Ok(file)
    });
    if written.is_err() {
        // The next pass sweeps it up, should this fail too.
        let _ = fs::remove_file(&temporary);
    }
    let locked = written?;
    disk::sync_folder(&folder)?;
    Ok(RecordLock {
        path,
        _locked: locked,
    })
}

fn write_locked(path: &Path, content: &[u8]) -> Result<File, disk::Error> {
    let mut file = disk::create_empty(path, MODE)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|error| failed("lock", path)(error.into()))?;
    disk::fill(&mut file, path, content)?;
    Ok(file)
}

impl RecordLock {
    /// Replaces the record, durably. The lock of passes is held; nobody takes the record over
    /// meanwhile.
    ///
    /// # Errors
    /// When the disk refuses; the record is as before then.
    pub fn replace(&mut self, layout: &Layout, record: &Record) -> Result<(), disk::Error> {
        *self = write(layout, record)?;
        Ok(())
    }

    /// Removes the record, durably.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn forget(&self) -> Result<(), disk::Error> {
        disk::remove(&self.path)
    }
}

/// The names of the files that should be records.
///
/// # Errors
/// When the folder is there and cannot be listed.
pub fn names(layout: &Layout) -> Result<Vec<String>, disk::Error> {
    let mut names = disk::names(&layout.operations())?;
    names.retain(|name| is_record(name));
    Ok(names)
}

fn is_record(name: &str) -> bool {
    name.ends_with(SUFFIX) && !name.starts_with(disk::TEMPORARY_PREFIX)
}

/// Takes a record over whose process is gone.
///
/// # Errors
/// When the disk refuses.
pub fn take(layout: &Layout, name: &str) -> Result<Taken, disk::Error> {
    let path = layout.operations().join(name);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Taken::Busy),
        Err(error) => return Err(failed("open", &path)(error)),
    };
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(Taken::Busy);
    }
    let metadata = file
        .metadata()
        .map_err(failed("read the metadata of", &path))?;
    if metadata.nlink() == 0 {
        // It was forgotten between the two.
        return Ok(Taken::Busy);
    }
    match parse(name, &disk::read(&path)?.unwrap_or_default()) {
        Ok(record) => {
            let claim = RecordLock {
                path,
                _locked: file,
            };
            Ok(Taken::Claimed(claim, Box::new(record)))
        }
        Err(cause) => {
            let moved = layout.operations().join(format!("{name}{SET_ASIDE}"));
            fs::rename(&path, &moved).map_err(failed("move aside", &path))?;
            disk::sync_folder(&layout.operations())?;
            Ok(Taken::SetAside { path, moved, cause })
        }
    }
}

/// The record must be that of the operation that its file is named after.
fn parse(name: &str, content: &[u8]) -> Result<Record, RecordError> {
    let record = Record::parse(content)?;
    if name.strip_suffix(SUFFIX) == Some(record.id.to_string().as_str()) {
        return Ok(record);
    }
    Err(RecordError { line: 1, column: 1 })
}

/// The records that can be read, the oldest first.
///
/// # Errors
/// When the folder is there and cannot be listed.
pub fn all(layout: &Layout) -> Result<Vec<StoredRecord>, disk::Error> {
    let mut all = Vec::new();
    for name in names(layout)? {
        let path = layout.operations().join(&name);
        let Some(content) = disk::read_file(&path) else {
            continue;
        };
        if let Ok(record) = parse(&name, &content) {
            let is_held = File::open(&path)
                .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err());
            all.push(StoredRecord { record, is_held });
        }
    }
    Ok(all)
}

/// The operations that are under way, by app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Of several of an app the last one.
    pub last: BTreeMap<AppId, OperationId>,
    /// The apps whose update has begun to change them.
    pub updating: BTreeSet<AppId>,
}

impl Open {
    /// Reads the records. Unreadable ones are skipped: the next pass moves them out of the way.
    #[must_use]
    pub fn read(layout: &Layout, read_set: &mut ReadSet) -> Self {
        let folder = layout.operations();
        let names = read_set.names(&folder).unwrap_or_default();
        let records = names
            .iter()
            .filter(|name| is_record(name))
            .filter_map(|name| {
                let content = read_set.read(&folder.join(name)).ok().flatten()?;
                parse(name, &content).ok()
            });
        let mut open = Self::default();
        for record in records {
            let update = record.update.as_ref();
            if update.is_some_and(UpdateState::has_begun) {
                open.updating.insert(record.app.clone());
            }
            let last = open.last.entry(record.app).or_insert(record.id);
            *last = record.id.max(*last);
        }
        open
    }
}

/// Reads the remains on the disk of an app whose operation was interrupted. A killed process may
/// not have synced the intent that it put in place, so that is done first: units that are made for
/// it must not outlive it.
///
/// # Errors
/// When its intent cannot be read or synced.
pub fn disk_state(layout: &Layout, app: &AppId) -> Result<DiskState, disk::Error> {
    if disk::exists(&layout.apps())? {
        disk::sync_folder(&layout.apps())?;
    }
    let intent = disk::read(&layout.intent(app))?;
    Ok(DiskState {
        intent: intent.map(|content| IntentRevision::of(&content)),
        data: keeps_data(layout, app),
    })
}

/// Reads the intent of an app whose update was interrupted, as [`disk_state`] does.
///
/// # Errors
/// When it cannot be read or synced.
pub fn found_intent(layout: &Layout, app: &AppId) -> Result<FoundIntent, disk::Error> {
    if disk::exists(&layout.apps())? {
        disk::sync_folder(&layout.apps())?;
    }
    let content = disk::read(&layout.intent(app))?;
    let text = content.as_deref().map(String::from_utf8_lossy);
    let intent = text.and_then(|text| Intent::parse("", &text).ok());
    Ok(FoundIntent {
        revision: content.as_deref().map(IntentRevision::of),
        is_removed: intent.is_some_and(|intent| intent.state == WantedState::Removed),
    })
}

/// Whether data of an app are on the disk.
#[must_use]
pub fn keeps_data(layout: &Layout, app: &AppId) -> bool {
    let kept = [layout.volumes(app), layout.files(app), layout.secrets(app)];
    kept.iter().any(|folder| disk::may_exist(folder))
}

#[cfg(test)]
mod tests {
    use archipelago_core::operation::{Kind, Target};

    use super::*;

    fn layout(test: &str) -> Layout {
        let root = std::env::temp_dir().join(format!("archipelago-{test}-{}", std::process::id()));
        Layout::under(&root)
    }

    fn record(app: &str) -> Record {
        let id = new_id().unwrap();
        Record {
            id,
            kind: Kind::Start,
            app: AppId::parse(app).unwrap(),
            goal: Target::Ready,
            asked_unix_s: 1,
            before: None,
            after: None,
            restarts: BTreeMap::new(),
            version: None,
            update: None,
        }
    }

    #[test]
    fn a_record_is_taken_over_when_nobody_holds_it() {
        let layout = layout("records");
        assert!(all(&layout).unwrap().is_empty());
        let record = record("web");
        let claim = write(&layout, &record).unwrap();
        let name = format!("{}.json", record.id);
        assert_eq!(names(&layout).unwrap(), [name.as_str()]);
        assert_eq!(disk::mode(&layout.operation(record.id)), Some(0o600));
        assert_eq!(disk::mode(&layout.operations()), Some(0o700));
        assert!(matches!(take(&layout, &name).unwrap(), Taken::Busy));
        let found = |is_held| StoredRecord {
            record: record.clone(),
            is_held,
        };
        assert_eq!(all(&layout).unwrap(), [found(true)]);
        let open = Open::read(&layout, &mut ReadSet::begin());
        assert_eq!(open.last, BTreeMap::from([(record.app.clone(), record.id)]));
        assert!(open.updating.is_empty());

        drop(claim);
        assert_eq!(all(&layout).unwrap(), [found(false)]);
        let Taken::Claimed(claim, read) = take(&layout, &name).unwrap() else {
            panic!("nobody holds it");
        };
        assert_eq!(*read, record);
        claim.forget().unwrap();
        assert!(matches!(take(&layout, &name).unwrap(), Taken::Busy));
        assert!(all(&layout).unwrap().is_empty());
        disk::remove_folder(layout.config.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_record_that_cannot_be_read_is_set_aside() {
        let layout = layout("records-unreadable");
        let good = record("web");
        drop(write(&layout, &good).unwrap());
        let folder = layout.operations();
        for (name, content) in [
            ("000000000005-00000006.json", "{\n  \"id\": 1"),
            ("notes.json", "{}"),
        ] {
            fs::write(folder.join(name), content).unwrap();
            let Taken::SetAside { moved, cause, .. } = take(&layout, name).unwrap() else {
                panic!("{name}");
            };
            assert!(
                cause
                    .to_string()
                    .ends_with("not the record of an operation")
            );
            assert_eq!(fs::read_to_string(moved).unwrap(), content);
        }
        // Nor is a record under another one's name.
        let name = "000000000005-00000006.json";
        fs::copy(layout.operation(good.id), folder.join(name)).unwrap();
        assert!(matches!(
            take(&layout, name).unwrap(),
            Taken::SetAside { .. }
        ));
        assert_eq!(names(&layout).unwrap(), [format!("{}.json", good.id)]);
        disk::remove_folder(layout.config.parent().unwrap()).unwrap();
    }
}
