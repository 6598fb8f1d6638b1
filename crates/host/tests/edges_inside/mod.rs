//! A test that talks to systemd and Podman has to be where they are: the test program copies itself
//! into a fresh host and runs the one test there.

use std::path::PathBuf;

use testhost::{Account, Host, Options};

/// Tells the copy that it is in the host.
const INSIDE: &str = "EDGES_INSIDE";

/// Runs `inside` in a fresh host as `account`, after `prepare` outside. `test` is the test's path
/// in this program.
pub(crate) fn on_a_host(
    test: &str,
    account: Account,
    prepare: impl FnOnce(&Host),
    inside: impl Future<Output = ()>,
) {
    if std::env::var_os(INSIDE).is_some() {
        return tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(inside);
    }
    let program = std::env::current_exe().expect("this program's path");
    let host = Host::boot(Options::default()).expect("a host");
    prepare(&host);
    // In /usr/local, where root and the user can both run it.
    let copy = "/usr/local/edges-test";
    host.copy_in(&program, copy)
        .expect("the copy of this program");
    let run = [
        "env",
        &format!("{INSIDE}=1"),
        copy,
        "--exact",
        test,
        "--nocapture",
    ];
    // As a service: logind and polkit ask for a caller's control group, which a process entered
    // from outside lacks.
    let service = match account {
        Account::User => ["systemd-run", "--user", "--pipe", "--wait", "--quiet"],
        Account::Root => ["systemd-run", "--pipe", "--wait", "--quiet", "--"],
    };
    let output = host
        .run(account, &[&service[..], &run[..]].concat(), b"")
        .expect("a run in the host")
        .checked()
        .expect("the test passes in the host");
    assert!(
        output.contains("1 passed"),
        "no test of that name ran in the host: {output}"
    );
}

/// A file of the user's home folder; folders on its way are made.
pub(crate) fn write(path: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(std::env::var_os("HOME").expect("HOME")).join(path);
    let folder = path.parent().expect("a folder");
    std::fs::create_dir_all(folder).expect("its folder");
    std::fs::write(&path, text).expect("the file");
    path
}
