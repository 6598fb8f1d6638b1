//! The engine: makes passes for as long as it runs, and carries out commands between them.
//!
//! It has a thread of its own ([`spawn`]), so that traffic at a door never slows a repair and the
//! pacing of passes, which reads the thread's processor time, counts their own time alone. A
//! process that does nothing else meanwhile may run it as a task instead ([`Engine::run`]). It
//! takes the lock of passes alone: there is one daemon, but there may be several engines.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use archipelago_core::error::chain;
use archipelago_core::layout::Layout;
use archipelago_core::reconcile::TICK;
use archipelago_host::lock::Lock;
use archipelago_host::wakeup::RECONNECT;
use archipelago_host::{data_copy, imports, pressure, systemd};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::clock::since_boot;
use crate::driver::Driver;
use crate::handle::{Command, EngineSide, Handle, PassReport};
use crate::schedule::{self, Next};
use crate::settle::settle_quietly;
use crate::unfinished::Unfinished;

/// While somebody follows, the longest time between two passes.
const LOOK: Duration = Duration::from_millis(500);

/// After waiting this long for the lock of passes, the engine publishes which process holds it. The
/// wait continues.
const LOCK_LIMIT: Duration = TICK;

/// The owner of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The daemon. It watches files and systemd from the start, and feeds systemd's watchdog.
    Daemon,
    /// One operation of a command. It makes no pass before the first command, and listens to
    /// systemd only after the first pass: if that pass has nothing to do, the operation ends with
    /// it.
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

/// Runs passes on a schedule and answers commands.
pub struct Engine {
    driver: Driver,
    role: Role,
    engine_side: EngineSide,
}

/// An engine on a thread of its own.
#[derive(Debug)]
pub struct Running {
    pub handle: Handle,
    thread: std::thread::JoinHandle<()>,
}

impl Running {
    /// Stops the engine and waits until its thread has ended.
    pub async fn end(self) {
        self.handle.stop();
        self.handle.ended().await;
        // The channel closes at the very end of the thread, so this does not block.
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
                    // If the caller has gone, the process is ending: no pass is made.
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
            driver.set_lock_limit(LOCK_LIMIT);
        }
        if role == Role::Daemon
            && let Err(error) = driver.watch()
        {
            tracing::warn!(
                "files cannot be watched ({error}); changes are found every {} s instead; if the limit on inotify instances is reached, \
                 raise fs.inotify.max_user_instances (sysctl)",
                TICK.as_secs()
            );
        }
        let (handle, engine_side) = Handle::new(driver.wakeup());
        Ok((
            Self {
                driver,
                role,
                engine_side,
            },
            handle,
        ))
    }

    /// Makes passes until a handle stops it. Commands that were sent before are done first.
    pub async fn run(self) {
        let Self {
            driver,
            role,
            engine_side,
        } = self;
        let wakeup = driver.wakeup();
        let heartbeat = driver.heartbeat();
        let shared = Arc::clone(&engine_side.shared);
        let mut passes = Passes::new(driver, role, engine_side);
        if role == Role::Operation {
            // Until it is asked something it makes no pass: the operation may yet be refused.
            tokio::select! {
                () = shared.stopped() => return,
                () = wakeup.notified_after(tokio::time::Instant::now()) => {}
            }
        }
        let all = schedule::run(async || passes.make().await, &wakeup, shared.stopped());
        match role {
            Role::Operation => all.await,
            Role::Daemon => tokio::select! {
                () = all => {}
                () = heartbeat.feed_watchdog() => {}
            },
        }
    }
}

/// The passes of a running engine, and its work between them.
struct Passes {
    driver: Driver,
    role: Role,
    engine_side: EngineSide,
    unfinished: Unfinished,
    /// The tasks that listen for systemd's signals. Dropping it ends them.
    listening: JoinSet<()>,
    /// The removal of what interrupted imports and updates have left, which may take minutes.
    settling: JoinSet<()>,
}

impl Passes {
    fn new(driver: Driver, role: Role, engine_side: EngineSide) -> Self {
        let unfinished = Unfinished::new(driver.layout().clone());
        let mut listening = JoinSet::new();
        if role == Role::Daemon {
            listening.spawn(driver.wakeup().notify_for_systemd());
            driver.wakeup().notify_for_mounts();
        }
        Self {
            driver,
            role,
            engine_side,
            unfinished,
            listening,
            settling: JoinSet::new(),
        }
    }

