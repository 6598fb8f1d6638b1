//! The requirements on this machine: checked before anything is built, and installed where Debian
//! packages are missing.
//!
//! A machine that cannot run a host is refused at once, in one line, and not half a minute into a
//! build. Packages come from the machine's own sources only, and their names are printed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use crate::cache;

/// The commands that hosts need on this machine, each with its Debian package.
const COMMANDS: [(&str, &str); 10] = [
    ("mmdebstrap", "mmdebstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("setsid", "util-linux"),
    ("tar", "tar"),
    ("mkfs.ext4", "e2fsprogs"),
    // The package of Archipelago is made with these.
    ("strip", "binutils"),
    ("xz", "xz-utils"),
];

/// Files of the kernel that rootless containers need.
const FILES: [(&str, &str); 3] = [
    ("/dev/net/tun", "user-mode networking"),
    ("/proc/self/ns/user", "user namespaces"),
    ("/proc/self/ns/cgroup", "cgroup namespaces"),
];

/// Checks the machine and installs missing packages, once per process.
///
/// # Errors
/// When something is missing: one line that names it and the way to get it.
pub fn ensure() -> Result<()> {
    static CHECKED: OnceLock<()> = OnceLock::new();
    if CHECKED.get().is_some() {
        return Ok(());
    }
    check_root()?;
    check_kernel()?;
    ensure_commands(&COMMANDS)?;
    CHECKED.get_or_init(|| ());
    Ok(())
}

/// Checks that this process may make a host.
///
/// # Errors
/// When it does not run as root.
pub fn check_root() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!(
            "a test host needs root on this machine (mounts and namespaces): run this as root, for instance with sudo -E"
        );
    }
    Ok(())
}

fn check_kernel() -> Result<()> {
    let file_systems = fs::read_to_string("/proc/filesystems")
        .context("reading /proc/filesystems: is this Linux?")?;
    for needed in ["overlay", "cgroup2", "fuse", "tmpfs"] {
        let present = file_systems
            .lines()
            .any(|line| line.split_whitespace().next_back() == Some(needed));
        if !present && !load_module(needed) {
            bail!("this machine's kernel has no {needed} file system, which a test host needs");
        }
    }
    for (file, what) in FILES {
        if !Path::new(file).exists() {
            bail!(
                "{file} is missing: this machine's kernel gives no {what}, which rootless Podman needs"
            );
        }
    }
    crate::nspawn::unified_hierarchy()?;
    Ok(())
}

/// Loads the module of a file system: a kernel with modules lists it in /proc/filesystems only
/// then.
fn load_module(name: &str) -> bool {
    Command::new("modprobe")
        .arg(name)
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Installs the Debian packages of commands that this machine lacks: pairs of command and package.
///
/// # Errors
/// When there is no apt-get, or it lacks a package.
pub fn ensure_commands(commands: &[(&'static str, &'static str)]) -> Result<()> {
    if missing_packages(commands).is_empty() {
        return Ok(());
    }
    // Two runs at once install a package once. `apt-get update` does not wait for another one.
    let folder = cache::folder()?;
    fs::create_dir_all(&folder)
        .with_context(|| format!("making the cache folder {}", folder.display()))?;
    let _lock = cache::lock(&folder.join("prerequisites.lock"))?;
    let packages = missing_packages(commands);
    if packages.is_empty() {
        return Ok(());
    }
    if !is_installed("apt-get") {
        bail!(
            "missing on this machine: {}. They are installed with apt-get, which is missing too: install the commands {} yourself",
            packages.join(", "),
            commands
                .iter()
                .map(|(command, _)| *command)
                .filter(|command| !is_installed(command))
                .collect::<Vec<_>>()
                .join(", "),
        );
    }
    eprintln!(
        "installing on this machine with apt-get: {}",
        packages.join(" ")
    );
    apt_get(&["update"])?;
    apt_get(
        &[
            &["install", "--yes", "--no-install-recommends"],
            packages.as_slice(),
        ]
        .concat(),
    )
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let output = Command::new("apt-get")
        .args(["-o", "DPkg::Lock::Timeout=300", "--quiet=2"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .context("running apt-get")?;
    if !output.status.success() {
        bail!(
            "apt-get {} failed:\n{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

fn missing_packages(commands: &[(&'static str, &'static str)]) -> Vec<&'static str> {
    let mut packages: Vec<&str> = commands
        .iter()
        .filter(|(command, _)| !is_installed(command))
        .map(|(_, package)| *package)
        .collect();
    packages.dedup();
    packages
}

fn is_installed(command: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(command).is_file())
    })
}
