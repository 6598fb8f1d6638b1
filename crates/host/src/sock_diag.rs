//! The TCP sockets that listen, asked of the kernel over netlink (`sock_diag(7)`).
//!
//! `/proc/net/tcp` names them too, but the kernel walks through its table of all connections for
//! that, twice. The table has a place per 128 KiB of memory, whether or not there are connections:
//! on a machine with 24 GB, reading both files takes 10 ms.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr as NetlinkAddress};

/// The number of datagrams that one answer may have: some hundred sockets each.
const DATAGRAMS_MAX: usize = 1_000;

/// The addresses of the TCP sockets that listen.
///
/// # Errors
/// When the kernel does not answer: it is built without `tcp_diag`, or a sandbox forbids netlink.
pub(crate) fn tcp_listeners() -> io::Result<BTreeSet<SocketAddr>> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&NetlinkAddress::new(0, 0))?;
    let mut found = BTreeSet::new();
    for (family, id) in [
        (AF_INET, SocketId::new_v4()),
        (AF_INET6, SocketId::new_v6()),
    ] {
        socket.send(&request(family, id), 0)?;
        receive(&socket, &mut found)?;
    }
    Ok(found)
}

fn request(family: u8, socket_id: SocketId) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let request = InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::LISTEN,
        socket_id,
    };
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// Reads one answer up to its end.
fn receive(socket: &Socket, found: &mut BTreeSet<SocketAddr>) -> io::Result<()> {
    for _ in 0..DATAGRAMS_MAX {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(()),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                    let own = &response.header.socket_id;
                    let ip = own.source_address.to_canonical();
                    found.insert(SocketAddr::new(ip, own.source_port));
                }
                _ => {}
            }
            // Messages begin at multiples of four bytes.
            let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
            let next = length.next_multiple_of(4).clamp(4, rest.len());
            rest = rest.get(next..).unwrap_or_default();
        }
    }
    Err(io::Error::other("the kernel's answer does not end"))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn listeners_are_found_and_connections_are_not() {
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let v6 = TcpListener::bind("[::1]:0").unwrap();
        let connection = TcpStream::connect(v4.local_addr().unwrap()).unwrap();
        let found = tcp_listeners().unwrap();
        assert!(found.contains(&v4.local_addr().unwrap()), "{found:?}");
        assert!(found.contains(&v6.local_addr().unwrap()), "{found:?}");
        assert!(!found.contains(&connection.local_addr().unwrap()));
        drop(v4);
        drop(v6);
    }
}