    async fn make(&mut self) -> Next {
        let waiting = self.answer_commands().await;
        let heartbeat = self.driver.heartbeat();
        heartbeat.step();
        // If a daemon runs, its journal tells how they ended.
        let daemon_lock = self.driver.layout().daemon_lock();
        if self.role == Role::Daemon || !Lock::is_held(&daemon_lock) {
            self.unfinished.take_up().await;
            self.settle();
        }
        let before = self.engine_side.made.borrow().clone();
        let (made, mut next) = pass(&mut self.driver, self.role, before.as_deref()).await;
        self.publish(Arc::new(made), waiting).await;
        if self.engine_side.shared.is_followed() || self.unfinished.is_followed() {
            next.wake_after = Some(next.wake_after.map_or(LOOK, |after| after.min(LOOK)));
        }
        if self.listening.is_empty() {
            let wakeup = self.driver.wakeup();
            self.listening.spawn(wakeup.notify_for_systemd());
        }
        heartbeat.idle();
        next
    }

    /// Removes what interrupted imports have left, and data that were discarded, while passes go
    /// on.
    fn settle(&mut self) {
        while self.settling.try_join_next().is_some() {}
        let layout = self.driver.layout();
        let is_any = imports::abandoned(layout).is_ok_and(|apps| !apps.is_empty())
            || data_copy::is_any_discarded(layout);
        if is_any && self.settling.is_empty() {
            self.settling.spawn(settle_quietly(layout.clone()));
        }
    }

    /// Carries out the commands that are there, and returns the callers who wait for the next pass.
    /// Commands that come meanwhile wait for the pass after it, so they cannot hold this one up.
    async fn answer_commands(&mut self) -> Vec<oneshot::Sender<Arc<PassReport>>> {
        let heartbeat = self.driver.heartbeat();
        let mut waiting = Vec::new();
        for _ in 0..self.engine_side.commands.len() {
            heartbeat.step();
            let Ok(command) = self.engine_side.commands.try_recv() else {
                break;
            };
            match command {
                Command::Pass(reply) => waiting.push(reply),
                // The caller may not wait for the answer.
                Command::RetryNow(app, reply) => {
                    let _ = reply.send(self.driver.retry_now(&app).await);
                }
                Command::RunningInvocations(app, reply) => {
                    let _ = reply.send(self.driver.running_invocations(&app).await);
                }
            }
        }
        waiting
    }

    /// Shows a pass to the handles, to the callers who wait for it, and to unfinished operations.
    async fn publish(
        &mut self,
        made: Arc<PassReport>,
        waiting: Vec<oneshot::Sender<Arc<PassReport>>>,
    ) {
        let EngineSide {
            made: last, shared, ..
        } = &self.engine_side;
        if let Ok(pass) = &made.outcome {
            pass.events.iter().for_each(|event| shared.publish(event));
            self.unfinished.passed(made.seen(pass)).await;
        }
        last.send_replace(Some(Arc::clone(&made)));
        for reply in waiting {
            let _ = reply.send(Arc::clone(&made));
        }
    }
}

async fn pass(driver: &mut Driver, role: Role, before: Option<&PassReport>) -> (PassReport, Next) {
    let began = Instant::now();
    let result = driver.pass().await;
    let took = began.elapsed();
    let (outcome, next) = match result {
        Ok(pass) => {
            let next = Next {
                again: pass.acted(),
                wake_after: pass.wake_after,
            };
            (Ok(Arc::new(pass)), next)
        }
        Err(error) => {
            let wait = recover(driver, role, &error, before).await;
            let next = Next {
                again: false,
                wake_after: Some(wait),
            };
            (Err(error.into()), next)
        }
    };
    let earlier = || before.and_then(|before| before.last_good.clone());
    let made = PassReport {
        number: before.map_or(0, |before| before.number) + 1,
        finished: SystemTime::now(),
        finished_since_boot: since_boot(),
        stalled: pressure::stalled(),
        took,
        last_good: outcome.as_ref().ok().cloned().or_else(earlier),
        outcome,
    };
    (made, next)
}

/// After a pass that could not be made: how long to wait before the next one.
async fn recover(
    driver: &mut Driver,
    role: Role,
    error: &crate::driver::Error,
    before: Option<&PassReport>,
) -> Duration {
    let cause = chain(error);
    let known = before.and_then(|before| before.outcome.as_ref().err());
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
