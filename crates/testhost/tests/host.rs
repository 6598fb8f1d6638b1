//! What a test may rely on in a host. Each test boots its own.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use testhost::{Account, Host, Options, Output, Reboot, link};

const BUSYBOX: &str = "docker.io/library/busybox:stable";

/// A file that is in a host's home, written by a command.
const KEPT: &str = "/home/archy/kept";

fn boot() -> Host {
    Host::boot(Options::default()).expect("a host")
}

fn user(host: &Host, command: &[&str]) -> String {
    host.run_user(command)
        .and_then(Output::checked)
        .expect("a command of the user")
}

fn root(host: &Host, command: &[&str]) -> String {
    host.run_root(command)
        .and_then(Output::checked)
        .expect("a command of root")
}

/// Installs a Quadlet file for the user and starts its service.
fn start_container(host: &Host, name: &str, text: &str) {
    let path = format!("/home/archy/.config/containers/systemd/{name}.container");
    host.write_file(Account::User, &path, text.as_bytes())
        .expect("a unit file");
    user(host, &["systemctl", "--user", "daemon-reload"]);
    user(host, &["systemctl", "--user", "start", name]);
}

fn web_container(port: u16) -> String {
    format!(
        "[Container]\nImage={BUSYBOX}\nPublishPort=127.0.0.1:{port}:80\nStopTimeout=1\n\
         Exec=sh -c \"echo a page > /var/www/index.html; exec httpd -f -h /var/www\"\n\
         [Install]\nWantedBy=default.target\n"
    )
}

/// Looks until it holds, for at most a minute.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waited a minute for {what}"
        );
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn a_host_boots_within_three_seconds_into_a_system_without_failures() {
    let host = boot();
    println!("booted in {:.2} s", host.boot_time().as_secs_f64());
    assert_eq!(
        user(&host, &["stat", "--format=%F", "/run/user/1000/bus"]).trim(),
        "socket"
    );
    assert_eq!(
        root(&host, &["systemctl", "is-system-running", "--wait"]).trim(),
        "running"
    );
    assert_eq!(
        user(
            &host,
            &["systemctl", "--user", "is-system-running", "--wait"]
        )
        .trim(),
        "running"
    );
    assert_eq!(
        user(&host, &["podman", "--version"]).trim(),
        "podman version 5.4.2"
    );
    for device in ["/dev/fuse", "/dev/net/tun"] {
        user(&host, &["test", "-r", device, "-a", "-w", device]);
    }
    // A busy machine may be slower; that the boot does not wait for something in vain is what counts.
    assert!(
        host.boot_time() < Duration::from_secs(15),
        "{:?}",
        host.boot_time()
    );
}

#[test]
fn a_command_runs_as_whom_it_should_and_its_end_is_passed_on() {
    let host = boot();
    assert_eq!(user(&host, &["id", "-un"]).trim(), "archy");
    assert_eq!(user(&host, &["pwd"]).trim(), "/home/archy");
    assert_eq!(root(&host, &["id", "-un"]).trim(), "root");

    let failed = host
        .run_user(&["sh", "-c", "echo out; echo err >&2; exit 7"])
        .expect("a command that fails");
    assert_eq!(
        (
            failed.status,
            failed.stdout.as_str(),
            failed.stderr.as_str()
        ),
        (7, "out\n", "err\n")
    );
    assert!(
        failed
            .checked()
            .expect_err("a failure")
            .to_string()
            .contains("err")
    );
    let killed = host
        .run_user(&["sh", "-c", "kill -KILL $$"])
        .expect("a command that is killed");
    assert_eq!(killed.status, 128 + 9);

    let echoed = host
        .run(Account::User, &["cat"], b"through a pipe")
        .and_then(Output::checked)
        .expect("input");
    assert_eq!(echoed, "through a pipe");
    let spawned = host
        .spawn_user(&["echo", "spawned"])
        .and_then(|child| Ok(child.wait_with_output()?))
        .expect("a child");
    assert_eq!(spawned.stdout, b"spawned\n");
}

