//! Sockets on which the daemon is asked, and the question itself: the port on the loopback for
//! everybody on this host, and a socket in the runtime folder for this user alone.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use archipelago_core::config::PORT;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// The longest answer that is read from the daemon: far above the status of a thousand apps.
const ANSWER_MAX: usize = 16 << 20;

/// A socket that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port belongs to another program.
    #[error(
        "port {PORT} on 127.0.0.1 is taken by another program; see: ss -ltnp 'sport = :{PORT}'"
    )]
    Taken,
    /// Something that is no socket has the path.
    #[error("{} is no socket and not Archipelago's; move it away", .0.display())]
    Foreign(PathBuf),
    /// The system refuses.
    #[error("listen on {address}")]
    Refused {
        /// A port's address or a path.
        address: String,
        #[source]
        source: io::Error,
    },
}

/// Listens on the daemon's port.
///
/// # Errors
/// When it is taken, or the system refuses.
pub async fn loopback() -> Result<TcpListener, Error> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => Error::Taken,
        _ => Error::Refused {
            address: address.to_string(),
            source,
        },
    })
}

/// Listens on a socket for this user alone. One that an earlier daemon left is replaced in one
/// step, so that it is never away; only who holds the daemon's lock may call this.
///
/// # Errors
/// When something else has the path, or the system refuses.
pub fn private(path: &Path) -> Result<UnixListener, Error> {
    let refused = |source| Error::Refused {
        address: path.display().to_string(),
        source,
    };
    let new = path.with_extension("new");
    for place in [path, &new] {
        match fs::symlink_metadata(place) {
            Ok(found) if found.file_type().is_socket() => {}
            Ok(_) => return Err(Error::Foreign(place.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(refused(error)),
        }
        if place == new {
            fs::remove_file(place).map_err(refused)?;
        }
    }
    let listener = UnixListener::bind(&new).map_err(refused)?;
    // Nobody knows the name yet under which it is open to others for a moment, and the folder is
    // this user's alone.
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600))
        .and_then(|()| fs::rename(&new, path))
        .map_err(refused)?;
    Ok(listener)
}

/// Removes a socket, so that new clients see at once that nobody listens. If it stays, the next
/// daemon replaces it.
pub fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Whether the process at the other end belongs to this user.
pub fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own)
}

/// Asks the daemon of this user over its socket: `GET` of a path, answered with JSON. `None` when
/// nobody answers within the limit.
pub async fn ask(socket: &Path, path: &str, limit: Duration) -> Option<serde_json::Value> {
    let answer = tokio::time::timeout(limit, fetch(socket, path)).await;
    answer.ok()?.ok()
}

async fn fetch(
    socket: &Path,
    path: &str,
) -> Result<serde_json::Value, Box<dyn std::error::Error + Send + Sync>> {
    // Another user's daemon says nothing of this user's apps.
    let own = rustix::process::geteuid().as_raw();
    if fs::symlink_metadata(socket)?.uid() != own {
        return Err("the socket is another user's".into());
    }
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = hyper::Request::get(path)
        .header("host", "localhost")
        .header("connection", "close")
        .body(Empty::<Bytes>::new())?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    if !response.status().is_success() {
        return Err("it was refused".into());
    }
    let body = Limited::new(response.into_body(), ANSWER_MAX);
    let body = body.collect().await?.to_bytes();
    driver.abort();
    Ok(serde_json::from_slice(&body)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk;

    #[tokio::test]
    async fn a_socket_that_a_dead_daemon_left_is_replaced_and_nothing_else_is() {
        let folder =
            std::env::temp_dir().join(format!("archipelago-sockets-{}", std::process::id()));
        disk::make_folder(&folder, 0o700).unwrap();
        let path = folder.join("api.sock");
        let first = private(&path).unwrap();
        assert_eq!(disk::mode(&path), Some(0o600));
        drop(first);
        // And one that was killed before the rename.
        drop(UnixListener::bind(folder.join("api.new")).unwrap());
        let second = private(&path).unwrap();
        let (ours, theirs) = tokio::join!(UnixStream::connect(&path), second.accept());
        assert!(is_ours(&ours.unwrap()) && is_ours(&theirs.unwrap().0));
        assert_eq!(disk::names(&folder).unwrap(), ["api.sock"]);
        drop(second);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "a person's").unwrap();
        assert!(matches!(private(&path), Err(Error::Foreign(_))));
        assert_eq!(fs::read(&path).unwrap(), b"a person's");
        disk::remove_folder(&folder).unwrap();
    }
}
