//! Starting the `systemd-nspawn` of a host and waiting until the user's service manager is ready.
//!
//! Each flag is needed. Its comment says what fails without it.

use std::fs::{self, File};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::Identity;
use crate::wait;

/// A boot takes two seconds on an idle machine. The bound is for a slow one that compiles
/// meanwhile, or stands still for minutes as a guest of a busy one.
const BOOT_BOUND: Duration = Duration::from_secs(300);

/// The cgroup that holds the cgroups of all hosts.
const GROUP: &str = "archipelago-testhost";

/// Boots the root that is mounted at `root` and returns process 1 of the host, a child of the
/// `systemd-nspawn` process. `started` is called with the latter at once. `console` gets the output
/// of nspawn and systemd.
pub(crate) fn start(
    name: &str,
    root: &Path,
    console: &Path,
    started: impl FnOnce(Identity) -> Result<()>,
) -> Result<Identity> {
    let group = cgroup(name)?;
    fs::create_dir_all(&group).with_context(|| format!("making the cgroup {}", group.display()))?;
    let log = File::create(console).with_context(|| format!("writing {}", console.display()))?;
    let child = Command::new("setsid")
        // Two nspawns in one cgroup would share the cgroup of the payload, and each systemd would
        // take the services of the other for its own.
        .args([
            "sh",
            "-c",
            "echo 0 >\"$1/cgroup.procs\" && shift && exec \"$@\"",
            "sh",
        ])
        .arg(&group)
        .args(["systemd-nspawn", "--boot", "--directory"])
        .arg(root)
        .arg(format!("--machine={name}"))
        // The machine may have no systemd to register with.
        .args(["--register=no", "--keep-unit"])
        .args([
            "--private-users=no",
            "--private-network",
            "--resolv-conf=off",
            "--link-journal=no",
        ])
        .arg("--capability=all")
        // Without the keyring calls crun fails with `create keyring: Operation not permitted`.
        .arg("--system-call-filter=add_key keyctl request_key bpf")
        .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
        // Without this crun and netavark fail on a read-only /proc/sys.
        .env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "1")
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("sharing the console log")?)
        .stderr(log)
        .spawn()
        .context("starting systemd-nspawn")?;
    let pid =
        i32::try_from(child.id()).context("a process number beyond the kernel's own limit")?;
    let nspawn = Identity::of(pid).context("systemd-nspawn ended at once")?;
    started(nspawn)?;
    wait_until_ready(nspawn, console)
}

/// A host is ready when the user's bus exists. Devices and the loopback are ready long before.
fn wait_until_ready(nspawn: Identity, console: &Path) -> Result<Identity> {
    wait::until("the user's bus of the host", BOOT_BOUND, || {
        if !nspawn.is_alive() {
            bail!("systemd-nspawn ended while it booted the host");
        }
        Ok(nspawn.children().into_iter().find(|child| {
            fs::metadata(format!("/proc/{}/root/run/user/1000/bus", child.pid))
                .is_ok_and(|bus| bus.file_type().is_socket())
        }))
    })
    .with_context(|| format!("the console's last lines:\n{}", tail(console)))
}

/// The cgroup above all processes of a host.
pub(crate) fn cgroup(name: &str) -> Result<PathBuf> {
    Ok(unified_hierarchy()?.join(GROUP).join(name))
}

/// The mount point of the machine's cgroup version 2.
pub(crate) fn unified_hierarchy() -> Result<PathBuf> {
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        .into_iter()
        .map(PathBuf::from)
        .find(|folder| folder.join("cgroup.procs").exists() && folder.join("cgroup.controllers").exists())
        .context("no cgroup version 2 hierarchy at /sys/fs/cgroup or /sys/fs/cgroup/unified: systemd in a host needs one")
}

/// Ends every process of the host and removes its cgroups, if they still exist.
pub(crate) fn end(name: &str) -> Result<()> {
    let unified = cgroup(name)?;
    if unified.exists() {
        fs::write(unified.join("cgroup.kill"), "1")
            .with_context(|| format!("ending the processes in {}", unified.display()))?;
    }
    // On a machine with both versions of cgroups, nspawn also makes these names in systemd's own
    // hierarchy.
    for group in [
        unified,
        Path::new("/sys/fs/cgroup/systemd").join(GROUP).join(name),
    ] {
        wait::until(
            &format!("the processes in {} to end", group.display()),
            BOOT_BOUND,
            || Ok(remove_cgroup(&group).then_some(())),
        )?;
    }
    Ok(())
}

/// Removes a cgroup and those below it. False while a process still runs in one.
fn remove_cgroup(group: &Path) -> bool {
    if let Ok(entries) = fs::read_dir(group) {
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove_cgroup(&entry.path());
            }
        }
    }
    fs::remove_dir(group).is_ok() || !group.exists()
}

fn tail(console: &Path) -> String {
    let text = fs::read(console)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(20)..)
        .unwrap_or_default()
        .join("\n")
}
