//! Observations of the host before an app is installed. They change nothing and keep no port.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use archipelago_core::check::Facts;
use archipelago_core::desired::{Desired, Transport};
use archipelago_core::layout::Layout;
use archipelago_core::operation::{Installation, PortProblem, Preflight};

use super::offers::{self, Which};
use super::podman::Podman;
use super::systemd::Systemd;
use super::{disk, facts, observe};

/// The facts of the host that every installation needs. Only for a new app a process is started:
/// `podman --version`.
pub async fn facts(layout: &Layout, is_new: bool) -> Facts {
    let mut known = facts::passive(layout);
    if is_new {
        // Its service is asked next, and wakes meanwhile. If it does not, the question itself tells
        // why.
        let podman = Podman::for_this_user();
        let (version, _) = tokio::join!(facts::podman_version(), podman.version());
        known.podman = Some(version);
    }
    known
}

/// Observes the host for an app that is to be installed or changed. Podman, and the registries
/// through it, are asked only for a new app and for new images.
///
/// # Errors
/// When the disk cannot be read.
pub async fn observe(layout: &Layout, app: &Installation) -> Result<Preflight, observe::Error> {
    let desired = Desired::of_one(layout, &app.app, &app.present);
    let podman = app.asks_podman().then(Podman::for_this_user);
    let names = observe::names(&desired, podman.as_ref()).await?;
    let systemd = Systemd::connect().await?;
    let mut offers = offers::observe(&desired, &names, &systemd, Which::All).await;
    if let (Some(podman), Some(view)) = (&podman, names.podman_view()) {
        offers.registry_images = offers::registry(podman, app.images_to_get(view)).await;
    }
    Ok(Preflight {
        offers,
        names,
        ports: unusable(&app.new_ports),
        free_mib: free_mib(layout),
        memory_available_mib: memory_available_mib(),
    })
}

fn unusable(
    ports: &BTreeSet<(SocketAddr, Transport)>,
) -> BTreeMap<(SocketAddr, Transport), PortProblem> {
    let problem = |(address, transport): &(SocketAddr, Transport)| {
        let bound = match transport {
            Transport::Tcp => TcpListener::bind(address).map(drop),
            Transport::Udp => UdpSocket::bind(address).map(drop),
        };
        let problem = match bound {
            Ok(()) => return None,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => PortProblem::InUse,
            Err(error) => PortProblem::Refused(error.to_string()),
        };
        Some(((*address, *transport), problem))
    };
    ports.iter().filter_map(problem).collect()
}

/// The free space on the data folder's file system.
#[must_use]
pub fn free_mib(layout: &Layout) -> Option<u64> {
    // The folder may not have been made yet.
    let there = disk::nearest(&layout.data).ok()??;
    let stat = rustix::fs::statvfs(there).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize) >> 20)
}

/// As the kernel estimates it (proc_meminfo(5)).
fn memory_available_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let mut lines = text.lines();
    let kib = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib = kib.trim().strip_suffix("kB")?.trim_end();
    Some(kib.parse::<u64>().ok()? >> 10)
}
