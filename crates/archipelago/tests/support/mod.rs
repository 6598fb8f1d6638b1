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

/// As [`host`], with the package of version 0.1.0: from the cache or built now, which fails in a
/// clone without its revision.
#[allow(
    dead_code,
    reason = "not every test program needs an earlier version of the package"
)]
pub(crate) fn host_of_0_1_0() -> Host {
    let package = build(&["--revision", REVISION_0_1_0]);
    let host = boot(Options::default());
    host.install_package(&package)
        .expect("the earlier package installs without a network");
    configure(host)
}

/// As [`host`], on a host that is up already.
pub(crate) fn set_up(host: Host) -> Host {
    configure(install(host))
}

fn configure(host: Host) -> Host {
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
        .get_or_init(|| {
            let given = std::env::var_os("ARCHIPELAGO_DEB");
            given.map_or_else(|| build(&["--profile", "dev"]), PathBuf::from)
        })
        .clone()
}

/// The last revision of version 0.1.0.
const REVISION_0_1_0: &str = "f776ce51b04925f2c44700d97a384759dacd5b06";

fn build(what: &[&str]) -> PathBuf {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["xtask", "deb"])
        .args(what)
        .current_dir(repository())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo");
    assert!(
        output.status.success(),
        "cargo xtask deb {} failed; standard error says why",
        what.join(" ")
    );
    let text = String::from_utf8(output.stdout).expect("a path in UTF-8");
    PathBuf::from(text.lines().last().expect("the path of the package"))
}

/// The repository, by cargo's variable at run time: the one at compile time may name another
/// checkout that shares the target folder.
pub(crate) fn repository() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    PathBuf::from(package).join("../..")
}
