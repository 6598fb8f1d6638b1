//! The engine: makes passes for as long as it runs, and does between them what it is asked.
//!
//! It has a thread of its own ([`spawn`]), so that traffic at a door never slows a repair and the
//! pacing of passes, which reads the thread's processor time, counts their own time alone. A
//! process that does nothing else meanwhile may run it beside itself instead ([`Engine::run`]). It
//! takes no lock but that of passes: of the daemon there is one, of engines there may be several.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_core::reconcile::TICK;
use archipelago_host::lock::Lock;
use archipelago_host::wakeup::RECONNECT;
use archipelago_host::{pressure, systemd};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::clock::since_boot;
use crate::driver::Driver;
use crate::handle::{Command, Ends, Handle, Made};
use crate::schedule::{self, Next};
use crate::unfinished::Unfinished;

/// While somebody follows, the longest time between two passes.
const LOOK: Duration = Duration::from_millis(500);

/// After this time of waiting for the lock of passes, the cause is published: which process holds
/// it. The wait goes on.
const LOCK_LIMIT: Duration = TICK;

/// Whom an engine works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The daemon: it hears of files and of systemd from the start, and feeds systemd's watchdog.
    Daemon,
    /// One operation of a command: it makes no pass before it is asked something, and hears of
    /// systemd once the first pass is over. Where that pass shows that nothing is to be done,
    /// nobody need listen.
    Operation,
}

/// Why an engine cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// systemd cannot be reached.
    #[error(transparent)]
    Systemd(#[from] systemd::Error),
    /// The system gives it no thread or no scheduler.
    #[error("start the thread that makes passes")]
    Thread(#[source] io::Error),
    /// Its thread ended before it began.
    #[error("the thread that makes passes ended before it began")]
    Ended,
}

/// Makes passes.
pub struct Engine {
    driver: Driver,
    role: Role,
    ends: Ends,
}

/// An engine on a thread of its own.
#[derive(Debug)]
pub struct Running {
    /// The way to it.
    pub handle: Handle,
    thread: std::thread::JoinHandle<()>,
}

impl Running {
    /// Stops the engine and waits until its thread has ended.
    pub async fn end(self) {
        self.handle.stop();
        self.handle.ended().await;
        // The channel closes with the last breath of the thread: nothing is left to wait for,
        // unless it panicked.
        if self.thread.join().is_err() {
            tracing::error!("the thread that makes passes crashed");
        }
    }
}

/// Begins an engine on a thread of its own.
///
/// # Errors
/// When there is no thread for it, or systemd cannot be reached.
pub async fn spawn(layout: Layout, role: Role) -> Result<Running, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Thread)?;
    let (begun, beginning) = oneshot::channel();
    let work = move || {
        runtime.block_on(async {
            match Engine::begin(layout, role).await {
                Ok((engine, handle)) => {
                    // Nobody waits any more: the process ends.
                    if begun.send(Ok(handle)).is_ok() {
                        engine.run().await;
                    }
                }
                Err(error) => drop(begun.send(Err(error))),
            }
        });
        // A thread that waits for another process's lock must not delay the end.
        runtime.shutdown_background();
    };
    let thread = std::thread::Builder::new()
        .name("passes".to_owned())
        .spawn(work)
        .map_err(Error::Thread)?;
    let handle = beginning.await.map_err(|_| Error::Ended)??;
    Ok(Running { handle, thread })
}

impl Engine {
    /// Connects to the user's systemd; makes no pass yet.
    ///
    /// # Errors
    /// When systemd cannot be reached.
    pub async fn begin(layout: Layout, role: Role) -> Result<(Self, Handle), systemd::Error> {
        let mut driver = Driver::new(layout).await?;
        if role == Role::Daemon {
            driver.wait_for_the_lock_at_most(LOCK_LIMIT);
        }
        if role == Role::Daemon
            && let Err(error) = driver.watch()
        {
            tracing::warn!(
                "no file can be watched ({error}); changes are found by the tick; if the cause is their number, raise \
                 fs.inotify.max_user_instances (sysctl)"
            );
        }
        let (handle, ends) = Handle::new(driver.wakeup());
        Ok((Self { driver, role, ends }, handle))
    }

