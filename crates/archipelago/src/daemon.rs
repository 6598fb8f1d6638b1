//! The daemon: passes for as long as it lives, and `GET /health` on the loopback.
//!
//! It supervises nothing. When it dies, systemd goes on with everything that it installed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use archipelago_core::config::PORT;
use archipelago_core::health::Report;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::quadlet::VERSION;
use archipelago_core::reconcile::TICK;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use archipelago_core::error::chain;
use archipelago_host::lock::Lock;
use archipelago_host::wakeup::RECONNECT;
use archipelago_host::{disk, lock, systemd};
use archipelago_node::driver::{Driver, Pass};
use archipelago_node::schedule::{self, Next};

/// Why the daemon cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another one runs.
    #[error(
        "another archipelago daemon of this user is running; see: systemctl --user status archipelago"
    )]
    Running,
    /// The port is taken.
    #[error(
        "port {PORT} on 127.0.0.1 is taken by another program; see: ss -ltnp 'sport = :{PORT}'"
    )]
    Port(#[source] std::io::Error),
    /// Its lock cannot be used.
    #[error(transparent)]
    Lock(#[from] lock::Error),
    /// systemd cannot be reached.
    #[error(transparent)]
    Systemd(#[from] systemd::Error),
    /// A folder cannot be made.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// The system refused something that never fails on a healthy one.
    #[error("{0}")]
    Os(&'static str, #[source] std::io::Error),
}

/// What `/health` says.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Health {
    /// The version of Archipelago.
    pub version: &'static str,
    /// The last pass; absent until the first one is over.
    pub last_pass: Option<LastPass>,
    /// The number of apps by state; states without apps are left out.
    pub apps: BTreeMap<&'static str, usize>,
    /// Why apps are not well, by app, as `archipelago status` says it.
    pub problems: BTreeMap<AppId, String>,
    /// Why Podman cannot be asked; absent when it answers, and while there is nothing to ask it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub podman: Option<String>,
}

/// The last pass.
#[derive(Clone, Debug, Serialize)]
pub struct LastPass {
    /// When it ended, in seconds since 1970.
    pub finished_unix_s: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Why it could not be made; absent when it was.
    pub error: Option<String>,
}

type Shared = Arc<Mutex<Health>>;

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot begin.
pub async fn run(layout: Layout) -> Result<(), Error> {
    let Some(_only_one) = Lock::try_take(&layout.runtime.join("archipelago/daemon.lock"))? else {
        return Err(Error::Running);
    };
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)))
        .await
        .map_err(Error::Port)?;
    for folder in [&layout.apps(), &layout.units] {
        disk::make_folder(folder, 0o755)?;
    }
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| Error::Os("listen for SIGTERM", error))?;
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(|error| Error::Os("listen for SIGINT", error))?;
    let mut driver = Driver::new(layout).await?;
    if let Err(error) = driver.watch() {
        warn!(
            "no file can be watched ({error}); what changes is found by the tick; if it is their number, raise \
             fs.inotify.max_user_instances (sysctl)"
        );
    }
    let wakeup = driver.wakeup();
    tokio::spawn(wakeup.clone().notify_for_systemd());
    wakeup.clone().notify_for_mounts();
    let health: Shared = Arc::new(Mutex::new(Health {
        version: VERSION,
        ..Health::default()
    }));
    tokio::spawn(serve(listener, Arc::clone(&health)));
    tokio::spawn(feed_watchdog());
    notify(&[sd_notify::NotifyState::Ready]);
    info!("ready; health on http://127.0.0.1:{PORT}/health");
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    schedule::run(async || pass(&mut driver, &health).await, &wakeup, stop).await;
    notify(&[sd_notify::NotifyState::Stopping]);
    info!("stopped; what it installed goes on");
    Ok(())
}

async fn pass(driver: &mut Driver, health: &Shared) -> Next {
    let began = Instant::now();
    let result = driver.pass().await;
    let (made, error, next) = match result {
        Ok(pass) => {
            let next = Next {
                again: pass.acted,
                wake_after: pass.wake_after,
            };
            (Some(pass), None, next)
        }
        Err(failure) => {
            let cause = chain(&failure);
            error!("no pass could be made: {cause}");
            // The user's D-Bus may have been restarted; what it was connected to is gone then.
            if let Err(failure) = driver.reconnect().await {
                warn!("{}", chain(&failure));
            }
            let next = Next {
                again: false,
                wake_after: Some(RECONNECT),
            };
            (None, Some(cause), next)
        }
    };
    let mut health = health.lock().unwrap_or_else(PoisonError::into_inner);
    health.last_pass = Some(LastPass {
        finished_unix_s: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        error,
    });
    if let Some(pass) = made {
        let Pass { report, podman, .. } = pass;
        health.apps = count(&report);
        health.problems = problems(&report);
        health.podman = podman;
    }
    next
}

fn problems(report: &Report) -> BTreeMap<AppId, String> {
    let told = report.apps.iter().filter(|app| !app.message.is_empty());
    told.map(|app| (app.id.clone(), app.message.clone()))
        .collect()
}

fn count(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut apps = BTreeMap::new();
    for app in &report.apps {
        *apps.entry(app.state.word()).or_insert(0) += 1;
    }
    apps
}

/// Says something to systemd, which may not be listening when the daemon was started by hand.
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(failure) = sd_notify::notify(states) {
        warn!("systemd was not told: {failure}");
    }
}

/// Tells systemd that this program still gets to its turns. A pass that waits, for the lock of a command that deletes a large app or for
/// a slow systemd, is no reason to be killed.
async fn feed_watchdog() {
    loop {
        notify(&[sd_notify::NotifyState::Watchdog]);
        tokio::time::sleep(TICK).await;
    }
}

async fn serve(listener: TcpListener, health: Shared) {
    let router = Router::new()
        .route("/health", get(answer))
        .with_state(health);
    if let Err(failure) = axum::serve(listener, router).await {
        error!("the health page ended: {failure}");
    }
}

async fn answer(State(health): State<Shared>) -> Json<Health> {
    Json(
        health
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone(),
    )
}
