//! The addresses of this host on which somebody listens. No connection is opened to find out.
//!
//! TCP sockets come from `sock_diag(7)`. UDP sockets, and those of TCP where the kernel does not
//! answer that, come from `/proc/net/udp` and its like (`proc_pid_net(5)`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use archipelago_core::desired::{Desired, Transport};
use archipelago_core::observed::{Observed, Service};

use crate::sock_diag::tcp_listeners;

/// While nothing is missing, the sockets are listed only this often.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The state of a listening socket in `/proc/net/tcp`; UDP sockets are in [`UNCONNECTED`].
const LISTENS: &str = "0A";
const UNCONNECTED: &str = "07";

/// The last observation.
#[derive(Default)]
pub struct Listeners {
    /// When everything was listened on.
    complete_at: Option<Instant>,
}

impl Listeners {
    /// The published addresses on which nobody listens, by service; of services that are up.
    pub fn closed(
        &mut self,
        desired: &Desired,
        observed: &Observed,
    ) -> BTreeMap<String, BTreeSet<SocketAddr>> {
        let is_fresh = |at: Instant| at.elapsed() < LOOK_AGAIN;
        if self.complete_at.is_some_and(is_fresh) {
            return BTreeMap::new();
        }
        let published = published(desired, observed);
        let closed = if published.is_empty() {
            BTreeMap::new()
        } else {
            closed(&published, &Listening::now())
        };
        self.complete_at = closed.is_empty().then(Instant::now);
        closed
    }
}

type Published<'a> = BTreeMap<&'a str, &'a BTreeSet<(SocketAddr, Transport)>>;

fn published<'a>(desired: &'a Desired, observed: &Observed) -> Published<'a> {
    let is_up = |service: &str| observed.services.get(service).is_some_and(Service::is_up);
    let containers = desired
        .present()
        .filter(|(_, present)| present.running)
        .flat_map(|(_, present)| present.containers());
    containers
        .filter(|(unit, container)| !container.ports.is_empty() && is_up(&unit.service))
        .map(|(unit, container)| (unit.service.as_str(), &container.ports))
        .collect()
}

fn closed(
    published: &Published<'_>,
    listening: &Listening,
) -> BTreeMap<String, BTreeSet<SocketAddr>> {
    let of_service = |(service, ports): (&&str, &&BTreeSet<(SocketAddr, Transport)>)| {
        let closed: BTreeSet<SocketAddr> = ports
            .iter()
            .filter(|(address, transport)| !listening.has(*address, *transport))
            .map(|(address, _)| *address)
            .collect();
        (!closed.is_empty()).then(|| ((*service).to_owned(), closed))
    };
    published.iter().filter_map(of_service).collect()
}

/// The ports on which somebody listens, at whatever address.
#[must_use]
pub fn ports() -> BTreeSet<u16> {
    let Listening { tcp, udp } = Listening::now();
    let sockets = [tcp, udp].into_iter().flatten().flatten();
    sockets.map(|address| address.port()).collect()
}

/// All listening sockets; `None` of a transport when the kernel does not say.
struct Listening {
    tcp: Option<BTreeSet<SocketAddr>>,
    udp: Option<BTreeSet<SocketAddr>>,
}

impl Listening {
    fn now() -> Self {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/net/{name}")).ok();
        let both = |v4: &str, v6: &str, state: &str| {
            let mut found = sockets(&read(v4)?, state);
            // A kernel without IPv6 has no such file.
            found.extend(sockets(&read(v6).unwrap_or_default(), state));
            Some(found)
        };
        Self {
            tcp: tcp_listeners()
                .ok()
                .or_else(|| both("tcp", "tcp6", LISTENS)),
            udp: both("udp", "udp6", UNCONNECTED),
        }
    }

    /// Whether somebody listens on this address, or on all of the host's.
    fn has(&self, address: SocketAddr, transport: Transport) -> bool {
        let sockets = match transport {
            Transport::Tcp => &self.tcp,
            Transport::Udp => &self.udp,
        };
        let at = |ip: IpAddr| SocketAddr::new(ip, address.port());
        let anywhere = [
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ];
        sockets.as_ref().is_none_or(|sockets| {
            sockets.contains(&address) || anywhere.iter().any(|ip| sockets.contains(&at(*ip)))
        })
    }
}

/// Lines such as `0: 0100007F:1F91 00000000:0000 0A …`: number, own address, the other's, state.
fn sockets(table: &str, state: &str) -> BTreeSet<SocketAddr> {
    let lines = table.lines().map(|line| line.split_ascii_whitespace());
    lines
        .filter_map(|mut words| {
            let (own, _, found) = (words.nth(1)?, words.next()?, words.next()?);
            (found == state).then(|| address(own)).flatten()
        })
        .collect()
}

/// Each 32 bits of an address are written as a number of this machine.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = ip.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let ip = match ip.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let mut bytes = [0; 16];
            bytes.copy_from_slice(words.as_flattened());
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    fn check(
        listening: &Listening,
        published: &[(SocketAddr, Transport)],
        expected: &[SocketAddr],
    ) {
        let ports: BTreeSet<_> = published.iter().copied().collect();
        let published = BTreeMap::from([("archy-web.service", &ports)]);
        let closed = closed(&published, listening);
        let closed = closed.get("archy-web.service").cloned();
        let closed: Vec<SocketAddr> = closed.unwrap_or_default().into_iter().collect();
        assert_eq!(closed, expected);
    }

    #[test]
    fn what_is_listened_on_is_found() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
        let (tcp_at, udp_at) = (tcp.local_addr().unwrap(), udp.local_addr().unwrap());
        let port = everywhere.local_addr().unwrap().port();
        let published = [
            (tcp_at, Transport::Tcp),
            (udp_at, Transport::Udp),
            (SocketAddr::from(([127, 0, 0, 1], port)), Transport::Tcp),
        ];
        check(&Listening::now(), &published, &[]);
        // Nobody else can have the same port for the whole host.
        let beside = |address: SocketAddr| SocketAddr::from(([127, 0, 0, 2], address.port()));
        let published = [
            (beside(tcp_at), Transport::Tcp),
            (beside(udp_at), Transport::Udp),
        ];
        let mut closed = published.map(|(address, _)| address);
        closed.sort();
        check(&Listening::now(), &published, &closed);
    }

    #[test]
    fn ipv6_is_read_and_a_connection_is_no_listener() {
        let table = "  sl  local_address remote_address st\n\
             0: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 0\n\
             1: 0000000000000000FFFF00000100007F:1F92 00000000000000000000000000000000:0000 0A 0\n\
             2: 00000000000000000000000001000000:1F93 00000000000000000000000001000000:1F91 01 0\n";
        let expected: BTreeSet<SocketAddr> = ["[::1]:8081", "127.0.0.1:8082"]
            .map(|address| address.parse().unwrap())
            .into();
        if cfg!(target_endian = "little") {
            assert_eq!(sockets(table, LISTENS), expected);
        }
    }

    #[test]
    fn where_the_kernel_does_not_say_nothing_is_missed() {
        let unknown = Listening {
            tcp: None,
            udp: None,
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        check(&unknown, &[(address, Transport::Tcp)], &[]);
    }
}
