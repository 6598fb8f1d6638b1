//! Podman, and what it needs of the host.

use std::collections::BTreeSet;

use super::facts::{Api, DamagedImages, Network, ProgramError, Socket};
use super::judgement::{Check, Remedy, UserStep, failed, ok, warning};
use crate::observed::{Helper, Unreachable};

/// The oldest Podman whose Quadlet knows every unit that we write.
pub const PODMAN_OLDEST: (u32, u32) = (4, 9);

/// Podman before 5.0 starts rootless networks in another way, with which nothing here is tested.
const PODMAN_TESTED: (u32, u32) = (5, 0);

/// Below this Podman may not have a lock for all of the next apps: one app can have 40 services,
/// with as many volumes.
const FREE_LOCKS_GOOD: u32 = 200;

pub(super) fn judge_podman(podman: &Result<String, ProgramError>) -> Check {
    const INSTALL: &str = "install Podman 4.9 or newer (Debian 13 has it: sudo apt install podman)";
    let text = match podman {
        Err(problem) => {
            return failed(
                "podman",
                format!("Podman does not run: {problem}"),
                INSTALL,
                Remedy::Person,
            );
        }
        Ok(text) => text,
    };
    match podman_version(text) {
        None => failed(
            "podman",
            format!("instead of its version, Podman says {text:?}"),
            INSTALL,
            Remedy::Person,
        ),
        Some(version) if version < PODMAN_OLDEST => failed(
            "podman",
            format!(
                "Podman {}.{} is too old: its Quadlet lacks keys that are needed",
                version.0, version.1
            ),
            INSTALL,
            Remedy::Person,
        ),
        Some(version) if version < PODMAN_TESTED => warning(
            "podman",
            format!(
                "Podman {}.{} should work, but only 5.0 and newer are tested",
                version.0, version.1
            ),
            "upgrade Podman when the system has a newer one",
        ),
        Some(_) => ok("podman", text.trim()),
    }
}

