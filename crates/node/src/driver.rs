//! One pass of the reconciler on this host: read, observe, plan, apply. The daemon and the command
//! line make the same passes, one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archipelago_core::cause::FileWriters;
use archipelago_core::desired::Desired;
use archipelago_core::health::{Report, report};
use archipelago_core::image_progress::ImageProgress;
use archipelago_core::layout::Layout;
use archipelago_core::name::{AppId, PREFIX};
use archipelago_core::observed::Observed;
use archipelago_core::pass::{Pass, PassResult, Request};
use archipelago_core::plan::running_invocations;
use archipelago_core::reconcile::Reconciler;

use archipelago_host::apply::Executor;
use archipelago_host::cache::Cached;
use archipelago_host::image::ImageJobs;
use archipelago_host::lock::Waiter;
use archipelago_host::observe::{AskPodman, ObservationCache, observe};
use archipelago_host::podman::Podman;
use archipelago_host::systemd::{ActiveState, Systemd};
use archipelago_host::wakeup::Wakeup;
use archipelago_host::watch::{Watch, WatchSet};
use archipelago_host::{disk, file_writers, inputs, lock, observe, systemd};

use crate::clock::since_boot;
use crate::heartbeat::Heartbeat;
use crate::{leftovers, log, retries};

/// The time that a pass spends on finding the writers of a contended file.
const FILE_WRITERS_LIMIT: Duration = Duration::from_secs(2);

/// Why a pass could not be made at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds the lock and cannot be waited for.
    #[error(transparent)]
    Lock(#[from] lock::Error),
    #[error(transparent)]
    Observe(#[from] observe::Error),
    /// systemd cannot be reached.
    #[error(transparent)]
    Systemd(#[from] systemd::Error),
}

impl Error {
    /// Its kind, as a word of a fixed list: for those who may not read what the sentence quotes.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Lock(lock::Error::Held { .. }) => "lock-held",
            Self::Lock(lock::Error::File { .. }) => "lock",
            Self::Observe(_) => "observe",
            Self::Systemd(_) => "systemd",
        }
    }

    /// Whether another process has held the lock for longer than a pass waits for it.
    #[must_use]
    pub(crate) fn is_held(&self) -> bool {
        matches!(self, Self::Lock(lock::Error::Held { .. }))
    }
}

/// Fulfils the requests of core's passes on this host.
pub(crate) struct Driver {
    layout: Layout,
    lock: Waiter,
    lock_limit: Duration,
    heartbeat: Heartbeat,
    systemd: Systemd,
    podman: Podman,
    images: ImageJobs,
    reconciler: Reconciler,
    /// The desired state, and the paths whose changes matter to it.
    desired: Cached<(Arc<Desired>, Arc<WatchSet>)>,
    cache: ObservationCache,
    swept: Cached<()>,
    wakeup: Wakeup,
    watch: Option<Watch>,
}

impl Driver {
    /// Connects to the user's systemd; Podman is not asked anything yet.
    ///
    /// # Errors
    /// When systemd cannot be reached.
    pub(crate) async fn new(layout: Layout) -> Result<Self, systemd::Error> {
        let podman = Podman::for_this_user();
        let wakeup = Wakeup::default();
        Ok(Self {
            systemd: Systemd::connect().await?,
            images: ImageJobs::new(podman.clone(), layout.clone(), wakeup.clone()),
            reconciler: Reconciler::default(),
            desired: Cached::default(),
            cache: ObservationCache::default(),
            swept: Cached::default(),
            wakeup,
            watch: None,
            lock: Waiter::of_passes(&layout),
            lock_limit: lock::COMMAND_LIMIT,
            heartbeat: Heartbeat::default(),
            podman,
            layout,
        })
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Connects anew, after the user's D-Bus went away.
    ///
    /// # Errors
    /// When it is still away.
    pub(crate) async fn reconnect(&mut self) -> Result<(), systemd::Error> {
        self.systemd = Systemd::connect().await?;
        Ok(())
    }

    /// Notified when a pull or build ends, or a watched file changes.
    pub(crate) fn wakeup(&self) -> Wakeup {
        self.wakeup.clone()
    }

    /// Limits the wait for another process's pass; ten minutes by default.
    pub(crate) fn set_lock_limit(&mut self, limit: Duration) {
        self.lock_limit = limit;
    }

    /// Marked at each step of a pass.
    pub(crate) fn heartbeat(&self) -> Heartbeat {
        self.heartbeat.clone()
    }

    /// From now on, a changed file that passes read wakes the loop.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn watch(&mut self) -> std::io::Result<()> {
        self.watch = Some(Watch::new(self.wakeup())?);
        Ok(())
    }

