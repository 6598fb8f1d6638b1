//! The handle of an engine: sends it commands and receives its passes.
//!
//! A handle decides nothing and touches no host. It can be cloned, and used from any thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use archipelago_core::name::AppId;
use archipelago_core::operation::PassSeen;
use archipelago_host::wakeup::Wakeup;
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

use archipelago_core::pass::{Event, PassResult};

use crate::driver;

/// The number of commands that may wait for the engine. The sender of one more waits.
const COMMANDS_MAX: usize = 16;

/// The number of events kept for a slow reader; it misses older ones.
const EVENTS_MAX: usize = 1024;

/// A pass that was made or could not be made.
#[derive(Debug)]
pub struct PassReport {
    /// Its number, from 1.
    pub number: u64,
    /// When it ended.
    pub finished: SystemTime,
    /// The same by a monotonic clock, since the boot.
    pub finished_since_boot: Duration,
    /// The time since the boot in which somebody waited for a processor or disk, at its end.
    pub stalled: Option<Duration>,
    pub took: Duration,
    pub outcome: Result<Arc<PassResult>, PassFailed>,
    /// The result of the last pass that could be made: of this one, or of an earlier one.
    pub last_good: Option<Arc<PassResult>>,
}

/// Why a pass could not be made. All who wait for the pass share it.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct PassFailed(Arc<driver::Error>);

impl From<driver::Error> for PassFailed {
    fn from(error: driver::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl PassFailed {
    /// The kind of the error ([`driver::Error::word`]).
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.0.word()
    }
}

impl PassReport {
    /// The pass for those who follow an operation. All of them judge it by the same time, so that
    /// an operation that was interrupted does not end later than the one after it.
    pub(crate) fn seen<'a>(&self, pass: &'a PassResult) -> PassSeen<'a> {
        PassSeen {
            report: &pass.report,
            acted: pass.acted(),
            wake_after: pass.wake_after,
            now: self.finished_since_boot,
            stalled: self.stalled,
        }
    }
}

/// Why an engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It ended before.
    #[error(
        "the reconcile loop stopped before it answered; archipelago status shows the state of the apps"
    )]
    Ended,
    /// It could not.
    #[error(transparent)]
    Driver(#[from] driver::Error),
}

/// Commands that an engine carries out between two passes. The next pass follows at once.
#[derive(Debug)]
pub(crate) enum Command {
    Pass(oneshot::Sender<Arc<PassReport>>),
    RetryNow(AppId, Reply<()>),
    RunningInvocations(AppId, Reply<BTreeMap<String, String>>),
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, driver::Error>>;

/// A handle of an engine.
#[derive(Clone, Debug)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    made: watch::Receiver<Option<Arc<PassReport>>>,
    shared: Arc<Shared>,
}

/// State shared by an engine and its handles.
#[derive(Debug)]
pub(crate) struct Shared {
    wakeup: Wakeup,
    followers: AtomicUsize,
    stop: Notify,
    events: broadcast::Sender<Event>,
}

impl Shared {
    /// Whether there is a follower.
    pub(crate) fn is_followed(&self) -> bool {
        self.followers.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn publish(&self, event: &Event) {
        // Without a subscriber, the event is dropped.
        let _ = self.events.send(event.clone());
    }

    /// Returns once a handle has asked for the end.
    pub(crate) async fn stopped(&self) {
        self.stop.notified().await;
    }
}

/// The engine's side of the channels to its handles.
pub(crate) struct EngineSide {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) made: watch::Sender<Option<Arc<PassReport>>>,
    pub(crate) shared: Arc<Shared>,
}

/// While it lives, the engine makes a pass at least every half second, because probes and build
/// output cause no wake-up.
#[derive(Debug)]
pub struct Follower(Arc<Shared>);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.followers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Handle {
    pub(crate) fn new(wakeup: Wakeup) -> (Self, EngineSide) {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let (publisher, made) = watch::channel(None);
        let shared = Arc::new(Shared {
            wakeup,
            followers: AtomicUsize::new(0),
            stop: Notify::new(),
            events: broadcast::Sender::new(EVENTS_MAX),
        });
        let handle = Self {
            commands: sender,
            made,
            shared: Arc::clone(&shared),
        };
        let engine_side = EngineSide {
            commands,
            made: publisher,
            shared,
        };
        (handle, engine_side)
    }

    /// The actions that passes try from now on. A pass's actions arrive when it has ended.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// The last pass; none until the first one is over.
    pub fn last(&self) -> Option<Arc<PassReport>> {
        self.made.borrow().clone()
    }

