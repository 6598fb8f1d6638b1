//! Throw-away Debian hosts for tests and for trying things out: systemd as process 1, a lingering
//! user `archy` with its own service manager, and rootless Podman with its real Quadlet generator.
//! A host boots in about two seconds.
//!
//! From nothing to a host: [`prerequisites`] checks the machine, [`cache`] finds the files that
//! were built before, `rootfs` and `images` build the missing ones, and [`Host::boot`] boots. A
//! host is an overlay over the cached root, run by `systemd-nspawn`. Its only network is its own
//! loopback.
//!
//! This crate is for developers only. It runs on Linux as root, with Debian's package manager, and
//! never touches a process, a mount or a folder that it did not make itself.

pub mod cache;
pub mod daemons;
pub mod peers;
pub mod prerequisites;

mod boot;
mod debian;
mod discard;
mod enter;
mod forward;
mod host;
mod images;
mod kept_journal;
mod mounts;
mod network;
mod nspawn;
mod options;
mod prepare;
mod process;
mod record;
mod registry;
mod rootfs;
mod signals;
mod transfer;
mod wait;

pub use boot::Reboot;
pub use debian::Suite;
pub use enter::{Account, Output};
pub use forward::Forward;
pub use host::Host;
pub use network::{Link, link};
pub use options::Options;
pub use prepare::{Prepared, prepare, prepare_for, prepare_with_bitcoin, prepare_with_peers};
pub use record::{Listed, list};
pub use registry::Registry;
