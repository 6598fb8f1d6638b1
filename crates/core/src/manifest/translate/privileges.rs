//! Keys that ask for more than every container has: capabilities, devices, namespaces of the node,
//! less protection, annotations that the OCI runtime obeys.
//!
//! A person must agree to them before the app is installed (`operation/grants.rs`). So each must be
//! something that can be named to a person; anything else is refused here.

use std::collections::BTreeMap;

use compose::Trail;
use compose::model::{Device, DeviceRequest};

use super::Work;
use crate::manifest::annotation::{Obeyed, obeyed};
use crate::manifest::service::{Namespace, Service};

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

impl Work<'_, '_> {
    pub(super) fn capabilities(&mut self, source: &[String]) -> Vec<String> {
        for (index, text) in source.iter().enumerate() {
            let name = capability(text);
            if name != "ALL" && !CAPABILITIES.contains(&name.as_str()) {
                let at = self.trail.key("cap_add").item(index);
                let problem = "Linux has no such capability; see capabilities(7)";
                self.report.error(&at, problem);
            }
        }
        source.to_vec()
    }

    pub(super) fn annotations(
        &mut self,
        source: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        for key in source.keys() {
            if obeyed(key) == Some(Obeyed::Unknown) {
                self.report.error(
                    &self.trail.key("annotations").key(key),
                    "the OCI runtime may obey this annotation, and what it does then is not known here, so no app may have it; remove it",
                );
            }
        }
        source.clone()
    }

    pub(super) fn devices(&mut self, source: &[Device]) -> Vec<String> {
        for (index, device) in source.iter().enumerate() {
            let name = device.source.as_deref().unwrap_or_default();
            let is_named_by_driver = name.contains('/') && name.contains('=');
            if !name.starts_with('/') && !is_named_by_driver {
                self.report.error(
                    &self.trail.key("devices").item(index),
                    "expected the path of a device, such as /dev/dri, or the name that its driver gives it, such as nvidia.com/gpu=all",
                );
            }
        }
        source.iter().map(device).collect()
    }

    /// GPUs of NVIDIA, by the names that the NVIDIA Container Toolkit gives them (CDI).
    pub(super) fn gpus(&mut self, service: &mut Service, source: &[DeviceRequest], at: &Trail) {
        for (index, request) in source.iter().enumerate() {
            let DeviceRequest {
                capabilities: _,
                driver,
                count,
                device_ids,
                options: _,
                extensions: _,
            } = request;
            if !matches!(driver.as_deref(), None | Some("" | "nvidia" | "cdi")) {
                self.report.error(
                    &at.item(index),
                    "only GPUs of NVIDIA are known by name; name others under the service's `devices`, such as /dev/dri",
                );
                continue;
            }
            let count = usize::try_from(count.0).ok().filter(|count| *count > 0);
            let name = |id: &str| match driver.as_deref() {
                // Such an id is the full name of a device.
                Some("cdi") => id.to_owned(),
                _ => format!("nvidia.com/gpu={id}"),
            };
            let devices: Vec<String> = match (device_ids.as_slice(), count) {
                ([], None) => vec![name("all")],
                ([], Some(count)) => (0..count).map(|id| name(&id.to_string())).collect(),
                (ids, _) => ids.iter().map(|id| name(id)).collect(),
            };
            for device in devices {
                if !service.devices.contains(&device) {
                    service.devices.push(device);
                }
            }
        }
    }

    pub(super) fn user_namespace(&mut self, mode: Option<&str>) -> Option<String> {
        let text = mode?;
        let mode = text.split(':').next().unwrap_or_default();
        if !OWN_NAMESPACES.contains(&mode) {
            self.report.error(
                &self.trail.key("userns_mode"),
                "this mode is not supported, because a container may not join the namespace of another; the modes are auto, host, keep-id, nomap and private",
            );
        }
        Some(text.to_owned())
    }

    /// A namespace of the node instead of the container's own.
    pub(super) fn namespace(
        &mut self,
        service: &mut Service,
        key: &str,
        mode: Option<&str>,
        namespace: Namespace,
    ) {
        match mode {
            // A container has its own of each, as it would have without the key.
            None | Some("private" | "shareable") => {}
            Some("host") => {
                service.host_namespaces.insert(namespace);
            }
            Some(_) => self.report.error(
                &self.trail.key(key),
                "this mode is not supported; there is `host`, and without this key the container's own",
            ),
        }
    }

    pub(super) fn security(&mut self, service: &mut Service, options: &[String]) {
        for (index, text) in options.iter().enumerate() {
            let at = self.trail.key("security_opt").item(index);
            // Docker's older form has a colon where the newer one has an equals sign.
            let (name, value) = text.split_once(['=', ':']).unwrap_or((text, "true"));
            match (name, value) {
                ("no-new-privileges", "true") => service.no_new_privileges = true,
                ("no-new-privileges", "false") => service.no_new_privileges = false,
                ("label", "disable") => service.label_disable = true,
                ("seccomp", profile) if profile == "unconfined" || profile.starts_with('/') => {
                    service.seccomp = Some(profile.to_owned());
                }
                // Without root, Podman confines no container with AppArmor.
                ("apparmor", "unconfined") => {}
                _ => self.report.error(
                    &at,
                    "this option is not supported; there are no-new-privileges, label=disable, apparmor=unconfined and seccomp=unconfined or =/path",
                ),
            }
        }
    }
}

/// A capability without `CAP_`, in capital letters.
#[must_use]
pub fn capability(text: &str) -> String {
    let name = text.to_ascii_uppercase();
    name.strip_prefix("CAP_").map(str::to_owned).unwrap_or(name)
}

/// As short as it can be written.
fn device(device: &Device) -> String {
    let Device {
        source,
        target,
        permissions,
        extensions: _,
    } = device;
    let source = source.as_deref().unwrap_or_default();
    let target = target.as_deref().unwrap_or(source);
    match permissions.as_deref() {
        Some(permissions) if permissions != "rwm" => format!("{source}:{target}:{permissions}"),
        _ if source == target => source.to_owned(),
        _ => format!("{source}:{target}"),
    }
}