/// Major and minor of a text such as `podman version 5.4.2` or `4.9.3-dev`.
#[must_use]
pub fn podman_version(text: &str) -> Option<(u32, u32)> {
    let version = text
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut parts = version.split(['.', '-', '+', '~']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

pub(super) fn judge_generator(there: bool) -> Check {
    if there {
        return ok("quadlet", "Podman's Quadlet generator is installed");
    }
    failed(
        "quadlet",
        "Podman with its Quadlet generator is not installed (podman 4.9 or newer)",
        "sudo apt install podman",
        Remedy::Person,
    )
}

pub(super) fn judge_socket(socket: Socket) -> Check {
    let Socket {
        listening,
        enabled,
        masked,
    } = socket;
    if masked {
        return failed(
            "podman-socket",
            "podman.socket is masked, so Podman's API cannot be asked",
            "systemctl --user unmask podman.socket, then: archipelago setup",
            Remedy::Person,
        );
    }
    let cure = "systemctl --user enable --now podman.socket (archipelago setup does it)";
    let remedy = Remedy::User(UserStep::Socket);
    if !listening {
        return failed(
            "podman-socket",
            "podman.socket is not running",
            cure,
            remedy,
        );
    }
    if enabled == Some(false) {
        return failed(
            "podman-socket",
            "podman.socket is running, but will not be after the next boot",
            cure,
            remedy,
        );
    }
    ok("podman-socket", "podman.socket is running")
}

pub(super) fn judge_api(api: &Result<Api, Unreachable>) -> Check {
    match api {
        Ok(Api {
            rootless: true,
            version,
        }) => ok(
            "podman-api",
            format!("Podman {version} answers, without root"),
        ),
        Ok(Api {
            rootless: false, ..
        }) => failed(
            "podman-api",
            "the Podman that answers runs as root",
            "unset CONTAINER_HOST and see that podman.socket is the user's: systemctl --user status podman.socket",
            Remedy::Person,
        ),
        Err(cause) => failed(
            "podman-api",
            format!("Podman's API does not answer: {cause}"),
            "systemctl --user status podman.service, podman info",
            Remedy::Person,
        ),
    }
}

/// A damaged image is fetched again when an app needs it. Missing parts of a layer return only
/// after the image is removed; an image that lost its name still breaks the list.
pub(super) fn judge_images(images: &Result<(), DamagedImages>) -> Check {
    let DamagedImages { cause, found } = match images {
        Ok(()) => return ok("images", "Podman can list its images"),
        Err(damaged) => damaged,
    };
    let (ids, named): (Vec<&str>, Vec<String>) = found
        .iter()
        .map(|(id, names)| {
            let names = names.join(", ");
            let named = if names.is_empty() {
                "without a name"
            } else {
                &names
            };
            let short: String = id.chars().take(12).collect();
            (id.as_str(), format!("{short} ({named})"))
        })
        .unzip();
    let damaged = if named.is_empty() {
        String::new()
    } else {
        format!("; damaged: {}", named.join(", "))
    };
    let remove = if ids.is_empty() {
        "podman rmi --force ID, for each ID that podman image inspect fails for".to_owned()
    } else {
        format!("podman rmi --force {}", ids.join(" "))
    };
    failed(
        "images",
        format!("Podman cannot list its images: {cause}{damaged}"),
        format!(
            "{remove} (it ends the containers that run with it; images of apps are then fetched again)"
        ),
        Remedy::Person,
    )
}

/// The locks are made for one number at boot. With another one Podman then refuses every command,
/// also `podman stop`, so containers stop before; and without root also `podman system renumber`,
/// which should put that right (Podman's issue 16119), hence the reboot.
pub(super) fn judge_locks(free: u32) -> Check {
    const CURE: &str = "podman ps --all, podman pod ls and podman volume ls tell what has them. For more: \
        systemctl --user stop archipelago && systemctl --user stop 'archy-*', and podman stop --all; \
        then set num_locks (2048 when it is not set) under [engine] in ~/.config/containers/containers.conf, and reboot";
    let finding = format!("Podman has locks for {free} more containers, volumes and pods");
    match free {
        0 => failed("locks", finding, CURE, Remedy::Person),
        1..FREE_LOCKS_GOOD => warning("locks", finding, CURE),
        _ => ok("locks", finding),
    }
}

pub(super) fn judge_cgroup(two: bool) -> Check {
    if two {
        return ok("cgroups", "control groups are of version 2");
    }
    failed(
        "cgroups",
        "control groups are not of version 2 (/sys/fs/cgroup)",
        "remove systemd.unified_cgroup_hierarchy=0 and cgroup_no_v1 from the kernel's command line, and reboot",
        Remedy::Person,
    )
}

pub(super) fn judge_network(network: Network) -> Check {
    const CURE: &str = "sudo systemctl add-wants multi-user.target network-online.target && sudo systemctl start network-online.target";
    let Network {
        awaited,
        reached,
        wanted,
    } = network;
    match (awaited, reached, wanted) {
        (false, ..) => ok(
            "network-online",
            "this Podman does not wait for the network",
        ),
        (true, true, true) => ok("network-online", "network-online.target is reached at boot"),
        (true, true, false) => warning(
            "network-online",
            "nothing wants network-online.target: after the next boot the first app may wait 90 s for it",
            CURE,
        ),
        (true, false, _) => failed(
            "network-online",
            "network-online.target is not reached: the first start of an app waits 90 s for it (podman-user-wait-network-online.service)",
            CURE,
            Remedy::Root,
        ),
    }
}

pub(super) fn judge_helpers(gone: &BTreeSet<Helper>) -> Check {
    let Some(helper) = gone.first() else {
        return ok(
            "networks",
            "the processes that serve the containers' networks run",
        );
    };
    failed(
        "networks",
        helper.loss(),
        "podman network reload --all; Archipelago does it by itself, and archipelago status shows when that fails",
        Remedy::Person,
    )
}
