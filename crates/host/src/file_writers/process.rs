//! A process, and all of it that can point at a file (`proc(5)`).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use archipelago_core::cause::{FileWriter, Hint, Unit};
use archipelago_core::name::PREFIX;

use super::target::{Mark, Target, mark};
use crate::accounts::account;

/// The identity of a process.
pub(super) struct Identity {
    pub(super) program: String,
    parent: u32,
    uid: u32,
}

impl Identity {
    /// From `/proc/PID/status`, which everybody may read.
    pub(super) fn of(process: &str) -> Option<Self> {
        let status = std::fs::read(format!("/proc/{process}/status")).ok()?;
        let status = String::from_utf8_lossy(&status);
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name));
            value.map(str::trim)
        };
        Some(Self {
            program: plain(field("Name:")?),
            parent: field("PPid:")?.parse().ok()?,
            // The real one, then the effective one.
            uid: field("Uid:")?.split_whitespace().nth(1)?.parse().ok()?,
        })
    }
}

/// Text that somebody else has chosen, for a terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "?")
}

/// A process, and all of it that can point at a file.
pub(super) struct Process {
    pid: u32,
    identity: Identity,
    unit: Option<Unit>,
    arguments: Vec<u8>,
    folder: Option<PathBuf>,
    open: Vec<Open>,
    marks: BTreeSet<Mark>,
}

/// More than anybody types.
const ARGUMENTS_MAX: u64 = 64 * 1024;

/// The beginning of a process's arguments, which may be megabytes.
fn beginning(cmdline: &Path) -> Vec<u8> {
    let mut arguments = Vec::new();
    if let Ok(file) = File::open(cmdline) {
        // A partial read is used as it is.
        drop(file.take(ARGUMENTS_MAX).read_to_end(&mut arguments));
    }
    arguments
}

/// A file that a process has open.
struct Open {
    inode: u64,
    writable: bool,
    /// The link in `/proc` that leads to it.
    link: PathBuf,
}

impl Process {
    /// Unless it is this one, or another that runs the program `us`, or is gone.
    pub(super) fn of(pid: u32, us: Option<&str>) -> Option<Self> {
        let identity = Identity::of(&pid.to_string())?;
        if pid == std::process::id() || us == Some(identity.program.as_str()) {
            return None;
        }
        let root = PathBuf::from(format!("/proc/{pid}"));
        let mut process = Self {
            pid,
            identity,
            unit: unit(&std::fs::read_to_string(root.join("cgroup")).unwrap_or_default()),
            arguments: beginning(&root.join("cmdline")),
            folder: std::fs::read_link(root.join("cwd")).ok(),
            open: Vec::new(),
            marks: BTreeSet::new(),
        };
        let entries = std::fs::read_dir(root.join("fdinfo"));
        for entry in entries.into_iter().flatten().flatten() {
            let told = std::fs::read_to_string(entry.path()).unwrap_or_default();
            process.note(&told, root.join("fd").join(entry.file_name()));
        }
        Some(process)
    }

    /// Notes what `/proc/PID/fdinfo` says of what is open.
    fn note(&mut self, told: &str, link: PathBuf) {
        let field = |name: &str| {
            let value = told.lines().find_map(|line| line.strip_prefix(name));
            value.map(str::trim)
        };
        self.marks.extend(told.lines().filter_map(mark));
        if let Some(inode) = field("ino:").and_then(|inode| inode.parse().ok()) {
            let flags = field("flags:").and_then(|flags| u32::from_str_radix(flags, 8).ok());
            let writes = rustix::fs::OFlags::RWMODE.bits();
            self.open.push(Open {
                inode,
                writable: flags.is_some_and(|flags| flags & writes != 0),
                link,
            });
        }
    }

    /// The strongest hint.
    pub(super) fn hint(&self, target: &Target) -> Option<Hint> {
        let has = |mark: &Option<Mark>| mark.as_ref().is_some_and(|mark| self.marks.contains(mark));
        let works_there = self.folder.as_ref() == Some(&target.folder);
        if let Some(open) = self.open(target) {
            Some(open)
        } else if has(&target.mark) {
            Some(Hint::WatchesFile)
        } else if self.names(target, works_there) {
            Some(Hint::NamesIt)
        } else if has(&target.folder_mark) {
            Some(Hint::WatchesFolder)
        } else {
            works_there.then_some(Hint::WorksInFolder)
        }
    }

