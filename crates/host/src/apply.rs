//! Doing one thing to the host. Every step may have been done before; none of them decides
//! anything.

use std::collections::BTreeMap;
use std::path::PathBuf;

use archipelago_core::action::{Action, AppAction, AppStep, HostStep, Reason};
use archipelago_core::cause::Cause;
use archipelago_core::desired::APP_LABEL;
use archipelago_core::layout::Layout;
use archipelago_core::name::PREFIX;
use archipelago_core::observed::Memory;
use archipelago_core::quadlet::service_of;
use archipelago_core::reconcile::Outcome;
use tracing::{info, warn};

use super::image::ImageJobs;
use super::inventory::REVISION_LABEL;
use super::podman::{self, Podman, revive};
use super::systemd::{self, Systemd};
use super::{
    data_folder, disk, generator, known_images, mounts, network_helpers, owners, purge, releases,
    secret,
};
use archipelago_core::error::chain;

/// Rendered files and secrets hold credentials; unit files tell what is in them.
const PRIVATE: u32 = 0o600;
/// Folders of data are entered by this user alone; what is inside is the containers' business.
const PRIVATE_FOLDER: u32 = 0o700;

/// The unit behind which Podman waits for calls.
const PODMAN_SOCKET: &str = "podman.socket";

/// Carries out actions.
pub struct Executor<'a> {
    pub layout: &'a Layout,
    /// The user's systemd.
    pub systemd: &'a Systemd,
    pub podman: &'a Podman,
    /// The images that are being got.
    pub images: &'a mut ImageJobs,
}

