//! The door for the daemon's own user: a socket in the runtime folder. It may show details.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use archipelago_core::health::Report;
use archipelago_core::pass::PodmanAnswer;
use archipelago_core::quadlet::VERSION;
use archipelago_node::doors;
use archipelago_node::handle::Handle;
use axum::extract::State;
use axum::routing::get;
use axum::serve::Listener;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};

use super::health::LastPass;

/// The content of `archipelago status --output json` as of the last pass, and the outcome of that
/// pass.
#[derive(Debug, Serialize)]
struct Status {
    version: &'static str,
    /// Whether this daemon has the port on the loopback. Another user's may.
    has_port: bool,
    last_pass: Option<LastPass>,
    /// Why Podman does not answer; null when it does, and while there is nothing to ask it.
    podman: Option<String>,
    #[serde(flatten)]
    report: Report,
}

#[derive(Clone)]
struct Source {
    handle: Handle,
    has_port: Arc<AtomicBool>,
}

pub(super) fn router(handle: Handle, has_port: Arc<AtomicBool>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/last-pass", get(last_pass))
        .with_state(Source { handle, has_port })
}

async fn status(State(source): State<Source>) -> Json<Status> {
    let made = source.handle.last();
    let pass = made.as_ref().and_then(|made| made.last_good.as_ref());
    let podman = pass.and_then(|pass| match &pass.podman {
        PodmanAnswer::Unreachable(cause) => Some(cause.to_string()),
        PodmanAnswer::Unasked | PodmanAnswer::Answered => None,
    });
    Json(Status {
        version: VERSION,
        has_port: source.has_port.load(Ordering::Relaxed),
        podman,
        last_pass: made.as_deref().map(LastPass::told),
        report: pass.map(|pass| pass.report.clone()).unwrap_or_default(),
    })
}

async fn last_pass(State(source): State<Source>) -> Json<Option<LastPass>> {
    Json(source.handle.last().as_deref().map(LastPass::told))
}

/// The connections of this user's processes; others are closed unheard. The mode of the socket
/// keeps them out as well.
pub(super) struct OwnUser(pub(super) UnixListener);

impl Listener for OwnUser {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.0).await;
            if doors::is_own_user(&stream) {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