    /// Makes passes until a handle stops it. Commands that were sent before are done first.
    pub async fn run(self) {
        let Self {
            mut driver,
            role,
            ends,
        } = self;
        let Ends {
            mut commands,
            made,
            shared,
        } = ends;
        let wakeup = driver.wakeup();
        let heartbeat = driver.heartbeat();
        let layout = driver.layout().clone();
        let mut unfinished = Unfinished::new(layout.clone());
        // Dropped with this function, it ends what listens.
        let mut listening = JoinSet::new();
        if role == Role::Daemon {
            listening.spawn(wakeup.clone().notify_for_systemd());
            wakeup.clone().notify_for_mounts();
        }
        let one = async || {
            let mut awaited = Vec::new();
            // Those that come meanwhile wait for the next pass: they cannot hold this one up.
            for _ in 0..commands.len() {
                heartbeat.step();
                let Ok(command) = commands.try_recv() else {
                    break;
                };
                match command {
                    Command::Pass(reply) => awaited.push(reply),
                    // The caller may not wait for the answer.
                    Command::RetryNow(app, reply) => {
                        let _ = reply.send(driver.retry_now(&app).await);
                    }
                    Command::Running(app, reply) => {
                        let _ = reply.send(driver.running(&app).await);
                    }
                }
            }
            heartbeat.step();
            // If a daemon runs, its journal tells how they ended.
            if role == Role::Daemon || !Lock::is_held(&layout.daemon_lock()) {
                unfinished.take_up();
            }
            let before = made.borrow().clone();
            let (this, mut next) = pass(&mut driver, role, before.as_deref()).await;
            let this = Arc::new(this);
            if let Ok(pass) = Made::result(&this) {
                pass.events.iter().for_each(|event| shared.tell(event));
                unfinished.passed(this.seen(&pass));
            }
            made.send_replace(Some(Arc::clone(&this)));
            for reply in awaited {
                let _ = reply.send(Arc::clone(&this));
            }
            if shared.is_followed() || unfinished.is_followed() {
                next.wake_after = Some(next.wake_after.map_or(LOOK, |after| after.min(LOOK)));
            }
            if listening.is_empty() {
                listening.spawn(wakeup.clone().notify_for_systemd());
            }
            heartbeat.idle();
            next
        };
        if role == Role::Operation {
            // Until it is asked something it makes no pass: the operation may yet be refused.
            tokio::select! {
                () = shared.stopped() => return,
                () = wakeup.notified_after(tokio::time::Instant::now()) => {}
            }
            return schedule::run(one, &wakeup, shared.stopped()).await;
        }
        let passes = schedule::run(one, &wakeup, shared.stopped());
        tokio::select! {
            () = passes => {}
            () = heartbeat.feed_watchdog() => {}
        }
    }
}

async fn pass(driver: &mut Driver, role: Role, before: Option<&Made>) -> (Made, Next) {
    let began = Instant::now();
    let result = driver.pass().await;
    let took = began.elapsed();
    let (pass, error, next) = match result {
        Ok(pass) => {
            let next = Next {
                again: pass.acted(),
                wake_after: pass.wake_after,
            };
            (Some(Arc::new(pass)), None, next)
        }
        Err(error) => {
            let wait = recover(driver, role, &error, before).await;
            let next = Next {
                again: false,
                wake_after: Some(wait),
            };
            (
                before.and_then(|before| before.pass.clone()),
                Some(error),
                next,
            )
        }
    };
    let made = Made {
        number: before.map_or(0, |before| before.number) + 1,
        finished: SystemTime::now(),
        finished_since_boot: since_boot(),
        stalled: pressure::stalled(),
        took,
        error,
        pass,
    };
    (made, next)
}

/// After a pass that could not be made: how long to wait before the next one.
async fn recover(
    driver: &mut Driver,
    role: Role,
    error: &crate::driver::Error,
    before: Option<&Made>,
) -> Duration {
    let cause = chain(error);
    let known = before.and_then(|before| before.error.as_ref());
    // A command tells it as its own error.
    if role == Role::Daemon && known.is_none_or(|known| chain(known) != cause) {
        tracing::error!("no pass could be made: {cause}");
    }
    if error.is_held() {
        // The wait for the lock goes on; the next pass takes it over.
        return Duration::ZERO;
    }
    // The user's D-Bus may have been restarted; the connection to the old one is of no use then.
    if let Err(failure) = driver.reconnect().await {
        tracing::warn!("{}", chain(&failure));
    }
    RECONNECT
}
