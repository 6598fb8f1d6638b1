//! Which processes have to do with a file that something keeps changing, as far as `/proc` shows it to this user (proc(5)).
//!
//! It starts no process and asks for no rights: what cannot be read, because it belongs to somebody else or `/proc` is mounted with
//! `hidepid=`, is passed over. What a process is called with is read, but goes nowhere: arguments may hold secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use archipelago_core::name::PREFIX;
use archipelago_core::printable::one_line;
use archipelago_core::reconcile::{FileWriter, FileWriters, Hint, Unit};
use inotify::{Inotify, WatchMask};

use super::accounts::account;

/// What was seen around these files, by the names that they are given here. Nobody who runs this program is suspected.
#[must_use]
pub fn look(files: BTreeMap<String, PathBuf>) -> BTreeMap<String, FileWriters> {
    if files.is_empty() {
        return BTreeMap::new();
    }
    let marks = marks(&files);
    let mut targets: Vec<(String, Target, FileWriters)> = files
        .into_iter()
        .map(|(name, path)| {
            let target = Target::of(&path, &marks);
            let file_writers = FileWriters {
                owner: target.found.as_ref().and_then(|file| stranger(file.uid())),
                path,
                processes: Vec::new(),
            };
            (name, target, file_writers)
        })
        .collect();
    let us = Identity::of("self").map(|us| us.program);
    for pid in pids() {
        let Some(process) = Process::of(pid, us.as_deref()) else {
            continue;
        };
        for (_, target, file_writers) in &mut targets {
            let hint = process.hint(target);
            file_writers
                .processes
                .extend(hint.map(|hint| process.file_writer(hint)));
        }
    }
    targets
        .into_iter()
        .map(|(name, _, file_writers)| (name, file_writers))
        .collect()
}

fn pids() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect()
}

/// A user other than this one, as people know them.
fn stranger(uid: u32) -> Option<String> {
    let known = || account(|account| account.uid == uid).map(|account| account.name);
    let is_ours = uid == rustix::process::geteuid().as_raw();
    (!is_ours).then(|| known().unwrap_or_else(|| format!("the user id {uid}")))
}

/// The words by which the kernel names an inode in the list of a process's watches.
type Mark = (String, String);

/// The marks of these files and their folders. The kernel is asked for them with watches of our own, for what stat(2) says of an inode's
/// device differs from it on btrfs and overlayfs.
fn marks(files: &BTreeMap<String, PathBuf>) -> BTreeMap<PathBuf, Mark> {
    let Ok(inotify) = Inotify::init() else {
        return BTreeMap::new();
    };
    let folders = files.values().filter_map(|path| path.parent());
    let paths: BTreeSet<&Path> = files
        .values()
        .map(PathBuf::as_path)
        .chain(folders)
        .collect();
    let mut watches = inotify.watches();
    let watched: Vec<(&Path, String)> = paths
        .into_iter()
        .filter_map(|path| {
            let watch = watches.add(path, WatchMask::DELETE_SELF).ok()?;
            Some((path, format!("wd:{:x}", watch.get_watch_descriptor_id())))
        })
        .collect();
    let told = format!("/proc/self/fdinfo/{}", inotify.as_raw_fd());
    let told = std::fs::read_to_string(told).unwrap_or_default();
    let by_watch: BTreeMap<&str, Mark> = told
        .lines()
        .filter_map(|line| Some((word(line, "wd:")?, mark(line)?)))
        .collect();
    watched
        .into_iter()
        .filter_map(|(path, watch)| Some((path.to_owned(), by_watch.get(watch.as_str())?.clone())))
        .collect()
}

/// The mark in a line like `inotify wd:1 ino:9e7e sdev:800013 mask:800afce …`, or `fanotify ino:4f969 sdev:800013 mflags:0 …`.
fn mark(line: &str) -> Option<Mark> {
    let is_watch = line.starts_with("inotify ") || line.starts_with("fanotify ");
    let (inode, device) = (word(line, "ino:")?, word(line, "sdev:")?);
    is_watch.then(|| (inode.to_owned(), device.to_owned()))
}

fn word<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.split(' ').find(|word| word.starts_with(start))
}

/// A file that is fought over, as processes may refer to it.
struct Target {
    folder: PathBuf,
    /// Its name in the folder.
    name: Vec<u8>,
    /// The end of its path that stands for no other file: what begins with a name of ours.
    tail: Vec<u8>,
    found: Option<Metadata>,
    mark: Option<Mark>,
    folder_mark: Option<Mark>,
}

