//! One pass of the reconciler: read, observe, plan, apply. The daemon and the command line both
//! make passes, one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archipelago_core::desired::Desired;
use archipelago_core::error::chain;
use archipelago_core::forecast::{Changes, Forecast, forecast, wanted};
use archipelago_core::health::{Report, report};
use archipelago_core::image_facts::ImageProgress;
use archipelago_core::layout::Layout;
use archipelago_core::name::{AppId, PREFIX};
use archipelago_core::observed::Observed;
use archipelago_core::operation::Proposal;
use archipelago_core::pass::{Pass, PassResult, Request};
use archipelago_core::plan::restarted_with;
use archipelago_core::reconcile::{FileWriters, Reconciler};

use archipelago_host::apply::Executor;
use archipelago_host::cache::{Cached, ReadSet};
use archipelago_host::image::Images;
use archipelago_host::lock::Waiter;
use archipelago_host::observe::{AskPodman, ObservationCache, observe};
use archipelago_host::podman::Podman;
use archipelago_host::systemd::{ActiveState, Systemd};
use archipelago_host::wakeup::Wakeup;
use archipelago_host::watch::{Watch, WatchSet};
use archipelago_host::{disk, file_writers, inputs, lock, observe, systemd};

use crate::clock::since_boot;
use crate::heartbeat::Heartbeat;
use crate::log;

/// The time that a pass spends on finding the writers of a contended file.
const FILE_WRITERS_LIMIT: Duration = Duration::from_secs(2);

/// Why a pass could not be made at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds the lock and cannot be waited for.
    #[error(transparent)]
    Lock(#[from] lock::Error),
    /// The host could not be looked at.
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
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Lock(lock::Error::Held { .. }))
    }
}

/// What passes will do, and what changes by that.
#[derive(Debug)]
pub struct Foreseen {
    pub changes: Changes,
    pub forecast: Forecast,
}

