//! The processes that may be changing a contended file, and the words for people. Linux tells only
//! root which process wrote a file. The words therefore never say more than that a process may be
//! the writer.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// At most so many are named; a person looks at no longer list.
const NAMED_MAX: usize = 3;

/// The traces of other writers at one file, taken before its repair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWriters {
    /// Where it lies.
    pub path: PathBuf,
    /// The user that it belongs to, when that is another than Archipelago's.
    pub owner: Option<String>,
    /// Processes that have to do with it, in any order.
    pub processes: Vec<FileWriter>,
}

/// A process that has to do with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWriter {
    /// Its id.
    pub pid: u32,
    /// Its parent's id.
    pub parent: u32,
    /// The name of its program; never its arguments, which may hold secrets.
    pub program: String,
    /// The user that it runs as, when that is another than Archipelago's.
    pub user: Option<String>,
    /// The systemd unit that it runs in, which is what a person can stop.
    pub unit: Option<Unit>,
    /// The evidence against it.
    pub hint: Hint,
}

/// A systemd unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// One of a user's service manager.
    OfUser(String),
    /// One of the system's.
    OfSystem(String),
}

/// The evidence that a process changes a file, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hint {
    /// It can write to the file at this moment.
    OpenForWriting,
    /// It has the file open otherwise.
    Open,
    /// The kernel tells it when the file changes.
    WatchesFile,
    /// The file's name is among its arguments.
    NamesIt,
    /// The kernel tells it when anything in the folder changes.
    WatchesFolder,
    /// The folder is its working directory.
    WorksInFolder,
}

/// The message for people. It names possible writers only if they were looked for.
pub(super) fn contention(file: &str, file_writers: Option<&FileWriters>) -> String {
    let (who, remedy) = match file_writers {
        Some(file_writers) => (format!(" {}.", file_writers.told()), "Stop that process"),
        None => (String::new(), "Find what writes it"),
    };
    format!(
        "something else keeps changing {file}; until that ends, Archipelago waits longer before each repair.{who} {remedy}, or put its change \
         into a drop-in"
    )
}

impl FileWriters {
    /// The words for people, as whole sentences.
    fn told(&self) -> String {
        let ranked = self.ranked();
        let mut sentences = Vec::new();
        if !ranked.is_empty() {
            sentences.push(format!("It may be {}", either(&ranked)));
        }
        if let Some(owner) = &self.owner {
            sentences.push(format!("The file that it left belongs to {owner}"));
        }
        if sentences.is_empty() {
            let path = self.path.display();
            sentences.push(format!(
                "No process can be seen that has to do with it. A timer or path unit may start it (systemctl --user list-units \
                 --type=timer,path); root can have the kernel tell: auditctl -w {path} -p w, and after the next change: ausearch -i -f {path}"
            ));
        }
        sentences.join(". ")
    }

    /// The processes, strongest hint first. A short-lived child works in the same folder as its
    /// script, so the script is named.
    fn ranked(&self) -> Vec<&FileWriter> {
        let begun_by = |parent: &FileWriter, child: &FileWriter| {
            parent.pid == child.parent && parent.unit == child.unit && parent.hint <= child.hint
        };
        let mut ranked: Vec<&FileWriter> = self.processes.iter().collect();
        ranked.retain(|child| !self.processes.iter().any(|other| begun_by(other, child)));
        ranked.sort_by_key(|file_writer| (file_writer.hint, file_writer.pid));
        ranked
    }
}

fn either(ranked: &[&FileWriter]) -> String {
    let mut named: Vec<String> = ranked
        .iter()
        .take(NAMED_MAX)
        .map(|file_writer| file_writer.told())
        .collect();
    if ranked.len() > NAMED_MAX {
        named.push(format!("one of {} more", ranked.len() - NAMED_MAX));
    }
    let last = named.pop().unwrap_or_default();
    if named.is_empty() {
        last
    } else {
        format!("{} or {last}", named.join(", "))
    }
}

impl FileWriter {
    fn told(&self) -> String {
        let Self {
            pid,
            parent: _,
            program,
            user,
            unit,
            hint,
        } = self;
        let user = user
            .as_ref()
            .map_or_else(String::new, |user| format!(" of {user}"));
        let unit = match unit {
            Some(Unit::OfUser(unit)) => format!(" in {unit}"),
            Some(Unit::OfSystem(unit)) => format!(" in the system's {unit}"),
            None => String::new(),
        };
        format!("{program} (process {pid}{user}{unit}, {})", hint.words())
    }
}