impl Target {
    fn of(path: &Path, marks: &BTreeMap<PathBuf, Mark>) -> Self {
        let folder = path.parent().unwrap_or(path);
        let ours = |part: &&Path| {
            let name = part.file_name().unwrap_or_default();
            name.as_bytes().starts_with(PREFIX.as_bytes())
        };
        let before = path.ancestors().filter(ours).last().and_then(Path::parent);
        let tail = before.and_then(|before| path.strip_prefix(before).ok());
        Self {
            name: path.file_name().unwrap_or_default().as_bytes().to_vec(),
            tail: tail.unwrap_or(path).as_os_str().as_bytes().to_vec(),
            found: std::fs::symlink_metadata(path).ok(),
            mark: marks.get(path).cloned(),
            folder_mark: marks.get(folder).cloned(),
            folder: folder.canonicalize().unwrap_or_else(|_| folder.to_owned()),
        }
    }
}

/// Who a process is.
struct Identity {
    program: String,
    parent: u32,
    uid: u32,
}

impl Identity {
    /// From `/proc/PID/status`, which everybody may read.
    fn of(process: &str) -> Option<Self> {
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

/// Text that somebody else has chosen.
fn plain(text: &str) -> String {
    one_line(text).into_owned()
}

/// A process, and all of it that can point at a file.
struct Process {
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
        // What could be read of them is looked at.
        drop(file.take(ARGUMENTS_MAX).read_to_end(&mut arguments));
    }
    arguments
}

/// A file that a process has open.
struct Open {
    inode: u64,
    writable: bool,
    /// What leads to it.
    link: PathBuf,
}

impl Process {
    /// Unless it is this one, or another that runs the program `us`, or is gone.
    fn of(pid: u32, us: Option<&str>) -> Option<Self> {
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

    /// What most gives it away.
    fn hint(&self, target: &Target) -> Option<Hint> {
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
        // Only what may be the file is followed: behind another link may be a file system that never answers.
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

    /// Whether an argument holds the file's name. What runs in a unit of ours was given its arguments by us.
    fn names(&self, target: &Target, works_there: bool) -> bool {
        let is_called_by_us = match &self.unit {
            Some(Unit::OfUser(unit)) => unit.starts_with(PREFIX),
            Some(Unit::OfSystem(_)) | None => false,
        };
        let said = |name: &[u8]| holds(&self.arguments, name);
        !is_called_by_us && (said(&target.tail) || (works_there && said(&target.name)))
    }

    fn file_writer(&self, hint: Hint) -> FileWriter {
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

/// The unit behind a control group: the innermost that can be stopped without ending a whole login (`0::` is systemd's own hierarchy,
/// cgroups(7)).
fn unit(cgroup: &str) -> Option<Unit> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    // What lies outside of this container is not known by name here.
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

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A folder with a file that is fought over, and the processes of a test; both end with it.
    struct Scene {
        folder: PathBuf,
        file: PathBuf,
        children: Vec<Child>,
    }

    impl Scene {
        fn new(name: &str) -> Self {
            let folder = format!("archipelago-file_writers-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            // Tests run side by side, and each would see the others' processes.
            let file = folder.join(format!("archy-{name}.container"));
            std::fs::write(&file, "theirs").unwrap();
            Self {
                folder,
                file,
                children: Vec::new(),
            }
        }

        /// Starts a program that does nothing.
        fn start(&mut self, command: &mut Command) -> u32 {
            let child = command.spawn().unwrap();
            self.children.push(child);
            self.children.last().unwrap().id()
        }

        fn look(&self) -> FileWriters {
            let files = BTreeMap::from([("it".to_owned(), self.file.clone())]);
            look(files).remove("it").unwrap()
        }

        /// The hint that each of its own processes gives.
        fn hints(&self) -> BTreeMap<u32, Hint> {
            let ours: Vec<u32> = self.children.iter().map(Child::id).collect();
            let seen = self.look().processes.into_iter();
            seen.filter(|file_writer| ours.contains(&file_writer.pid))
                .map(|file_writer| (file_writer.pid, file_writer.hint))
                .collect()
        }
    }

    impl Drop for Scene {
        fn drop(&mut self) {
            for child in &mut self.children {
                let _ = child.kill();
                let _ = child.wait();
            }
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    fn sleep() -> Command {
        let mut command = Command::new("sleep");
        command.arg("100").current_dir("/");
        command
    }

    #[test]
    fn a_process_is_seen_by_what_it_has_to_do_with_the_file() {
        let mut scene = Scene::new("hints");
        let file = scene.file.clone();
        let open = |options: &mut std::fs::OpenOptions| options.open(&file).unwrap();
        let writes = open(std::fs::OpenOptions::new().append(true));
        let reads = open(std::fs::OpenOptions::new().read(true));
        let same_name = scene.folder.join("else");
        std::fs::create_dir(&same_name).unwrap();
        std::fs::write(same_name.join("archy-hints.container"), "").unwrap();
        let elsewhere = File::open(same_name.join("archy-hints.container")).unwrap();
        let watching = |path: &Path| {
            let inotify = Inotify::init().unwrap();
            inotify.watches().add(path, WatchMask::MODIFY).unwrap();
            Stdio::from(std::os::fd::OwnedFd::from(inotify))
        };
        let mut script = Command::new("sh");
        script.args(["-c", "read x; cp /tmp/a archy-hints.container"]);
        script.stdin(Stdio::piped()).current_dir("/");
        let mut similar = Command::new("sh");
        similar.args([
            "-c",
            "read x; cp a archy-hints.container.d/archy-hints.containers",
        ]);
        similar.stdin(Stdio::piped()).current_dir("/");
        let folder = scene.folder.clone();
        let expected = [
            (sleep().stdout(writes), Some(Hint::OpenForWriting)),
            (sleep().stdin(reads), Some(Hint::Open)),
            (sleep().stdin(watching(&file)), Some(Hint::WatchesFile)),
            (&mut script, Some(Hint::NamesIt)),
            (sleep().stdin(watching(&folder)), Some(Hint::WatchesFolder)),
            (sleep().current_dir(&folder), Some(Hint::WorksInFolder)),
            (sleep().current_dir(&same_name), None),
            (sleep().stdin(elsewhere), None),
            (&mut similar, None),
            (&mut sleep(), None),
        ]
        .map(|(command, hint)| (scene.start(command), hint));
        let seen = scene.hints();
        for (at, (pid, hint)) in expected.iter().enumerate() {
            assert_eq!(seen.get(pid), hint.as_ref(), "number {at}");
        }
    }

    #[test]
    fn a_suspect_is_told_by_its_program_and_user_and_never_by_its_arguments() {
        let mut scene = Scene::new("told");
        let mut script = Command::new("sh");
        script.args(["-c", "read x # hunter2", "archy-told.container"]);
        let pid = scene.start(script.stdin(Stdio::piped()).current_dir("/"));
        let file_writers = scene.look();
        let expected = FileWriter {
            pid,
            parent: std::process::id(),
            program: "sh".to_owned(),
            user: None,
            unit: file_writers.processes[0].unit.clone(),
            hint: Hint::NamesIt,
        };
        assert_eq!(file_writers.path, scene.file);
        assert_eq!(file_writers.owner, None);
        assert_eq!(file_writers.processes, [expected]);
    }

    #[test]
    fn a_user_is_named_only_when_it_is_another() {
        let own = rustix::process::geteuid().as_raw();
        assert_eq!(stranger(own), None);
        let other = account(|account| account.uid != own).unwrap();
        assert_eq!(stranger(other.uid), Some(other.name));
        let unknown = Some("the user id 4000000000".to_owned());
        assert_eq!(stranger(4_000_000_000), unknown);
    }

    #[test]
    fn nobody_who_runs_this_program_is_suspected() {
        let mut scene = Scene::new("us");
        let inotify = Inotify::init().unwrap();
        let mask = WatchMask::CLOSE_WRITE;
        inotify.watches().add(&scene.folder, mask).unwrap();
        let _open = File::open(&scene.file).unwrap();
        assert_eq!(scene.look().processes, []);
        // The daemon, when a command looks, bears the same name.
        let sleep = ["/usr/bin/sleep", "/bin/sleep"].map(PathBuf::from);
        let sleep = sleep.iter().find(|path| path.exists()).unwrap();
        let us = std::fs::read_to_string("/proc/self/comm").unwrap();
        let twin = scene.folder.join(us.trim());
        std::fs::copy(sleep, &twin).unwrap();
        scene.start(Command::new(&twin).arg("100").current_dir(&scene.folder));
        assert_eq!(scene.look().processes, []);
        scene.start(Command::new(sleep).arg("100").current_dir(&scene.folder));
        assert_eq!(scene.look().processes.len(), 1);
    }

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
