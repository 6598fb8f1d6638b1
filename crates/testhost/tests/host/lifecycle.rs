//! Booting, rebooting and discarding hosts, also when the process that owns a host is killed.

use std::fs;
use std::path::Path;
use std::process::Command;

use testhost::{Host, Options, Reboot};

use crate::{boot, eventually, get, root, start_container, user, web_container};

/// A file in the home folder of the host's user, written by a command.
const KEPT: &str = "/home/archy/kept";

#[test]
fn files_services_and_forwarders_outlast_a_soft_and_a_hard_reboot() {
    let host = boot();
    start_container(&host, "web", &web_container(8080));
    let forward = host.forward(8080).expect("a forwarder");
    eventually("the page", || get(&forward).contains("a page"));
    let machine_id = root(&host, &["cat", "/etc/machine-id"]);
    let mut seen = vec![boot_of(&host)];
    for how in [Reboot::Soft, Reboot::Hard] {
        user(&host, &["sh", "-c", &format!("echo {how:?} >>{KEPT}")]);
        host.reboot(how).expect("a reboot");
        let boot = boot_of(&host);
        assert!(!seen.contains(&boot), "{how:?}: process 1 is a new one");
        seen.push(boot);
        eventually("the page after a reboot", || {
            get(&forward).contains("a page")
        });
    }
    assert_eq!(user(&host, &["cat", KEPT]), "Soft\nHard\n");
    assert_eq!(root(&host, &["cat", "/etc/machine-id"]), machine_id);
    assert!(
        host.journal()
            .expect("the journal")
            .contains("Reached target reboot.target"),
        "the soft reboot was orderly"
    );
}

/// When process 1 started, in clock ticks after the machine's own start.
fn boot_of(host: &Host) -> String {
    root(host, &["cut", "-d", " ", "-f22", "/proc/1/stat"])
}

#[test]
fn a_taken_name_is_refused_and_an_unknown_one_lists_the_hosts_that_are_up() {
    let host = boot();
    let again = Host::boot(Options::named(host.name())).expect_err("a second host of the name");
    assert!(format!("{again:#}").contains("exists already"), "{again:#}");
    let unknown = Host::open("no-such-host").expect_err("an unknown name");
    assert!(unknown.to_string().contains(host.name()), "{unknown}");
    assert!(Host::open("../etc").is_err());
}

/// Every trace of a host on this machine: mounts, folders, processes, cgroups.
fn traces(name: &str) -> Vec<String> {
    let mut traces: Vec<String> = fs::read_to_string("/proc/self/mountinfo")
        .expect("the mounts")
        .lines()
        .filter(|line| line.contains(&format!("/{name}/")))
        .map(ToOwned::to_owned)
        .collect();
    let cache = testhost::cache::folder().expect("the cache");
    let folders = [
        Path::new("/run/archipelago-testhost").join(name),
        cache.join("hosts").join(name),
        Path::new("/sys/fs/cgroup/archipelago-testhost").join(name),
        Path::new("/sys/fs/cgroup/unified/archipelago-testhost").join(name),
        Path::new("/sys/fs/cgroup/systemd/archipelago-testhost").join(name),
    ];
    traces.extend(
        folders
            .iter()
            .filter(|folder| folder.exists())
            .map(|folder| folder.display().to_string()),
    );
    let commands = fs::read_dir("/proc").expect("/proc").filter_map(|process| {
        let command = fs::read(process.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&command).replace('\0', " "))
    });
    traces.extend(commands.filter(|command| command.contains(&format!("--machine={name}"))));
    traces
}

#[test]
fn discarding_a_host_leaves_nothing_mounted_running_or_on_disk() {
    let host = boot();
    let name = host.name().to_owned();
    start_container(&host, "web", &web_container(8080));
    assert!(traces(&name).len() > 4, "{:?}", traces(&name));
    drop(host);
    assert_eq!(traces(&name), Vec::<String>::new());
}

/// The tests below run this one in a process of its own. Otherwise it does nothing.
#[test]
fn child_that_is_ended_while_its_host_is_up() {
    if std::env::var_os("TESTHOST_CHILD").is_none() {
        return;
    }
    let host = boot();
    println!("\nbooted:{}", host.name());
    std::thread::park();
}

/// Starts a process that boots a host of its own. Returns the process and the host's name.
fn child_with_a_host() -> (std::process::Child, String) {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "lifecycle::child_that_is_ended_while_its_host_is_up",
            "--nocapture",
        ])
        .env("TESTHOST_CHILD", "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a child");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let name = output
        .lines()
        .find_map(|line| Some(line.ok()?.strip_prefix("booted:")?.to_owned()))
        .expect("its host's name");
    (child, name)
}

fn end(child: &std::process::Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a process number"))
        .expect("not zero");
    rustix::process::kill_process(pid, signal).expect("a signal");
}

#[test]
fn ctrl_c_discards_the_hosts_of_the_process() {
    let (mut child, name) = child_with_a_host();
    end(&child, rustix::process::Signal::INT);
    assert_eq!(child.wait().expect("its end").code(), Some(128 + 2));
    assert_eq!(traces(&name), Vec::<String>::new());
}

#[test]
fn the_host_of_a_killed_process_is_discarded_when_the_next_host_boots() {
    let (mut child, name) = child_with_a_host();
    end(&child, rustix::process::Signal::KILL);
    child.wait().expect("its end");
    let _next = boot();
    // Booting waits for the lock that is held during the sweep, so the sweep is over.
    assert_eq!(traces(&name), Vec::<String>::new());
}

#[test]
fn the_journal_of_a_failed_test_is_kept() {
    let host = boot();
    let name = host.name().to_owned();
    let failed = std::thread::spawn(move || {
        let _host = host;
        panic!("on purpose, to see what is kept");
    });
    assert!(failed.join().is_err());
    let program = std::env::current_exe().expect("this program");
    let target = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .expect("a target folder");
    let kept = target.join("testhost").join(format!("{name}.log"));
    let log = fs::read_to_string(&kept).expect("the kept journal");
    for part in [
        "podman ps --all",
        "systemctl --user status",
        "Reached target default.target",
    ] {
        assert!(log.contains(part), "{part}");
    }
    fs::remove_file(&kept).expect("the kept journal of a test that did not fail");
}
