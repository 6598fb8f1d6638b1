//! Which processes are seen around a file, and as what.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use archipelago_core::cause::{FileWriter, Hint};
use inotify::{Inotify, WatchMask};

use super::*;
use crate::accounts::account;
use crate::disk;

/// A folder with a file that is contended, and the processes of a test; both end with it.
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

    fn find(&self) -> FileWriters {
        let files = BTreeMap::from([("it".to_owned(), self.file.clone())]);
        find(files).remove("it").unwrap()
    }

    /// The hint that each of its own processes gives.
    fn hints(&self) -> BTreeMap<u32, Hint> {
        let ours: Vec<u32> = self.children.iter().map(Child::id).collect();
        let seen = self.find().processes.into_iter();
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
    let file_writers = scene.find();
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
    assert_eq!(scene.find().processes, []);
    // For a command, the daemon is a process of the same name.
    let sleep = ["/usr/bin/sleep", "/bin/sleep"].map(PathBuf::from);
    let sleep = sleep.iter().find(|path| disk::may_exist(path)).unwrap();
    let us = std::fs::read_to_string("/proc/self/comm").unwrap();
    let twin = scene.folder.join(us.trim());
    std::fs::copy(sleep, &twin).unwrap();
    scene.start(Command::new(&twin).arg("100").current_dir(&scene.folder));
    assert_eq!(scene.find().processes, []);
    scene.start(Command::new(sleep).arg("100").current_dir(&scene.folder));
    assert_eq!(scene.find().processes.len(), 1);
}
