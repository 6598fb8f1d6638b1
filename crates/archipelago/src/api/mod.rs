//! The daemon's doors: `GET /health` on the loopback, for anybody on this host, and details on a
//! socket for its own user.
//!
//! They run on the main thread and only read what the engine published: nothing that happens at a
//! door holds up a pass. A door that cannot be opened is tried again; the daemon goes on without
//! it.

mod connections;
mod health;
mod loopback;
mod private;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use archipelago_core::config::PORT;
use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_node::daemon::{Daemon, Error};
use archipelago_node::doors;
use archipelago_node::handle::Handle;
use axum::serve::Listener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

/// The first wait before a door that could not be opened is tried again; it doubles up to the
/// longest.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LONGEST: Duration = Duration::from_secs(30);

/// Runs the daemon until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot begin, or its engine ended by itself.
pub async fn run(layout: Layout) -> Result<(), Error> {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| Error::Signal("SIGTERM", error))?;
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(|error| Error::Signal("SIGINT", error))?;
    let socket = layout.api_socket();
    let daemon = Daemon::begin(layout).await?;
    let handle = daemon.handle();
    info!("started; status socket at {}", socket.display());
    let result = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        () = handle.ended() => Err(Error::EngineEnded),
        () = serve(&handle, socket.clone()) => Ok(()),
    };
    doors::remove(&socket);
    daemon.end().await;
    info!("stopped; the installed apps keep running");
    result
}

/// Serves both doors for ever.
async fn serve(handle: &Handle, socket: PathBuf) {
    let has_port = Arc::new(AtomicBool::new(false));
    let loopback = async {
        let listener = open(async || doors::loopback().await).await;
        has_port.store(true, Ordering::Relaxed);
        info!("health on http://127.0.0.1:{PORT}/health");
        connections::serve(listener, loopback::router(handle.clone())).await;
    };
    let private = async {
        let listener = open(async || doors::private(&socket)).await;
        let router = private::router(handle.clone(), Arc::clone(&has_port));
        connections::serve(private::OwnUser(listener), router).await;
    };
    tokio::join!(loopback, private);
}

/// Opens a door, however often that must be tried.
async fn open<Door: Listener>(mut listen: impl AsyncFnMut() -> Result<Door, doors::Error>) -> Door {
    let mut wait = RETRY_FIRST;
    let mut told = String::new();
    loop {
        match listen().await {
            Ok(door) => return door,
            Err(error) => {
                let cause = chain(&error);
                if cause != told {
                    warn!("{cause}; the daemon keeps repairing and opens it again later");
                    told = cause;
                }
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY_LONGEST);
    }
}
