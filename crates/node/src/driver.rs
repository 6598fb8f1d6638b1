//! One pass of the reconciler: read, observe, plan, apply. The daemon and the command line both make passes, one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archipelago_core::desired::Desired;
use archipelago_core::health::{Report, report};
use archipelago_core::layout::Layout;
use archipelago_core::name::{AppId, PREFIX};
use archipelago_core::observed::{Observed, Podman as PodmanState};
use archipelago_core::plan::{Plan, restarted_with};
use archipelago_core::progress::Subject;
use archipelago_core::reconcile::{FileWriters, Reconciler, Run};

use archipelago_host::apply::{Executor, apply, remember};
use archipelago_host::cache::{Cached, ReadSet};
use archipelago_host::image::Images;
use archipelago_host::lock::Lock;
use archipelago_host::observe::{ObservationCache, observe};
use archipelago_host::podman::Podman;
use archipelago_host::systemd::{ActiveState, Systemd};
use archipelago_host::wakeup::Wakeup;
use archipelago_host::watch::{Watch, WatchSet};
use archipelago_host::{disk, file_writers, inputs, lock, observe, systemd};

use crate::clock::since_boot;

/// How long a pass looks for who changes a file that is fought over.
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

/// A pass that was made.
#[derive(Debug)]
pub struct Pass {
    /// How the apps were when it looked.
    pub report: Report,
    /// Why Podman cannot be asked, if it was to be.
    pub podman: Option<String>,
    /// Whether it did something, so that another look is due.
    pub acted: bool,
    /// When something that failed is due again, from now.
    pub wake_after: Option<Duration>,
}

