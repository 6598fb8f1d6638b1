//! Hosts with Archipelago, installed as a person would: `apt install` of the package, then its
//! setup.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use testhost::{Host, Options};

/// A fresh host with the package installed and set up for `archy`; its data folder is
/// `/var/lib/archipelago`.
#[allow(
    dead_code,
    reason = "not every test program needs a host that is set up"
)]
pub(crate) fn host() -> Host {
    set_up(boot(Options::default()))
}

/// As [`host`], with these options.
#[allow(dead_code, reason = "not every test program needs a special host")]
pub(crate) fn host_with(options: Options) -> Host {
    set_up(boot(options))
}

/// A fresh host with only the package installed.
#[allow(
    dead_code,
    reason = "not every test program needs a host that is not set up"
)]
pub(crate) fn installed() -> Host {
    install(boot(Options::default()))
}

/// As [`host`], on a host that is up already.
pub(crate) fn set_up(host: Host) -> Host {
    let host = install(host);
    run(&host, true, &["archipelago", "setup", "--for", "archy"]);
    run(&host, false, &["archipelago", "setup"]);
    host
}

fn boot(options: Options) -> Host {
    Host::boot(options).expect("a host")
}

fn install(host: Host) -> Host {
    host.install_package(&package())
        .expect("the package installs without a network");
    host
}

fn run(host: &Host, as_root: bool, command: &[&str]) {
    let output = if as_root {
        host.run_root(command)
    } else {
        host.run_user(command)
    };
    output
        .expect("a run in the host")
        .checked()
        .expect("the setup succeeds");
}

/// The package that `$ARCHIPELAGO_DEB` names. Without that variable it is built, once per test
/// program.
pub(crate) fn package() -> PathBuf {
    static PACKAGE: OnceLock<PathBuf> = OnceLock::new();
    PACKAGE
        .get_or_init(|| std::env::var_os("ARCHIPELAGO_DEB").map_or_else(build, PathBuf::from))
        .clone()
}

fn build() -> PathBuf {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["xtask", "deb", "--profile", "dev"])
        .current_dir(repository())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "cargo xtask deb failed");
    let text = String::from_utf8(output.stdout).expect("a path in UTF-8");
    PathBuf::from(text.lines().last().expect("the path of the package"))
}

/// The repository, by cargo's variable at run time: the one at compile time may name another
/// checkout that shares the target folder.
pub(crate) fn repository() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    PathBuf::from(package).join("../..")
}