#[test]
fn a_quadlet_unit_becomes_a_running_service_and_its_log_is_the_users_to_read() {
    let host = boot();
    let unit = format!(
        "[Container]\nImage={BUSYBOX}\nStopTimeout=1\nExec=sh -c \"echo said by the container; exec sleep 1000\"\n"
    );
    start_container(&host, "quiet", &unit);
    assert_eq!(
        user(&host, &["systemctl", "--user", "is-active", "quiet"]).trim(),
        "active"
    );
    assert_eq!(
        user(&host, &["podman", "ps", "--format={{.Names}}"]).trim(),
        "systemd-quiet"
    );
    eventually("the container's words in the user's journal", || {
        user(&host, &["journalctl", "--user", "--no-pager"]).contains("said by the container")
    });
    assert!(
        host.journal()
            .expect("the journal")
            .contains("said by the container")
    );
}

#[test]
fn the_nginx_image_serves_as_the_official_one_does_through_a_forwarded_port() {
    let host = boot();
    start_container(
        &host,
        "web",
        "[Container]\nImage=docker.io/library/nginx:stable\nPublishPort=127.0.0.1:8080:80\nStopTimeout=1\n",
    );
    let forward = host.forward(8080).expect("a forwarder");
    eventually("nginx to answer", || {
        get(&forward).contains("Welcome to nginx!")
    });
    assert!(
        user(&host, &["podman", "logs", "systemd-web"]).contains("\"GET / HTTP/1.1\" 200"),
        "the log is on standard output"
    );

    let ask = "exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
    let inside = host
        .network_command("bash")
        .expect("a shell")
        .args(["-c", ask])
        .output()
        .expect("a shell");
    assert!(
        String::from_utf8_lossy(&inside.stdout).contains("Welcome to nginx!"),
        "{inside:?}"
    );
}

#[test]
fn a_build_installs_a_debian_package_without_a_network() {
    let host = boot();
    let containerfile = b"FROM docker.io/library/debian:trixie-slim\n\
        RUN apt-get update && apt-get install -y --no-install-recommends litecoind && rm -rf /var/lib/apt/lists/*\n";
    host.run(
        Account::User,
        &[
            "podman",
            "build",
            "--quiet",
            "--tag=localhost/litecoin:1",
            "-",
        ],
        containerfile,
    )
    .and_then(Output::checked)
    .expect("a build");
    let version = user(
        &host,
        &[
            "podman",
            "run",
            "--rm",
            "localhost/litecoin:1",
            "litecoind",
            "--version",
        ],
    );
    assert!(version.starts_with("Litecoin Core"), "{version}");
}

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
        assert!(!seen.contains(&boot), "{how:?}: process 1 is another");
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
        "the soft one was orderly"
    );
}

/// When process 1 started, in clock ticks after the machine's own start.
fn boot_of(host: &Host) -> String {
    root(host, &["cut", "-d", " ", "-f22", "/proc/1/stat"])
}

#[test]
fn two_hosts_reach_each_other_by_a_cable_and_only_then() {
    let [first, second] = [boot(), boot()];
    let ping = |from: &Host, to: &str| {
        from.run_root(&["ping", "-c1", "-W2", to])
            .expect("ping")
            .success()
    };
    assert!(!ping(&first, "10.213.0.2"), "no network but its own");
    let link = link(&first, &second).expect("a cable");
    assert!(ping(&first, &link.second.to_string()));
    assert!(ping(&second, &link.first.to_string()));
    assert_ne!(
        root(&first, &["cat", "/etc/machine-id"]),
        root(&second, &["cat", "/etc/machine-id"])
    );
    // Each systemd minds its own processes, though both were started from here.
    assert_eq!(
        root(&first, &["systemctl", "is-system-running", "--wait"]).trim(),
        "running"
    );
    drop(second);
    assert_eq!(
        root(&first, &["systemctl", "is-system-running"]).trim(),
        "running"
    );
    assert_eq!(
        user(&first, &["systemctl", "--user", "is-system-running"]).trim(),
        "running"
    );
}

#[test]
fn an_image_goes_to_a_registry_and_comes_back() {
    let host = boot();
    let registry = host.registry(5000).expect("a registry");
    let reference = registry.push(BUSYBOX, "web:1").expect("a push");
    assert_eq!(reference, "127.0.0.1:5000/web:1");
    assert!(
        !host
            .run_user(&["podman", "pull", &reference])
            .expect("podman")
            .success(),
        "it speaks no TLS"
    );
    user(
        &host,
        &[
            "podman",
            "pull",
            "--quiet",
            "--tls-verify=false",
            &reference,
        ],
    );
    assert_eq!(
        user(
            &host,
            &["podman", "run", "--rm", &reference, "echo", "back"]
        )
        .trim(),
        "back"
    );
}

