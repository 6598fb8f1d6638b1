//! The Debian 13 root that every host is an overlay over: built once, then only read.
//!
//! It holds what a user's machine has after `apt-get install podman` and the account `archy` of a person who lets
//! services run without being logged in. Archipelago itself is not in it: a host gets that as a package, as a person
//! would. All package dependencies are, because a host has no network.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cache;
use crate::debian::{Root, Variant};

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

const ROOT: Root = Root {
    variant: Variant::Minimal,
    packages: PACKAGES,
    script: include_str!("rootfs/customize.sh"),
};

/// The finished root in the cache, built now if it is not there (about half a minute).
pub(crate) fn ensure() -> Result<PathBuf> {
    cache::artifact("root", &ROOT.recipe(), |target: &Path| {
        eprintln!("building the Debian root of the test hosts, once (about half a minute)");
        ROOT.build(target)
    })
}
