//! The Debian 13 root that every host is an overlay over: built once, then only read.
//!
//! It holds what a user's machine has after `apt-get install podman` and the account `archy` of a person who lets
//! services run without being logged in. Archipelago itself is not in it: a host gets that as a package, as a person
//! would. All package dependencies are, because a host has no network.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::debian::{Root, Variant};
use crate::{cache, peers};

const PACKAGES: &[&str] = &[
    "systemd",
    "systemd-sysv",
    "dbus",
    "dbus-user-session",
    "libpam-systemd",
    "podman",
    "crun",
    "passt",
    "netavark",
    "aardvark-dns",
    "uidmap",
    "fuse-overlayfs",
    "nftables",
    "catatonit",
    "iproute2",
    "iputils-ping",
    "curl",
    "ca-certificates",
    "procps",
    "sudo",
    "jq",
    "bats",
    "busybox-static",
    "docker-registry",
];

/// Turns a Debian root into a user's machine.
const SCRIPT: &str = include_str!("rootfs/customize.sh");

/// The finished root in the cache, built now if it is not there (about half a minute).
pub(crate) fn ensure() -> Result<PathBuf> {
    build("root", PACKAGES.to_vec())
}

/// As [`ensure`], with the packages of [`peers`].
pub(crate) fn ensure_with_peers() -> Result<PathBuf> {
    build("peers-root", [PACKAGES, peers::PACKAGES].concat())
}

fn build(kind: &str, packages: Vec<&str>) -> Result<PathBuf> {
    let root = Root {
        variant: Variant::Minimal,
        packages: &packages,
        script: SCRIPT,
    };
    cache::artifact(kind, &root.recipe(), |target: &Path| {
        eprintln!("building the Debian root of the test hosts, once (about half a minute)");
        root.build(target)
    })
}
