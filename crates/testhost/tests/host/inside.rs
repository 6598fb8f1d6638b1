//! The inside of a host: the two service managers, commands, containers, builds.

use std::time::Duration;

use testhost::{Account, Host, Options, Output, Suite};

use crate::{BUSYBOX, boot, eventually, root, start_container, user};

#[test]
fn a_host_boots_into_a_system_without_failures() {
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
    // A boot takes two seconds on an idle machine. Other hosts boot at the same time here, so the
    // bound only shows that no unit waits until its timeout of 90 s.
    assert!(
        host.boot_time() < Duration::from_secs(60),
        "{:?}",
        host.boot_time()
    );
}

#[test]
fn a_host_of_debian_testing_boots_and_runs_the_images_that_debian_13_prepared() {
    let host = Host::boot(Options::default().suite(Suite::Forky)).expect("a host");
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
        user(&host, &["podman", "run", "--rm", BUSYBOX, "echo", "hello"]),
        "hello\n"
    );
}

#[test]
fn a_command_runs_as_the_given_account_and_its_exit_status_is_returned() {
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
fn a_quadlet_unit_becomes_a_running_service_and_the_user_can_read_its_log() {
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
