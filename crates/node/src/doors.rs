//! The sockets at which the daemon answers, and whose processes may ask there.

use std::path::Path;

use archipelago_host::sockets;
use tokio::net::{TcpListener, UnixListener, UnixStream};

pub use archipelago_host::sockets::Error;

/// Listens on the daemon's port on 127.0.0.1, for everybody on this host.
///
/// # Errors
/// When it is taken, or the system refuses.
pub async fn loopback() -> Result<TcpListener, Error> {
    sockets::loopback().await
}

/// Listens on a socket for this user alone. Only the daemon may, because it replaces the socket
/// that is there.
///
/// # Errors
/// When something else has the path, or the system refuses.
pub fn private(path: &Path) -> Result<UnixListener, Error> {
    sockets::private(path)
}

/// Whether the process at the other end belongs to this user.
#[must_use]
pub fn is_own_user(stream: &UnixStream) -> bool {
    sockets::is_ours(stream)
}

/// Removes the socket, so that new clients see at once that nobody listens.
pub fn remove(path: &Path) {
    sockets::remove(path);
}