    /// Waits for a pass that this handle has not returned yet. Only the newest is kept: a slow
    /// reader misses some.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn next(&mut self) -> Result<Arc<PassReport>, Error> {
        loop {
            self.made.changed().await.map_err(|_| Error::Ended)?;
            if let Some(made) = self.made.borrow_and_update().clone() {
                return Ok(made);
            }
        }
    }

    /// Waits until the engine has ended.
    pub async fn ended(&self) {
        let mut made = self.made.clone();
        while made.changed().await.is_ok() {}
    }

    /// Asks for a pass that begins after this call, and waits for it. It comes as soon as the
    /// pacing of passes allows.
    ///
    /// # Errors
    /// When the engine ends first.
    pub async fn pass(&self) -> Result<Arc<PassReport>, Error> {
        let (reply, made) = oneshot::channel();
        self.send(Command::Pass(reply)).await?;
        made.await.map_err(|_| Error::Ended)
    }

    /// Clears the backoff of an app, and waits until that is noted.
    ///
    /// # Errors
    /// When the engine ends first, or cannot note it.
    pub async fn retry_now(&self, app: AppId) -> Result<(), Error> {
        self.ask(|reply| Command::RetryNow(app, reply)).await
    }

    /// The services that a restart of an app would end and that run now, each with its invocation.
    ///
    /// # Errors
    /// When the engine ends first, or cannot observe the host.
    pub async fn running_invocations(&self, app: AppId) -> Result<BTreeMap<String, String>, Error> {
        self.ask(|reply| Command::RunningInvocations(app, reply))
            .await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        let (reply, done) = oneshot::channel();
        self.send(command(reply)).await?;
        Ok(done.await.map_err(|_| Error::Ended)??)
    }

    async fn send(&self, command: Command) -> Result<(), Error> {
        let sent = self.commands.send(command).await;
        sent.map_err(|_| Error::Ended)?;
        self.shared.wakeup.notify();
        Ok(())
    }

    /// Lets the engine make passes often for as long as the value lives.
    #[must_use]
    pub fn follow(&self) -> Follower {
        self.shared.followers.fetch_add(1, Ordering::Relaxed);
        self.shared.wakeup.notify();
        Follower(Arc::clone(&self.shared))
    }

    /// Ends the engine. A pass that is under way is dropped, which is no worse than a crash;
    /// [`Handle::ended`] waits for the end.
    pub fn stop(&self) {
        self.shared.stop.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    #[tokio::test]
    async fn whoever_asks_an_engine_that_ends_is_told() {
        let (mut handle, engine_side) = Handle::new(Wakeup::default());
        let app = AppId::parse("web").unwrap();
        let (pass, retry, restart, ()) = tokio::join!(
            handle.pass(),
            handle.retry_now(app.clone()),
            handle.running_invocations(app),
            async {
                handle.stop();
                engine_side.shared.stopped().await;
                drop(engine_side);
            }
        );
        assert!(matches!(pass, Err(Error::Ended)));
        assert!(matches!(retry, Err(Error::Ended)));
        assert!(matches!(restart, Err(Error::Ended)));
        handle.ended().await;
        assert!(matches!(handle.pass().await, Err(Error::Ended)));
        assert!(matches!(handle.next().await, Err(Error::Ended)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_wakes_the_engine_as_long_as_it_lives() {
        let wakeup = Wakeup::default();
        let (handle, engine_side) = Handle::new(wakeup.clone());
        let (one, other) = (handle.follow(), handle.clone().follow());
        wakeup.notified_after(Instant::now()).await;
        drop(one);
        assert!(engine_side.shared.is_followed());
        drop(other);
        assert!(!engine_side.shared.is_followed());
        let rings = wakeup.notified_after(Instant::now());
        let limit = Duration::from_secs(60);
        assert!(
            timeout(limit, rings).await.is_err(),
            "the end of it wakes nobody"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn commands_beyond_the_bound_wait_to_be_sent() {
        let (handle, mut engine_side) = Handle::new(Wakeup::default());
        let asking: Vec<_> = (0..=COMMANDS_MAX)
            .map(|_| {
                let handle = handle.clone();
                tokio::spawn(async move { handle.pass().await.map(drop) })
            })
            .collect();
        while engine_side.commands.len() < COMMANDS_MAX {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        assert_eq!(engine_side.commands.len(), COMMANDS_MAX);
        for _ in 0..=COMMANDS_MAX {
            let command = engine_side.commands.recv().await;
            assert!(matches!(command, Some(Command::Pass(_))));
        }
        for asked in asking {
            assert!(matches!(asked.await.unwrap(), Err(Error::Ended)));
        }
    }
}
