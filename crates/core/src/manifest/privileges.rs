//! Keys that ask for more than every container has: capabilities, devices, a user namespace.
//!
//! A person must agree to them before the app is installed (`operation/grants.rs`). So each must be
//! something that can be named to a person; anything else is refused here.

use super::ManifestError;
use super::field::Field;

/// The capabilities of Linux (capabilities(7)), without `CAP_`.
const CAPABILITIES: [&str; 41] = [
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "SYSLOG",
    "WAKE_ALARM",
];

/// Modes with a user namespace of the container's own, or the one that all containers of the user
/// share (podman-run(1), `--userns`). With other modes a container joins another one's namespace.
const OWN_NAMESPACES: [&str; 5] = ["auto", "host", "keep-id", "nomap", "private"];

pub(super) fn capabilities(field: &Field<'_>) -> Result<Vec<String>, ManifestError> {
    let name = |item: &Field<'_>| {
        let text = item.text()?;
        let name = capability(&text);
        if name != "ALL" && !CAPABILITIES.contains(&name.as_str()) {
            return Err(item.error("Linux has no such capability; see capabilities(7)"));
        }
        Ok(text)
    };
    field.items()?.iter().map(name).collect()
}

/// A capability without `CAP_`, in capital letters.
#[must_use]
pub fn capability(text: &str) -> String {
    let name = text.to_ascii_uppercase();
    name.strip_prefix("CAP_").map(str::to_owned).unwrap_or(name)
}

pub(super) fn devices(field: &Field<'_>) -> Result<Vec<String>, ManifestError> {
    let device = |item: &Field<'_>| {
        let text = item.text()?;
        let is_named_by_driver = text.contains('/') && text.contains('=');
        if !text.starts_with('/') && !is_named_by_driver {
            return Err(item.error(
                "expected the path of a device, such as /dev/dri, or the name that its driver gives it, such as nvidia.com/gpu=all",
            ));
        }
        Ok(text)
    };
    field.items()?.iter().map(device).collect()
}

pub(super) fn user_namespace(field: &Field<'_>) -> Result<String, ManifestError> {
    let text = field.text()?;
    let mode = text.split(':').next().unwrap_or_default();
    if !OWN_NAMESPACES.contains(&mode) {
        return Err(field.error(
            "this mode is not supported, because a container may not join the namespace of another; the modes are auto, host, keep-id, nomap and private",
        ));
    }
    Ok(text)
}
