//! The lifecycle of the daemon: one per user, with an engine. It reports readiness to systemd.
//!
//! It supervises nothing. When it dies, systemd goes on with everything that it installed.

use archipelago_core::layout::Layout;
use archipelago_host::lock::Lock;
use archipelago_host::{disk, lock};
use sd_notify::NotifyState;

use crate::engine::{self, Role, Running};
use crate::handle::Handle;
use crate::heartbeat::notify;

/// Why the daemon cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another one runs.
    #[error(
        "another archipelago daemon of this user is running; see: systemctl --user status archipelago"
    )]
    Running,
    /// Its lock cannot be used.
    #[error(transparent)]
    Lock(#[from] lock::Error),
    /// No pass can be made.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// A folder cannot be made.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// The system does not say when the daemon is to end.
    #[error("listen for {0}")]
    Signal(&'static str, #[source] std::io::Error),
    /// The engine ended by itself.
    #[error("the thread that makes passes crashed; systemd starts the daemon again")]
    EngineEnded,
}

/// A daemon that runs.
#[derive(Debug)]
pub struct Daemon {
    _only_one: Lock,
    engine: Running,
}

impl Daemon {
    /// Begins to make passes.
    ///
    /// # Errors
    /// When another daemon of this user runs, or this one cannot begin.
    pub async fn begin(layout: Layout) -> Result<Self, Error> {
        let Some(only_one) = Lock::try_take(&layout.daemon_lock())? else {
            return Err(Error::Running);
        };
        disk::make_private(&layout.apps())?;
        disk::make_folder(&layout.units, 0o755)?;
        let engine = engine::spawn(layout, Role::Daemon).await?;
        notify(&[NotifyState::Ready]);
        Ok(Self {
            _only_one: only_one,
            engine,
        })
    }

    pub fn handle(&self) -> Handle {
        self.engine.handle.clone()
    }

    /// Makes no more passes.
    pub async fn end(self) {
        notify(&[NotifyState::Stopping]);
        self.engine.end().await;
    }
}