/// Makes passes.
pub struct Driver {
    layout: Layout,
    systemd: Systemd,
    podman: Podman,
    images: Images,
    reconciler: Reconciler,
    /// Whether it has made sure that the secrets it found will last.
    has_synced: bool,
    /// What should be there, and where to notice that something changes.
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
            has_synced: false,
            desired: Cached::default(),
            cache: ObservationCache::default(),
            swept: Cached::default(),
            wakeup,
            watch: None,
            podman,
            layout,
        })
    }

    /// Where things lie.
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

    /// Lets the bell ring from now on when a file changes that passes look at.
    ///
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
    pub async fn pass(&mut self) -> Result<Pass, Error> {
        let _lock = Lock::of_passes(&self.layout).await?;
        let layout = &self.layout;
        let Ok(()) = self.swept.get_or_read(|read_set| {
            sweep(layout, read_set);
            Ok::<_, Infallible>(())
        });
        self.make_secrets_last().map_err(observe::Error::Disk)?;
        self.recall();
        for (image, result) in self.images.finished().await {
            if let Err(cause) = &result {
                tracing::warn!("no image {}: {cause}", image.reference);
            }
            self.reconciler.image_finished(&image, result, since_boot());
        }
        let (desired, watch_set) = self.desired();
        // Before the look, so that whatever changes after it is heard.
        if let Some(watch) = &mut self.watch
            && watch.follow(&watch_set)
        {
            self.wakeup.notify();
        }
        let observed = self.observe(&desired).await?;
        let now = since_boot();
        let plan = self.reconciler.plan(&desired, &observed, now);
        let file_writers = self.file_writers(&plan).await;
        let mut executor = Executor {
            layout: &self.layout,
            systemd: &self.systemd,
            podman: &self.podman,
            images: &mut self.images,
        };
        let mut run = Run::new(&desired, &observed, &plan);
        apply(&mut executor, &mut run).await;
        self.has_synced &= !run.leaves_a_secret_in_doubt();
        self.reconciler
            .finished(&desired, &plan, run.outcomes(), since_boot());
        for told in self.reconciler.attribute(&file_writers) {
            tracing::warn!("{told}");
        }
        self.keep_progress();
        Ok(Pass {
            podman: silence(&observed),
            report: report(&desired, &observed, self.reconciler.progress()),
            acted: !plan.is_empty(),
            wake_after: plan
                .wake_at
                .map(|at| at.saturating_sub(now))
                .into_iter()
                .chain(self.cache.settles_in())
                .min(),
        })
    }

    /// Who may be changing the files that are fought over. Once these are put right, what they were, and who has them open, is gone.
    async fn file_writers(&self, plan: &Plan) -> BTreeMap<String, FileWriters> {
        let files = self.reconciler.fought_over(plan, &self.layout);
        if files.is_empty() {
            return BTreeMap::new();
        }
        // On a host with many processes it takes long enough to hold up whoever asks for `/health`; and one process that hangs in the kernel can hold
        // up whoever reads its arguments for ever.
        let look = tokio::task::spawn_blocking(|| file_writers::look(files));
        match tokio::time::timeout(FILE_WRITERS_LIMIT, look).await {
            Ok(Ok(file_writers)) => file_writers,
            Ok(Err(_)) | Err(_) => BTreeMap::new(),
        }
    }

    /// ObservationCache without doing anything.
    ///
    /// # Errors
    /// When the host could not be looked at.
    pub async fn look(&mut self) -> Result<Report, Error> {
        self.recall();
        let (desired, _) = self.desired();
        let mut observed = self.observe(&desired).await?;
        let containers = desired
            .present()
            .flat_map(|(_, present)| present.containers());
        let images: BTreeSet<String> = containers
            .map(|(_, container)| container.image.reference.to_string())
            .collect();
        for image in images {
            if self.images.is_underway_elsewhere(&image) {
                observed
                    .images_underway
                    .insert(image, "under way".to_owned());
            }
        }
        Ok(report(&desired, &observed, self.reconciler.progress()))
    }

    /// Lets what failed for an app be tried at once.
    ///
    /// # Errors
    /// When another process holds the lock and cannot be waited for.
    pub async fn retry_now(&mut self, id: &AppId) -> Result<(), Error> {
        let _lock = Lock::of_passes(&self.layout).await?;
        self.recall();
        let (desired, _) = self.desired();
        self.reconciler.retry_now(&desired, id);
        self.keep_progress();
        // What systemd still remembers of earlier failures says nothing about what comes now.
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
            Err(error) => tracing::warn!("{}", archipelago_core::error::chain(&error)),
        }
    }

    /// Lets the next passes restart the containers of an app: what runs now must end, which is all that a restart is.
    ///
    /// # Errors
    /// When the host cannot be looked at or the request not be kept.
    pub async fn request_restart(&mut self, id: &AppId) -> Result<(), Error> {
        let _lock = Lock::of_passes(&self.layout).await?;
        let (desired, _) = self.desired();
        let observed = self.observe(&desired).await?;
        let mut memory = observed.memory.clone();
        for service in restarted_with(&desired, &observed, id) {
            if let Some(invocation) = observed.invocations.get(service) {
                memory
                    .restarts
                    .insert(service.to_owned(), invocation.clone());
            }
        }
        remember(&self.layout, &memory).map_err(observe::Error::Disk)?;
        Ok(())
    }

    fn desired(&mut self) -> (Arc<Desired>, Arc<WatchSet>) {
        let layout = &self.layout;
        let Ok(known) = self.desired.get_or_read(|read_set| {
            let desired = inputs::desired(layout, read_set);
            let mut watch_set = read_set.watch_set();
            observe::watch_set(&desired, &mut watch_set);
            Ok::<_, Infallible>((Arc::new(desired), Arc::new(watch_set)))
        });
        known.clone()
    }

    async fn observe(&mut self, desired: &Desired) -> Result<Observed, observe::Error> {
        let progress = self.reconciler.progress();
        let silent = progress.attempts(&Subject::Podman).is_some()
            && !progress.is_due(&Subject::Podman, since_boot());
        let patience = if silent {
            observe::PATIENCE_WITH_A_SILENT_ONE
        } else {
            observe::PATIENCE
        };
        let underway = self.images.underway();
        observe(
            desired,
            &mut self.cache,
            &self.systemd,
            &self.podman,
            patience,
            underway,
        )
        .await
    }

    /// What one that was killed has just linked may not last yet; used all the same, it could be gone after a loss of power.
    fn make_secrets_last(&mut self) -> Result<(), disk::Error> {
        if self.has_synced {
            return Ok(());
        }
        let root = self.layout.data.join("secrets");
        for app in disk::names(&root)? {
            let folder = root.join(app);
            if folder.is_dir() {
                disk::sync_folder(&folder)?;
            }
        }
        self.has_synced = true;
        Ok(())
    }
}

/// A crash in the middle of a write leaves a temporary file, which nothing reads.
fn sweep(layout: &Layout, read_set: &mut ReadSet) {
    for folder in written_to(layout, read_set) {
        read_set.note(&folder);
        if let Err(error) = disk::sweep(&folder) {
            read_set.doubt();
            tracing::warn!("{}", archipelago_core::error::chain(&error));
        }
    }
}

/// Why Podman cannot be asked, if it was to be.
fn silence(observed: &Observed) -> Option<String> {
    match &observed.podman {
        PodmanState::Unreachable(cause) => Some(cause.clone()),
        PodmanState::Unasked | PodmanState::Seen(_) => None,
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
    let mut folders = vec![layout.units.clone(), layout.apps()];
    folders.extend(shared.parent().map(PathBuf::from));
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
        let layout = Layout {
            config: root.join("config"),
            data: root.join("data"),
            units: root.join("units"),
            systemd: root.join("systemd"),
            runtime: root.join("runtime"),
        };
        let app = AppId::parse("web").unwrap();
        let left = format!("{}x", disk::TEMPORARY_PREFIX);
        let written = [
            layout.units.clone(),
            layout.apps(),
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