/// Why an action failed: an edge's error, or a finding of this file.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error(transparent)]
    DataFolder(#[from] data_folder::Error),
    #[error(transparent)]
    Systemd(#[from] systemd::Error),
    #[error(transparent)]
    Podman(#[from] podman::Error),
    #[error(transparent)]
    Generator(#[from] generator::Error),
    #[error(transparent)]
    Networks(#[from] network_helpers::Error),
    #[error(transparent)]
    Owner(#[from] owners::Error),
    #[error(transparent)]
    Purge(#[from] purge::Error),
    #[error(transparent)]
    Release(#[from] releases::NameError),
    #[error(transparent)]
    Secret(#[from] secret::Error),
    #[error(transparent)]
    Found(#[from] Cause),
}

type Done = Result<(), Error>;

impl Executor<'_> {
    /// Does one action.
    pub async fn execute(&mut self, action: &Action) -> Outcome {
        let result = match action {
            Action::App(action) => self.act_for_app(action).await,
            Action::Host(action) => self.act_for_host(&action.step).await,
        };
        match result {
            Ok(()) => Outcome::Done,
            Err(error) => outcome(error),
        }
    }
}

fn outcome(error: Error) -> Outcome {
    let words = chain(&error);
    Outcome::Failed(match error {
        Error::Generator(generator::Error::Refused(units)) => return Outcome::Refused(units),
        Error::Generator(generator::Error::Blocked(blocked)) => blocked.into(),
        Error::Generator(_) => Cause::Generator(words),
        Error::DataFolder(_) => Cause::DataFolder(words),
        Error::Systemd(_) => Cause::Systemd(words),
        Error::Podman(_) | Error::Networks(_) | Error::Owner(_) => Cause::Podman(words),
        Error::Secret(secret::Error::Unreadable(path)) => Cause::SecretUnreadable(path),
        Error::Secret(secret::Error::DataFolder(_)) => Cause::DataFolder(words),
        Error::Disk(_) | Error::Purge(_) | Error::Release(_) | Error::Secret(_) => {
            Cause::File(words)
        }
        Error::Found(cause) => cause,
    })
}

impl Executor<'_> {
    async fn act_for_app(&mut self, action: &AppAction) -> Done {
        let layout = self.layout;
        let AppAction { app, step, .. } = action;
        if step.touches_data() {
            data_folder::ensure_ours(layout)?;
        }
        match step {
            AppStep::GenerateSecret { name, recipe } => secret::make(layout, app, name, recipe)?,
            AppStep::MakeFolder(path) => {
                data_folder::make_folder(layout, path, PRIVATE_FOLDER)?;
            }
            AppStep::GiveFolder { path, owner } => owners::give(path, *owner).await?,
            AppStep::EnsureImage(image) => self.images.begin((**image).clone(), Some(app.clone())),
            AppStep::RememberImages(learnt) => known_images::add(layout, learnt)?,
            AppStep::WriteFile { path, content } => {
                let folder = path.parent().unwrap_or(path);
                data_folder::make_folder(layout, folder, PRIVATE_FOLDER)?;
                disk::write_if_changed(path, content.as_bytes(), PRIVATE)?;
            }
            AppStep::StoreSecret {
                podman_name,
                name: _,
                revision,
                content,
            } => {
                let labels = BTreeMap::from([
                    (APP_LABEL.to_owned(), app.to_string()),
                    (REVISION_LABEL.to_owned(), revision.clone()),
                ]);
                self.podman
                    .create_secret(podman_name, content.0.clone(), &labels, true)
                    .await?;
            }
            AppStep::WriteUnit { name, content } => {
                disk::make_folder(&layout.units, 0o755)?;
                disk::write_if_changed(&layout.unit(name), content.as_bytes(), PRIVATE)?;
            }
            AppStep::RemoveUnit(name) => {
                // systemd lists a failed service until it is told to forget it, even without a
                // unit.
                self.systemd.reset_failed(&service_of(name)).await?;
                disk::remove(&layout.unit(name))?;
            }
            AppStep::Start(service) => drop(self.systemd.start(service).await?),
            AppStep::Restart(service) => drop(self.systemd.restart(service).await?),
            AppStep::Stop(service) => drop(self.systemd.stop(service).await?),
            AppStep::CancelJob(service) => self.systemd.cancel_job(service).await?,
            AppStep::RemoveRendered(container) => {
                // Beside these folders lie those of all apps' data.
                assert!(
                    container.starts_with(PREFIX),
                    "{container} is no container of ours"
                );
                disk::remove_folder(&layout.rendered(container))?;
            }
            AppStep::RemoveContainer(name) => self.podman.remove_container(name, true).await?,
            AppStep::RemoveNetwork(name) => self.podman.remove_network(name).await?,
            AppStep::RemoveVolume(name) => remove_volume(layout, self.podman, name).await?,
            AppStep::RemoveSecret(name) => self.podman.remove_secret(name).await?,
            AppStep::RemoveImage(name) => self.podman.remove_image(name).await?,
            AppStep::RemoveData => purge::remove(layout, app).await?,
            AppStep::StoreRelease { release, files } => releases::store(layout, release, files)?,
            AppStep::NameRelease { release, allow } => {
                releases::name(layout, app, release, allow)?;
            }
            AppStep::KeepGranted(intent) => releases::keep_granted(layout, app, intent)?,
            AppStep::RemoveFormer => disk::remove_folder(&layout.definition(app))?,
            AppStep::Forget => {
                // Once the app is forgotten, nobody would remove a unit file that came back with a
                // loss of power.
                if disk::exists(&layout.units)? {
                    disk::sync_folder(&layout.units)?;
                }
                releases::forget(layout, app)?;
                disk::remove(&layout.intent(app))?;
                if disk::names(&layout.apps())?.is_empty() {
                    disk::remove(&layout.images())?;
                }
            }
        }
        Ok(())
    }

    async fn act_for_host(&mut self, step: &HostStep) -> Done {
        let layout = self.layout;
        match step {
            HostStep::ClaimData(id) => data_folder::take(layout, id.clone())?,
            HostStep::CheckUnits { units, required } => {
                generator::check(units, required, &scratch(layout)).await?;
            }
            HostStep::Remember(memory) => remember(layout, memory)?,
            HostStep::Reload => {
                // systemd supervises the units that it has read; after this reload it might not.
                generator::check_folder(&layout.units).await?;
                self.systemd.reload().await?;
            }
            HostStep::RestartPodmanSocket => {
                // It may hang or be masked; the socket is tried all the same.
                match revive().await {
                    Ok(true) => info!("Podman had lost its containers' processes; it knows now"),
                    Ok(false) => {}
                    Err(error) => warn!("{}", chain(&error)),
                }
                self.systemd.restart(PODMAN_SOCKET).await?;
            }
            HostStep::ReloadNetworks(names) => network_helpers::reload(names).await?,
            HostStep::RemoveRelease(release) => releases::remove(layout, release)?,
        }
        Ok(())
    }
}

/// The folder for the generator's dry run. Its name marks it as temporary: if this pass is killed,
/// the next one removes it.
fn scratch(layout: &Layout) -> PathBuf {
    let name = format!("{}units", disk::TEMPORARY_PREFIX);
    layout.runtime.join("archipelago").join(name)
}

/// Keeps what must survive a crash of this process.
///
/// # Errors
/// When the disk refuses.
pub fn remember(layout: &Layout, memory: &Memory) -> Result<(), disk::Error> {
    let path = layout.pending();
    disk::make_folder(&layout.runtime.join("archipelago"), PRIVATE_FOLDER)?;
    let text = serde_json::to_vec(memory).expect("what is recorded is plain text and booleans");
    disk::write_if_changed(&path, &text, PRIVATE).map(drop)
}

/// Lets the next passes restart services: what runs now must end, which is all that a restart is.
/// The lock of passes is held.
///
/// # Errors
/// When the disk refuses.
pub fn note_restarts(
    layout: &Layout,
    restarts: &BTreeMap<String, String>,
) -> Result<(), disk::Error> {
    if restarts.is_empty() {
        return Ok(());
    }
    let mut memory = Memory::read(disk::read(&layout.pending())?.as_deref());
    for (service, invocation) in restarts {
        memory.must_end(service, invocation.clone(), Reason::RestartAsked);
    }
    remember(layout, &memory)
}

/// Removes a volume, unless something is still mounted at it: Podman would delete what it sees
/// there, and that is the data.
async fn remove_volume(layout: &Layout, podman: &Podman, name: &str) -> Done {
    if let Some(volume) = podman.volume(name).await? {
        let mounted = mounts::beneath(layout, &volume.mountpoint)
            .map_err(disk::failed("look for mounts in", &volume.mountpoint))?;
        if let Some(point) = mounted.into_iter().next() {
            return Err(Cause::StillMounted(point).into());
        }
    }
    Ok(podman.remove_volume(name).await?)
}