impl Hint {
    fn words(self) -> &'static str {
        match self {
            Self::OpenForWriting => "has it open for writing",
            Self::Open => "has it open",
            Self::WatchesFile => "watches it",
            Self::NamesIt => "names it in its arguments",
            Self::WatchesFolder => "watches its folder",
            Self::WorksInFolder => "works in its folder",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_writer(pid: u32, program: &str, hint: Hint) -> FileWriter {
        FileWriter {
            pid,
            parent: 1,
            program: program.to_owned(),
            user: None,
            unit: None,
            hint,
        }
    }

    fn check(owner: Option<&str>, processes: &[FileWriter], told: &str) {
        let file_writers = FileWriters {
            path: PathBuf::from("/units/archy-web.container"),
            owner: owner.map(str::to_owned),
            processes: processes.to_vec(),
        };
        assert_eq!(file_writers.told(), told);
    }

    #[test]
    fn whoever_may_be_changing_a_file_is_named_by_what_gives_them_away() {
        let editor = file_writer(7, "vim", Hint::OpenForWriting);
        let script = file_writer(20, "bash", Hint::NamesIt);
        check(
            None,
            std::slice::from_ref(&editor),
            "It may be vim (process 7, has it open for writing)",
        );
        let sync = FileWriter {
            unit: Some(Unit::OfUser("sync.service".to_owned())),
            ..file_writer(9, "git-sync", Hint::WatchesFile)
        };
        let puppet = FileWriter {
            user: Some("root".to_owned()),
            unit: Some(Unit::OfSystem("puppet.service".to_owned())),
            ..file_writer(8, "ruby", Hint::NamesIt)
        };
        check(
            Some("root"),
            &[script.clone(), puppet, sync, editor],
            "It may be vim (process 7, has it open for writing), git-sync (process 9 in sync.service, watches it), \
             ruby (process 8 of root in the system's puppet.service, names it in its arguments) or one of 1 more. \
             The file that it left belongs to root",
        );
        check(
            None,
            &[
                file_writer(3, "bash", Hint::WorksInFolder),
                file_writer(5, "nautilus", Hint::WatchesFolder),
                file_writer(6, "tail", Hint::Open),
            ],
            "It may be tail (process 6, has it open), nautilus (process 5, watches its folder) or bash (process 3, works in its folder)",
        );
        check(Some("root"), &[], "The file that it left belongs to root");
    }

    #[test]
    fn what_a_script_starts_is_not_named_beside_it_unless_it_says_more() {
        let script = file_writer(20, "bash", Hint::NamesIt);
        let child = |pid, program, hint| FileWriter {
            parent: 20,
            ..file_writer(pid, program, hint)
        };
        let sleep = child(21, "sleep", Hint::WorksInFolder);
        let grep = child(22, "grep", Hint::NamesIt);
        let alone = "It may be bash (process 20, names it in its arguments)";
        check(None, &[sleep, grep, script.clone()], alone);
        check(
            None,
            &[script, child(23, "tee", Hint::OpenForWriting)],
            "It may be tee (process 23, has it open for writing) or bash (process 20, names it in its arguments)",
        );
        // A service manager starts what is not its own doing.
        let service = FileWriter {
            parent: 20,
            unit: Some(Unit::OfUser("sync.service".to_owned())),
            ..file_writer(24, "sync", Hint::WorksInFolder)
        };
        check(
            None,
            &[file_writer(20, "systemd", Hint::WatchesFolder), service],
            "It may be systemd (process 20, watches its folder) or sync (process 24 in sync.service, works in its folder)",
        );
    }

    #[test]
    fn when_nobody_can_be_seen_it_is_said_how_to_find_out() {
        check(
            None,
            &[],
            "No process can be seen that has to do with it. A timer or path unit may start it (systemctl --user list-units \
             --type=timer,path); root can have the kernel tell: auditctl -w /units/archy-web.container -p w, and after the next change: \
             ausearch -i -f /units/archy-web.container",
        );
    }
}