/// Makes passes.
pub struct Driver {
    layout: Layout,
    lock: Waiter,
    lock_limit: Duration,
    heartbeat: Heartbeat,
    systemd: Systemd,
    podman: Podman,
    images: Images,
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
    pub async fn new(layout: Layout) -> Result<Self, systemd::Error> {
        let podman = Podman::for_this_user();
        let wakeup = Wakeup::default();
        Ok(Self {
            systemd: Systemd::connect().await?,
            images: Images::new(podman.clone(), layout.clone(), wakeup.clone()),
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

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The user's systemd.
    pub fn systemd(&self) -> &Systemd {
        &self.systemd
    }

    /// Connects anew, after the user's D-Bus went away.
    ///
    /// # Errors
    /// When it is still away.
    pub async fn reconnect(&mut self) -> Result<(), systemd::Error> {
        self.systemd = Systemd::connect().await?;
        Ok(())
    }

    /// Rung when an image has come or failed, and for what is watched.
    pub fn wakeup(&self) -> Wakeup {
        self.wakeup.clone()
    }

    /// Bounds the wait for another process's pass, otherwise ten minutes.
    pub fn wait_for_the_lock_at_most(&mut self, limit: Duration) {
        self.lock_limit = limit;
    }

    /// Marked at each step of a pass.
    pub fn heartbeat(&self) -> Heartbeat {
        self.heartbeat.clone()
    }

    /// From now on, a changed file that passes read wakes the loop.
    /// # Errors
    /// When the kernel refuses.
    pub fn watch(&mut self) -> std::io::Result<()> {
        self.watch = Some(Watch::new(self.wakeup())?);
        Ok(())
    }

    /// Makes a pass.
    ///
    /// # Errors
    /// When no pass could be made; what fails inside one is remembered and part of the report.
    pub async fn pass(&mut self) -> Result<PassResult, Error> {
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
                        sweep(layout, read_set);
                        Ok::<_, Infallible>(())
                    });
                    pass.swept();
                }
                Request::SyncSecrets => {
                    let all = sync_secrets(layout).map_err(observe::Error::Disk)?;
                    pass.secrets_synced(all);
                }
                Request::ReadProgress => pass.recall(disk::read(&layout.progress()).ok()),
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
                Request::WorkOut => {
                    let (desired, watch_set) =
                        work_out(known, layout).map_err(observe::Error::Disk)?;
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
                    let underway = images.underway();
                    let ask = (AskPodman::WhenNeeded, patience(podman_is_silent));
                    let observed = observe(desired, cache, systemd, podman, ask, underway).await?;
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
                Request::KeepProgress(content) => {
                    let written = disk::write_if_changed(&layout.progress(), content, 0o600);
                    if let Err(error) = &written {
                        tracing::warn!("{}", chain(error));
                    }
                    pass.kept(written.is_ok());
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

    /// Looks without doing anything.
    ///
    /// # Errors
    /// When the host could not be looked at.
    pub async fn look(&mut self) -> Result<Report, Error> {
        self.recall();
        let desired = self.desired()?;
        let mut observed = self.observe(&desired, AskPodman::WhenNeeded).await?;
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
        Ok(report(&desired, &observed, self.reconciler.progress()))
    }

    /// Works out what the passes to come will do, and what they would after this operation. Nothing
    /// is changed.
    ///
    /// # Errors
    /// When the host could not be looked at.
    pub async fn foresee(&mut self, proposal: Option<&Proposal>) -> Result<Foreseen, Error> {
        self.recall();
        let now = inputs::read(&self.layout).map_err(observe::Error::Disk)?;
        let mut after = match proposal {
            Some(proposal) => proposal.applied_to(&now),
            None => now.clone(),
        };
        inputs::complete(&mut after);
        let before = wanted(now);
        let desired = wanted(after.clone());
        let observed = self.observe(&desired, AskPodman::Always).await?;
        let reconciler = self.reconciler.clone();
        let forecast = match proposal {
            Some(proposal) => proposal.foresee(after, observed.clone(), reconciler, since_boot()),
            None => forecast(after, observed.clone(), reconciler, since_boot()),
        };
        Ok(Foreseen {
            changes: Changes::of(&before, &observed, &forecast),
            forecast,
        })
    }

    /// Lets what failed for an app be tried at once.
    ///
    /// # Errors
    /// When another process holds the lock and cannot be waited for.
    pub async fn retry_now(&mut self, id: &AppId) -> Result<(), Error> {
        let _lock = self.lock.take(self.lock_limit).await?;
        self.recall();
        let desired = self.desired()?;
        self.reconciler.retry_now(&desired, id);
        self.keep_progress();
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

    /// Takes over what another manager has tried since this one last looked.
    fn recall(&mut self) {
        if let Ok(content) = disk::read(&self.layout.progress()) {
            self.reconciler.recall(content);
        }
    }

    /// Shares what was tried. Where that cannot be written, this manager still knows it.
    fn keep_progress(&mut self) {
        let Some(content) = self.reconciler.keep() else {
            return;
        };
        match disk::write_if_changed(&self.layout.progress(), &content, 0o600) {
            Ok(_) => self.reconciler.kept(content),
            Err(error) => tracing::warn!("{}", chain(&error)),
        }
    }

    /// The services that a restart of an app would end and that run now, each with its invocation.
    ///
    /// # Errors
    /// When the host cannot be looked at.
    pub async fn running(&mut self, id: &AppId) -> Result<BTreeMap<String, String>, Error> {
        let _lock = self.lock.take(self.lock_limit).await?;
        let desired = self.desired()?;
        let observed = self.observe(&desired, AskPodman::WhenNeeded).await?;
        let restarted = restarted_with(&desired, &observed.memory, id).into_iter();
        let running = restarted.filter_map(|service| {
            let invocation = observed.invocations.get(service)?;
            Some((service.to_owned(), invocation.clone()))
        });
        Ok(running.collect())
    }

    fn desired(&mut self) -> Result<Arc<Desired>, observe::Error> {
        Ok(work_out(&mut self.desired, &self.layout)?.0)
    }

    async fn observe(
        &mut self,
        desired: &Desired,
        ask_podman: AskPodman,
    ) -> Result<Observed, observe::Error> {
        let patience = patience(self.reconciler.podman_is_silent(since_boot()));
        let underway = self.images.underway();
        observe(
            desired,
            &mut self.cache,
            &self.systemd,
            &self.podman,
            (ask_podman, patience),
            underway,
        )
        .await
    }
}

fn work_out(
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

/// The time that an observation waits for Podman. One that hangs must not delay, tick by tick,
/// repairs that need no Podman.
fn patience(podman_is_silent: bool) -> Duration {
    if podman_is_silent {
        observe::PATIENCE_WITH_A_SILENT_ONE
    } else {
        observe::PATIENCE
    }
}

/// Finds the processes that may be changing contended files. This comes before the repair: it
/// replaces the files, and with them the trace of who has them open.
async fn find_writers(files: BTreeMap<String, PathBuf>) -> BTreeMap<String, FileWriters> {
    // Reading the arguments of a process that hangs in the kernel may block for ever.
    let look = tokio::task::spawn_blocking(|| file_writers::look(files));
    match tokio::time::timeout(FILE_WRITERS_LIMIT, look).await {
        Ok(Ok(writers)) => writers,
        Ok(Err(_)) | Err(_) => BTreeMap::new(),
    }
}

/// A killed process may not have synced a secret that it linked; used all the same, it could be
/// gone after a loss of power. Whether all of them are synced: a folder that cannot be listed is
/// not used either, and is looked at again.
fn sync_secrets(layout: &Layout) -> Result<bool, disk::Error> {
    let root = layout.data.join("secrets");
    let Ok(apps) = disk::names(&root) else {
        return Ok(false);
    };
    let mut all = true;
    for app in apps {
        let folder = root.join(app);
        if disk::names(&folder).is_ok() {
            disk::sync_folder(&folder)?;
        } else {
            all = false;
        }
    }
    Ok(all)
}

/// A crash in the middle of a write leaves a temporary file, which nothing reads.
fn sweep(layout: &Layout, read_set: &mut ReadSet) {
    for folder in written_to(layout, read_set) {
        read_set.note(&folder);
        if let Err(error) = disk::sweep(&folder) {
            read_set.doubt();
            tracing::warn!("{}", chain(&error));
        }
    }
}

/// The folders in which passes and commands write files, all under the lock of passes.
fn written_to(layout: &Layout, read_set: &mut ReadSet) -> Vec<PathBuf> {
    let mut inside = |folder: PathBuf, wanted: fn(&str) -> bool| -> Vec<PathBuf> {
        let names = read_set.names(&folder).unwrap_or_default();
        let wanted = names.iter().filter(|name| wanted(name));
        wanted.map(|name| folder.join(name)).collect()
    };
    let shared = layout.progress();
    let mut folders = vec![
        layout.units.clone(),
        layout.apps(),
        layout.releases(),
        layout.operations(),
    ];
    folders.extend(shared.parent().map(PathBuf::from));
    folders.extend(inside(layout.history_of_all(), |_| true));
    // A container's folder of rendered files.
    folders.extend(inside(layout.data.clone(), |name| name.starts_with(PREFIX)));
    folders.extend(inside(layout.data.join("secrets"), |_| true));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_command_left_is_swept_up_wherever_it_writes() {
        let root = std::env::temp_dir().join(format!("archipelago-sweep-{}", std::process::id()));
        let layout = Layout::under(&root);
        let app = AppId::parse("web").unwrap();
        let left = format!("{}x", disk::TEMPORARY_PREFIX);
        let written = [
            layout.units.clone(),
            layout.apps(),
            layout.operations(),
            layout.secrets(&app),
            layout.rendered("archy-web"),
            layout.runtime.join("archipelago"),
        ];
        let apps_own = layout.volumes(&app);
        for folder in written.iter().chain([&apps_own]) {
            disk::make_folder(folder, 0o755).unwrap();
            for name in [left.as_str(), "kept"] {
                std::fs::write(folder.join(name), "").unwrap();
            }
        }
        sweep(&layout, &mut ReadSet::begin());
        for folder in &written {
            assert_eq!(disk::names(folder).unwrap(), ["kept"], "{folder:?}");
        }
        assert_eq!(disk::names(&apps_own).unwrap().len(), 2, "an app's data");
        disk::remove_folder(&root).unwrap();
    }
}