    fn open(&self, target: &Target) -> Option<Hint> {
        let file = target.found.as_ref()?;
        // Only what may be the file is followed: behind another link may be a file system that
        // never answers.
        let maybe = self.open.iter().filter(|open| open.inode == file.ino());
        let is_it = |link: &Path| {
            std::fs::metadata(link)
                .is_ok_and(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
        };
        let hints = maybe.filter(|open| is_it(&open.link)).map(|open| {
            if open.writable {
                Hint::OpenForWriting
            } else {
                Hint::Open
            }
        });
        hints.min()
    }

    /// Whether an argument contains the file's name. Processes in our own units are ignored: their
    /// arguments come from us.
    fn names(&self, target: &Target, works_there: bool) -> bool {
        let is_called_by_us = match &self.unit {
            Some(Unit::OfUser(unit)) => unit.starts_with(PREFIX),
            Some(Unit::OfSystem(_)) | None => false,
        };
        let said = |name: &[u8]| holds(&self.arguments, name);
        !is_called_by_us && (said(&target.tail) || (works_there && said(&target.name)))
    }

    pub(super) fn file_writer(&self, hint: Hint) -> FileWriter {
        FileWriter {
            pid: self.pid,
            parent: self.identity.parent,
            program: self.identity.program.clone(),
            user: stranger(self.identity.uid),
            unit: self.unit.clone(),
            hint,
        }
    }
}

/// Whether a text holds a name that is no part of a longer one.
fn holds(text: &[u8], name: &[u8]) -> bool {
    let belongs = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    !name.is_empty()
        && text.windows(name.len()).enumerate().any(|(at, window)| {
            let before = at.checked_sub(1).and_then(|at| text.get(at));
            window == name && !belongs(before) && !belongs(text.get(at + name.len()))
        })
}

/// The unit behind a control group: the innermost that can be stopped without ending a whole login
/// (`0::` is systemd's own hierarchy, cgroups(7)).
fn unit(cgroup: &str) -> Option<Unit> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    // A unit outside of this container is not known by name here.
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.first() == Some(&"..") {
        return None;
    }
    let is_manager = |part: &str| part.starts_with("user@") && part.ends_with(".service");
    let is_unit = |part: &str| {
        part.ends_with(".service")
            || (part.ends_with(".scope") && part != "init.scope" && !part.starts_with("session-"))
    };
    let found = parts
        .iter()
        .rfind(|part| is_unit(part) && !is_manager(part))?;
    let name = plain(found);
    Some(if parts.iter().any(|part| is_manager(part)) {
        Unit::OfUser(name)
    } else {
        Unit::OfSystem(name)
    })
}

/// A user other than this one, as people know them.
pub(super) fn stranger(uid: u32) -> Option<String> {
    let known = || account(|account| account.uid == uid).map(|account| account.name);
    let is_ours = uid == rustix::process::geteuid().as_raw();
    (!is_ours).then(|| known().unwrap_or_else(|| format!("the user id {uid}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_rendered_files_name_counts_only_where_it_stands_for_no_other() {
        let path = Path::new("/data/archy-web-ui/nginx.conf");
        let target = Target::of(path, &BTreeMap::new());
        let process = |arguments: &str, folder: &str, cgroup: &str| Process {
            pid: 1,
            identity: Identity {
                program: "x".to_owned(),
                parent: 1,
                uid: 0,
            },
            unit: unit(cgroup),
            arguments: arguments.as_bytes().to_vec(),
            folder: Some(PathBuf::from(folder)),
            open: Vec::new(),
            marks: BTreeSet::new(),
        };
        let named = Some(Hint::NamesIt);
        let own = "0::/user.slice/user@1000.service/app.slice/archy-web-ui.service/x";
        for (arguments, folder, cgroup, hint) in [
            ("nginx\0-c\0/etc/nginx/nginx.conf\0", "/", "", None),
            ("vi\0/data/archy-web-ui/nginx.conf\0", "/", "", named),
            (
                "sh\0-c\0cp a \"$D/archy-web-ui/nginx.conf\"\0",
                "/",
                "",
                named,
            ),
            ("vi\0nginx.conf\0", "/data/archy-web-ui", "", named),
            (
                "podman\0-v\0/data/archy-web-ui/nginx.conf:/x\0",
                "/",
                own,
                None,
            ),
        ] {
            let seen = process(arguments, folder, cgroup).hint(&target);
            assert_eq!(seen, hint, "{arguments}");
        }
    }

    #[test]
    fn the_unit_is_the_innermost_that_a_person_can_stop() {
        let of_user = |name: &str| Some(Unit::OfUser(name.to_owned()));
        let of_system = |name: &str| Some(Unit::OfSystem(name.to_owned()));
        let user = "/user.slice/user-1000.slice/user@1000.service";
        for (cgroup, expected) in [
            (
                format!("{user}/app.slice/sync.service"),
                of_user("sync.service"),
            ),
            (
                format!("{user}/app.slice/archy-web.service/libpod-payload-1"),
                of_user("archy-web.service"),
            ),
            (
                format!("{user}/app.slice/run-r1.scope"),
                of_user("run-r1.scope"),
            ),
            (format!("{user}/init.scope"), None),
            (
                "/user.slice/user-1000.slice/session-3.scope".to_owned(),
                None,
            ),
            (
                "/system.slice/puppet.service".to_owned(),
                of_system("puppet.service"),
            ),
            ("/init.scope".to_owned(), None),
            ("/../../outside.service".to_owned(), None),
            ("/".to_owned(), None),
            (
                "/system.slice/a\u{1b}[2J.service".to_owned(),
                of_system("a?[2J.service"),
            ),
        ] {
            let listed = format!("4:devices:/other.service\n0::{cgroup}\n");
            assert_eq!(unit(&listed), expected, "{cgroup}");
        }
        assert_eq!(unit(""), None);
    }
}
