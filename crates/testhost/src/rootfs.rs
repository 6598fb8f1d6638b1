//! The Debian root under the overlay of every host: built once, then only read.
//!
//! The root holds the files of a machine after `apt-get install podman`, and the account `archy`,
//! whose services run without a login. Archipelago is not in it: a host gets it as a package, as a
//! person installs it. All dependencies of that package are in the root, because a host has no
//! network.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::debian::{Root, Suite, Variant};
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
    "git",
    "ca-certificates",
    "procps",
    "sudo",
    "jq",
    "bats",
    "busybox-static",
    "docker-registry",
];

/// Turns a root of Debian 13 into a user's machine.
const TRIXIE: &str = include_str!("rootfs/customize.sh");

/// As [`TRIXIE`], for Debian testing.
const FORKY: &str = concat!(
    include_str!("rootfs/customize.sh"),
    include_str!("rootfs/forky.sh")
);

/// The finished root in the cache, built now if it is not there (about a minute).
pub(crate) fn ensure(suite: Suite) -> Result<PathBuf> {
    build(suite, "root", PACKAGES.to_vec())
}

/// As [`ensure`], with the packages of [`peers`].
pub(crate) fn ensure_with_peers(suite: Suite) -> Result<PathBuf> {
    build(suite, "peers-root", [PACKAGES, peers::PACKAGES].concat())
}

fn build(suite: Suite, kind: &str, packages: Vec<&str>) -> Result<PathBuf> {
    let root = Root {
        suite,
        variant: Variant::Minimal,
        packages: &packages,
        script: match suite {
            Suite::Trixie => TRIXIE,
            Suite::Forky => FORKY,
        },
    };
    cache::artifact(kind, &root.recipe(), |target: &Path| {
        let name = suite.name();
        eprintln!("building the root of the test hosts from Debian {name}, once (about a minute)");
        root.build(target)
    })
}
