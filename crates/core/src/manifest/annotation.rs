//! The annotations that the OCI runtime or Podman obey. All others have no effect.

/// Beginnings of the annotations that the OCI runtime or Podman obey (crun(1)).
const OBEYED: [&str; 5] = [
    "io.kubernetes.",
    "io.podman.",
    "org.criu.",
    OF_SYSTEMD,
    OF_CRUN,
];

const OF_SYSTEMD: &str = "org.systemd.";
const OF_CRUN: &str = "run.oci.";

/// Annotations of crun(1) that give no right on the host. They refuse more system calls, set the
/// clocks or the labels of the container, or say how its control group ends.
const HARMLESS: [&str; 5] = [
    "org.systemd.property.CollectMode",
    "org.systemd.property.TimeoutStopUSec",
    "run.oci.mount_context_type",
    "run.oci.seccomp_fail_unknown_syscall",
    "run.oci.timens_offset",
];

/// Annotations of crun(1) whose effect can be told to a person. The others open files and sockets
/// of the host, load libraries into the runtime, or hand it a filter for system calls.
const BY_CONSENT: [&str; 2] = ["run.oci.handler", "run.oci.keep_original_groups"];

/// The effect of an annotation that is obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obeyed {
    /// It gives no right on the host.
    Harmless,
    /// A person must agree to it.
    ByConsent,
    /// Its effect is not known. No app may have it.
    Unknown,
}

/// The effect of the annotation with this key; `None` when it has none.
pub(crate) fn obeyed(key: &str) -> Option<Obeyed> {
    if !OBEYED.iter().any(|start| key.starts_with(start)) {
        return None;
    }
    let is_named = [OF_SYSTEMD, OF_CRUN]
        .iter()
        .any(|start| key.starts_with(start));
    Some(match key {
        _ if HARMLESS.contains(&key) => Obeyed::Harmless,
        _ if is_named && !BY_CONSENT.contains(&key) => Obeyed::Unknown,
        _ => Obeyed::ByConsent,
    })
}