#[test]
fn what_is_copied_in_belongs_to_the_folder_it_lands_in() {
    let host = boot();
    let folder = Scratch::new("copy");
    fs::create_dir(folder.0.join("tree")).expect("a folder");
    fs::write(folder.0.join("tree/file"), "content").expect("a file");

    host.copy_in(&folder.0.join("tree"), "/home/archy/a/b")
        .expect("a copy under another name");
    assert_eq!(user(&host, &["cat", "/home/archy/a/b/file"]), "content");
    assert_eq!(
        user(
            &host,
            &[
                "stat",
                "--format=%U",
                "/home/archy/a",
                "/home/archy/a/b/file"
            ]
        ),
        "archy\narchy\n"
    );
    host.copy_in(&folder.0.join("tree/file"), "/usr/local")
        .expect("a copy into a folder");
    assert_eq!(
        root(&host, &["stat", "--format=%U", "/usr/local/file"]),
        "root\n"
    );

    fs::create_dir(folder.0.join("out")).expect("a folder");
    host.copy_out("/home/archy/a/b", &folder.0.join("out"))
        .expect("a copy out");
    assert_eq!(
        fs::read_to_string(folder.0.join("out/b/file")).expect("the file"),
        "content"
    );
    assert!(host.copy_out("/no/such/file", &folder.0).is_err());
}

/// One request as a browser would send it; what came back, or nothing.
fn get(forward: &testhost::Forward) -> String {
    let mut answer = String::new();
    if let Ok(mut connection) = TcpStream::connect(forward.address()) {
        let _refused = connection
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .and_then(|()| connection.read_to_string(&mut answer));
    }
    answer
}

/// A folder of this machine that goes with the test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("testhost-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone_with_the_machine = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_package_is_installed_without_a_network_and_needs_nothing_that_is_missing() {
    let host = boot();
    let scratch = Scratch::new("package");
    let folder = scratch.0.join("tree");
    fs::create_dir_all(folder.join("DEBIAN")).expect("a folder");
    fs::create_dir_all(folder.join("usr/bin")).expect("a folder");
    fs::write(folder.join("usr/bin/hello"), "#!/bin/sh\necho hello\n").expect("a program");
    let package = |depends: &str| {
        let control = format!(
            "Package: hello-test\nVersion: 1\nArchitecture: all\nMaintainer: test\nDepends: {depends}\nDescription: test\n"
        );
        fs::write(folder.join("DEBIAN/control"), control).expect("a control file");
        let made = scratch.0.join("hello.deb");
        let built = Command::new("dpkg-deb")
            .arg("--build")
            .arg(&folder)
            .arg(&made)
            .output()
            .expect("dpkg-deb");
        assert!(built.status.success(), "{built:?}");
        made
    };
    let refused = host
        .install_package(&package("no-such-package"))
        .expect_err("a missing dependency");
    assert!(
        format!("{refused:#}").contains("no-such-package"),
        "{refused:#}"
    );
    host.install_package(&package(
        "podman, systemd, dbus-user-session, uidmap, passt, netavark, aardvark-dns, libc6",
    ))
    .expect("an installation");
    assert!(user(&host, &["dpkg-query", "--show", "hello-test"]).contains('1'));
}

#[test]
fn a_name_is_used_once_and_an_unknown_one_is_refused_with_those_there_are() {
    let host = boot();
    let again = Host::boot(Options::named(host.name())).expect_err("a second host of the name");
    assert!(
        format!("{again:#}").contains("is there already"),
        "{again:#}"
    );
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

/// Run by the test below in a process of its own, and otherwise does nothing.
#[test]
fn child_that_is_ended_while_its_host_is_up() {
    if std::env::var_os("TESTHOST_CHILD").is_none() {
        return;
    }
    let host = boot();
    println!("\nbooted:{}", host.name());
    std::thread::park();
}

/// A process of its own with a host of its own, and the host's name.
fn child_with_a_host() -> (std::process::Child, String) {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "child_that_is_ended_while_its_host_is_up",
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
fn what_a_killed_process_left_is_swept_at_the_next_start() {
    let (mut child, name) = child_with_a_host();
    end(&child, rustix::process::Signal::KILL);
    child.wait().expect("its end");
    let _next = boot();
    // Whoever sweeps holds a lock until it is done, and booting waits for that lock.
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