    /// Makes a pass.
    ///
    /// # Errors
    /// When no pass could be made; what fails inside one is remembered and part of the report.
    pub(crate) async fn pass(&mut self) -> Result<PassResult, Error> {
        let _lock = self.lock.take(self.lock_limit).await?;
        let Self {
            layout,
            lock: _,
            lock_limit: _,
            heartbeat,
            systemd,
            podman,
            images,
            reconciler,
            desired: known,
            cache,
            swept,
            wakeup,
            watch,
        } = self;
        let mut pass = Pass::begin(reconciler, since_boot());
        while let Some(request) = pass.request() {
            heartbeat.step();
            match request {
                Request::Sweep => {
                    let Ok(()) = swept.get_or_read(|read_set| {
                        leftovers::sweep(layout, read_set);
                        Ok::<_, Infallible>(())
                    });
                    pass.swept();
                }
                Request::SyncSecrets => {
                    let all = leftovers::sync_secrets(layout).map_err(observe::Error::Disk)?;
                    pass.secrets_synced(all);
                }
                Request::ReadRetries => pass.recall(retries::read(layout)),
                Request::CollectImages => {
                    let ended = images.finished().await;
                    for (image, result) in &ended {
                        if let Err(cause) = result {
                            tracing::warn!(
                                "the image {} could not be pulled or built: {cause}",
                                image.reference
                            );
                        }
                    }
                    pass.images(ended);
                }
                Request::ResolveDesired => {
                    let (desired, watch_set) =
                        resolve_desired(known, layout).map_err(observe::Error::Disk)?;
                    // Before the observation, so that every later change causes a wake-up.
                    if let Some(watch) = watch
                        && watch.follow(&watch_set)
                    {
                        wakeup.notify();
                    }
                    pass.desired(desired);
                }
                Request::Observe {
                    desired,
                    podman_is_silent,
                } => {
                    let limit = podman_limit(podman_is_silent);
                    let observed =
                        observe_host(desired, cache, systemd, podman, images, limit).await?;
                    pass.observed(observed, since_boot());
                }
                Request::FindWriters(files) => {
                    let writers = find_writers(files.clone()).await;
                    pass.writers(writers);
                }
                Request::Apply {
                    action,
                    observed: _,
                } => {
                    let mut executor = Executor {
                        layout,
                        systemd,
                        podman,
                        images,
                    };
                    let outcome = executor.execute(action).await;
                    log::action(action, &outcome);
                    pass.applied(outcome, since_boot());
                }
                Request::KeepRetries(content) => {
                    let written = retries::write(layout, content);
                    pass.kept(written);
                }
            }
        }
        let mut made = pass.end();
        for told in &made.told {
            tracing::warn!("{told}");
        }
        made.wake_after = made.wake_after.into_iter().chain(cache.settles_in()).min();
        Ok(made)
    }

    /// Reports the present state, and changes nothing.
    ///
    /// # Errors
    /// When the host cannot be observed.
    pub(crate) async fn report(&mut self) -> Result<Report, Error> {
        self.reconciler.recall(retries::read(&self.layout));
        let desired = self.desired()?;
        let mut observed = self.observe(&desired).await?;
        let containers = desired
            .present()
            .flat_map(|(_, present)| present.containers());
        let images: BTreeSet<String> = containers
            .map(|(_, container)| container.image.reference.to_string())
            .collect();
        for image in images {
            if self.images.is_underway_elsewhere(&image) {
                let underway = &mut observed.images_underway;
                underway.insert(image, ImageProgress::Elsewhere);
            }
        }
        Ok(report(&desired, &observed, self.reconciler.retries()))
    }

