//! One pass of the reconciler: read, observe, plan, apply. The daemon and the command line both make passes, one at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use archipelago_core::desired::{Apps, Desired, assemble};
use archipelago_core::health::{Report, report};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::observed::Observed;
use archipelago_core::reconcile::Reconciler;
use tokio::sync::Notify;

use crate::host::apply::{Hands, apply, remember};
use crate::host::image::Images;
use crate::host::lock::Lock;
use crate::host::observe::observe;
use crate::host::podman::Podman;
use crate::host::systemd::Systemd;
use crate::host::{disk, inputs, lock, observe, systemd};

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
    /// Whether it did something, so that another look is due.
    pub acted: bool,
    /// When something that failed is due again, from now.
    pub wake_after: Option<Duration>,
}

/// Makes passes.
pub struct Manager {
    layout: Layout,
    systemd: Systemd,
    podman: Podman,
    images: Images,
    reconciler: Reconciler,
    started: Instant,
}

impl Manager {
    /// Connects to the user's systemd; Podman is not asked anything yet.
    ///
    /// # Errors
    /// When systemd cannot be reached.
    pub async fn new(layout: Layout) -> Result<Self, systemd::Error> {
        let podman = Podman::for_this_user();
        Ok(Self {
            systemd: Systemd::connect().await?,
            images: Images::new(podman.clone(), layout.clone()),
            reconciler: Reconciler::default(),
            started: Instant::now(),
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

    /// Rung when an image has come or failed.
    pub fn images_ended(&self) -> Arc<Notify> {
        Arc::clone(&self.images.ended)
    }

    /// Makes a pass.
    ///
    /// # Errors
    /// When no pass could be made; what fails inside one is remembered and part of the report.
    pub async fn pass(&mut self) -> Result<Pass, Error> {
        let _lock = Lock::of_passes(&self.layout).await?;
        self.sweep();
        for (name, result) in self.images.finished().await {
            if let Err(cause) = &result {
                tracing::warn!("no image {name}: {cause}");
            }
            self.reconciler
                .image_finished(&name, result, self.started.elapsed());
        }
        let desired = self.desired();
        let observed = self.observe(&desired).await?;
        let now = self.started.elapsed();
        let plan = self.reconciler.plan(&desired, &observed, now);
        let mut hands = Hands {
            layout: &self.layout,
            systemd: &self.systemd,
            podman: &self.podman,
            images: &mut self.images,
        };
        let outcomes = apply(&mut hands, &plan).await;
        self.reconciler
            .finished(&desired, &plan, &outcomes, self.started.elapsed());
        Ok(Pass {
            report: report(&desired, &observed, self.reconciler.progress()),
            acted: !plan.is_empty(),
            wake_after: plan.wake_at.map(|at| at.saturating_sub(now)),
        })
    }

    /// Looks without doing anything.
    ///
    /// # Errors
    /// When the host could not be looked at.
    pub async fn look(&mut self) -> Result<Report, Error> {
        let desired = self.desired();
        let observed = self.observe(&desired).await?;
        Ok(report(&desired, &observed, self.reconciler.progress()))
    }

    /// Lets what failed for an app be tried at once.
    pub fn hurry(&mut self, id: &AppId) {
        let desired = self.desired();
        self.reconciler.hurry(&desired, id);
    }

    /// The apps that require this one and are to stay.
    pub fn required_by(&self, id: &AppId) -> Vec<AppId> {
        let desired = self.desired();
        let requires = desired
            .present()
            .filter(|(_, present)| present.requires.contains(id));
        requires.map(|(other, _)| other.clone()).collect()
    }

    /// Lets the next passes restart the containers of an app: what runs now must end, which is all that a restart is.
    ///
    /// # Errors
    /// When the host cannot be looked at or the request not be kept.
    pub async fn request_restart(&mut self, id: &AppId) -> Result<(), Error> {
        let _lock = Lock::of_passes(&self.layout).await?;
        let desired = self.desired();
        let observed = self.observe(&desired).await?;
        let mut memory = observed.memory.clone();
        for (_, present) in desired.present().filter(|(other, _)| *other == id) {
            for (unit, _) in present.containers() {
                if let Some(invocation) = observed.invocations.get(&unit.service) {
                    memory
                        .restarts
                        .insert(unit.service.clone(), invocation.clone());
                }
            }
        }
        remember(&self.layout, &memory).map_err(observe::Error::Disk)?;
        Ok(())
    }

    fn desired(&self) -> Desired {
        let mut inputs = inputs::read(&self.layout);
        let apps = Apps::read(&inputs);
        inputs.captured = inputs::captured(apps.captures(&self.layout));
        assemble(&inputs, &apps)
    }

    async fn observe(&self, desired: &Desired) -> Result<Observed, observe::Error> {
        observe(desired, &self.systemd, &self.podman, self.images.underway()).await
    }

    /// A crash in the middle of a write leaves a temporary file, which nothing reads.
    fn sweep(&self) {
        for folder in [&self.layout.units, &self.layout.apps()] {
            if let Err(error) = disk::sweep(folder) {
                tracing::warn!("{}", crate::host::image::chain(&error));
            }
        }
    }
}