    /// Clears the backoff of an app.
    ///
    /// # Errors
    /// When another process holds the lock and cannot be waited for.
    pub(crate) async fn retry_now(&mut self, id: &AppId) -> Result<(), Error> {
        let _lock = self.lock.take(self.lock_limit).await?;
        self.reconciler.recall(retries::read(&self.layout));
        let desired = self.desired()?;
        self.reconciler.retry_now(&desired, id);
        if let Some(content) = self.reconciler.keep()
            && retries::write(&self.layout, &content)
        {
            self.reconciler.kept(content);
        }
        // Earlier failures that systemd still remembers say nothing about the next attempt.
        let services = self
            .systemd
            .services(&[&format!("{PREFIX}*.service")])
            .await?;
        let is_well = |service: &str| {
            services
                .get(service)
                .is_some_and(|found| found.active == ActiveState::Active && found.job.is_none())
        };
        let present = desired.present().filter(|(other, _)| *other == id);
        for (unit, _) in present.flat_map(|(_, present)| present.containers()) {
            if !is_well(&unit.service) {
                self.systemd.reset_failed(&unit.service).await?;
            }
        }
        Ok(())
    }

    /// The services that a restart of an app would end and that run now, each with its invocation.
    ///
    /// # Errors
    /// When the host cannot be observed.
    pub(crate) async fn running_invocations(
        &mut self,
        id: &AppId,
    ) -> Result<BTreeMap<String, String>, Error> {
        let _lock = self.lock.take(self.lock_limit).await?;
        let desired = self.desired()?;
        let observed = self.observe(&desired).await?;
        Ok(running_invocations(&desired, &observed, id))
    }

    fn desired(&mut self) -> Result<Arc<Desired>, observe::Error> {
        Ok(resolve_desired(&mut self.desired, &self.layout)?.0)
    }

    async fn observe(&mut self, desired: &Desired) -> Result<Observed, observe::Error> {
        let limit = podman_limit(self.reconciler.podman_is_silent(since_boot()));
        let Self {
            cache,
            systemd,
            podman,
            images,
            ..
        } = self;
        observe_host(desired, cache, systemd, podman, images, limit).await
    }
}

async fn observe_host(
    desired: &Desired,
    cache: &mut ObservationCache,
    systemd: &Systemd,
    podman: &Podman,
    images: &ImageJobs,
    limit: Duration,
) -> Result<Observed, observe::Error> {
    let always = false;
    let ask = AskPodman { always, limit };
    observe(desired, cache, systemd, podman, ask, images.underway()).await
}

fn resolve_desired(
    known: &mut Cached<(Arc<Desired>, Arc<WatchSet>)>,
    layout: &Layout,
) -> Result<(Arc<Desired>, Arc<WatchSet>), disk::Error> {
    let known = known.get_or_read(|read_set| {
        let desired = inputs::desired(layout, read_set)?;
        let mut watch_set = read_set.watch_set();
        observe::watch_set(&desired, &mut watch_set);
        Ok((Arc::new(desired), Arc::new(watch_set)))
    });
    Ok(known?.clone())
}

/// The longest wait for Podman. One that hangs must not delay, tick by tick, repairs that need no
/// Podman.
fn podman_limit(podman_is_silent: bool) -> Duration {
    if podman_is_silent {
        observe::UNRESPONSIVE_PODMAN_LIMIT
    } else {
        observe::PODMAN_LIMIT
    }
}

/// Finds the processes that may be changing contended files. This comes before the repair: it
/// replaces the files, and with them the trace of who has them open.
async fn find_writers(files: BTreeMap<String, PathBuf>) -> BTreeMap<String, FileWriters> {
    // Reading the arguments of a process that hangs in the kernel may block for ever.
    let found = tokio::task::spawn_blocking(|| file_writers::find(files));
    match tokio::time::timeout(FILE_WRITERS_LIMIT, found).await {
        Ok(Ok(writers)) => writers,
        Ok(Err(_)) | Err(_) => BTreeMap::new(),
    }
}
