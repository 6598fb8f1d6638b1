//! Doing one thing to the host. Every step may have been done before; none of them decides anything.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use archipelago_core::action::{Action, Step};
use archipelago_core::desired::APP_LABEL;
use archipelago_core::layout::Layout;
use archipelago_core::name::{AppId, PREFIX};
use archipelago_core::observed::Memory;
use archipelago_core::reconcile::Outcome;
use tracing::{debug, info, warn};

use super::image::Images;
use super::inventory::REVISION_LABEL;
use super::podman::{Podman, revive};
use super::systemd::Systemd;
use super::{data_folder, disk, generator};
use archipelago_core::error::chain;

/// Rendered files and secrets hold credentials; unit files tell what is in them.
const PRIVATE: u32 = 0o600;
/// Folders of data are entered by this user alone; what is inside is the containers' business.
const PRIVATE_FOLDER: u32 = 0o700;

/// The unit behind which Podman waits for calls.
const PODMAN_SOCKET: &str = "podman.socket";

/// The number of random bytes of a secret.
const SECRET_BYTES: usize = 32;

/// What applying needs.
pub struct Executor<'a> {
    /// Where things lie.
    pub layout: &'a Layout,
    /// The user's systemd.
    pub systemd: &'a Systemd,
    /// Podman.
    pub podman: &'a Podman,
    /// The images that are being got.
    pub images: &'a mut Images,
}

type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

impl Executor<'_> {
    /// Does one action and logs it.
    pub async fn execute(&mut self, action: &Action) -> Outcome {
        let Action { app, step } = action;
        let result = self.act(app.as_ref(), step).await;
        let app = app.as_ref().map(AppId::as_str);
        match result {
            Ok(()) => {
                match step {
                    Step::Remember(_) => debug!(app, "{}", describe(step)),
                    _ => info!(app, "{}", describe(step)),
                }
                Outcome::Done
            }
            Err(error) => {
                warn!(app, "{} failed: {}", describe(step), chain(error.as_ref()));
                refusal(error)
            }
        }
    }
}

fn refusal(error: Box<dyn std::error::Error + Send + Sync>) -> Outcome {
    match error.downcast::<generator::Error>() {
        Ok(error) => match *error {
            generator::Error::Refused(units) => Outcome::Refused(units),
            other => Outcome::Failed(chain(&other)),
        },
        Err(error) => Outcome::Failed(chain(error.as_ref())),
    }
}

/// What a step does, for the journal; never what a file or secret holds.
fn describe(step: &Step) -> String {
    match step {
        Step::ClaimData(_) => "mark the data folder as this node's".to_owned(),
        Step::GenerateSecret { app, name } => format!("generate the secret {name} of {app}"),
        Step::MakeFolder(path) => format!("make the folder {}", path.display()),
        Step::EnsureImage(image) => format!("get the image {}", image.reference),
        Step::CheckUnits { units, .. } => format!("check {} units with Quadlet", units.len()),
        Step::Remember(_) => "remember what this pass does".to_owned(),
        Step::WriteFile { path, .. } => format!("write {}", path.display()),
        Step::StoreSecret { podman_name, .. } => format!("store the Podman secret {podman_name}"),
        Step::WriteUnit { name, .. } => format!("write the unit {name}"),
        Step::RemoveUnit(name) => format!("remove the unit {name}"),
        Step::Reload => "reload systemd".to_owned(),
        Step::RestartPodmanSocket => "make Podman's socket anew".to_owned(),
        Step::Start(service) => format!("start {service}"),
        Step::Restart(service) => format!("restart {service}"),
        Step::Stop(service) => format!("stop {service}"),
        Step::CancelJob(service) => format!("let nothing wait for {service} to stop"),
        Step::RemoveRendered(container) => format!("remove the rendered files of {container}"),
        Step::RemoveContainer(name) => format!("remove the container {name}"),
        Step::RemoveNetwork(name) => format!("remove the network {name}"),
        Step::RemoveVolume(name) => format!("remove the volume {name}"),
        Step::RemoveSecret(name) => format!("remove the Podman secret {name}"),
        Step::RemoveImage(name) => format!("remove the image {name}"),
        Step::RemoveData(app) => format!("remove the data of {app}"),
        Step::RemoveRelease(release) => {
            format!("remove the release {release}, which nothing needs")
        }
        Step::RemoveDefinition(app) => format!("remove the former definition of {app}"),
        Step::Forget(app) => format!("forget {app}"),
    }
}

impl Executor<'_> {
    async fn act(&mut self, app: Option<&AppId>, step: &Step) -> Done {
        let layout = self.layout;
        if step.touches_data() {
            data_folder::ensure_ours(layout)?;
        }
        match step {
            Step::ClaimData(id) => data_folder::take(layout, id.clone())?,
            Step::GenerateSecret { app, name } => generate_secret(layout, app, name)?,
            Step::MakeFolder(path) => {
                data_folder::make_folder(layout, path, PRIVATE_FOLDER)?;
            }
            Step::EnsureImage(image) => self.images.begin((**image).clone(), app.cloned()),
            Step::CheckUnits { units, written } => {
                generator::check(units, written, &scratch(layout)).await?;
            }
            Step::Remember(memory) => remember(layout, memory)?,
            Step::WriteFile { path, content } => {
                let folder = path.parent().unwrap_or(path);
                data_folder::make_folder(layout, folder, PRIVATE_FOLDER)?;
                disk::write_if_changed(path, content.as_bytes(), PRIVATE)?;
            }
            Step::StoreSecret {
                podman_name,
                name,
                revision,
            } => {
                let app = app.ok_or("a secret belongs to an app")?;
                let path = layout.secrets(app).join(name);
                let text = disk::read_text(&path)?
                    .ok_or_else(|| format!("the secret {} is gone", path.display()))?;
                let labels = BTreeMap::from([
                    (APP_LABEL.to_owned(), app.to_string()),
                    (REVISION_LABEL.to_owned(), revision.clone()),
                ]);
                self.podman
                    .create_secret(
                        podman_name,
                        text.trim_end_matches('\n').into(),
                        &labels,
                        true,
                    )
                    .await?;
            }
            Step::WriteUnit { name, content } => {
                disk::make_folder(&layout.units, 0o755)?;
                disk::write_if_changed(&layout.unit(name), content.as_bytes(), PRIVATE)?;
            }
            Step::RemoveUnit(name) => disk::remove(&layout.unit(name))?,
            Step::Reload => {
                // What systemd has read already goes on being supervised; after this reload it might not.
                generator::check_folder(&layout.units).await?;
                self.systemd.reload().await?;
            }
            Step::RestartPodmanSocket => {
                // It may hang or be masked; the socket is tried all the same.
                match revive().await {
                    Ok(true) => info!("Podman had lost its containers' processes; it knows now"),
                    Ok(false) => {}
                    Err(cause) => warn!("{cause}"),
                }
                self.systemd.restart(PODMAN_SOCKET).await?;
            }
            Step::Start(service) => drop(self.systemd.start(service).await?),
            Step::Restart(service) => drop(self.systemd.restart(service).await?),
            Step::Stop(service) => drop(self.systemd.stop(service).await?),
            Step::CancelJob(service) => self.systemd.cancel_job(service).await?,
            Step::RemoveRendered(container) => {
                // Beside these folders lie those of all apps' data.
                assert!(
                    container.starts_with(PREFIX),
                    "{container} is no container of ours"
                );
                disk::remove_folder(&layout.rendered(container))?;
            }
            Step::RemoveContainer(name) => self.podman.remove_container(name, true).await?,
            Step::RemoveNetwork(name) => self.podman.remove_network(name).await?,
            Step::RemoveVolume(name) => self.podman.remove_volume(name).await?,
            Step::RemoveSecret(name) => self.podman.remove_secret(name).await?,
            Step::RemoveImage(name) => self.podman.remove_image(name).await?,
            Step::RemoveData(app) => {
                remove_owned_by_containers(&[layout.volumes(app), layout.files(app)]).await?;
                disk::remove_folder(&layout.secrets(app))?;
            }
            Step::RemoveRelease(release) => disk::remove_folder(&layout.release(release))?,
            Step::RemoveDefinition(app) => disk::remove_folder(&layout.old_definition(app))?,
            Step::Forget(app) => {
                // Once the app is forgotten, nobody would remove a unit file that came back with a loss of power.
                if layout.units.is_dir() {
                    disk::sync_folder(&layout.units)?;
                }
                disk::remove_folder(&layout.old_definition(app))?;
                disk::remove(&layout.intent(app))?;
            }
        }
        Ok(())
    }
}

/// Where units are laid out for the generator's dry run. By its name the next pass sweeps it up should this one be killed.
fn scratch(layout: &Layout) -> std::path::PathBuf {
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
    let text = serde_json::to_vec(memory).expect("a memory is plain text and booleans");
    disk::write_if_changed(&path, &text, PRIVATE).map(drop)
}

/// Writes a new random secret, unless there is one: what uses the old one would be locked out.
fn generate_secret(layout: &Layout, app: &AppId, name: &str) -> Done {
    let folder = layout.secrets(app);
    data_folder::make_folder(layout, &folder, PRIVATE_FOLDER)?;
    let path = folder.join(name);
    if disk::is_there(&path) {
        return Err(format!(
            "the secret {} is there but holds nothing that can be read; give it back to this user, or move it away",
            path.display()
        )
        .into());
    }
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let temporary = folder.join(format!("{}{name}", disk::TEMPORARY_PREFIX));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(PRIVATE)
        .open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // A link, not a rename: of two managers that generate at once, only the first one's secret takes the name.
    let linked = std::fs::hard_link(&temporary, &path);
    disk::remove(&temporary)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => {
            let lasts = disk::sync_folder(&folder);
            if lasts.is_err() {
                // Used all the same, it could be gone after a loss of power, and what was made with it be lost.
                disk::remove(&path)?;
            }
            Ok(lasts?)
        }
    }
}

/// Removes folders whose files belong to users inside containers, which only Podman's user namespace may touch.
async fn remove_owned_by_containers(folders: &[std::path::PathBuf]) -> Done {
    let present: Vec<&std::path::PathBuf> =
        folders.iter().filter(|folder| folder.exists()).collect();
    if present.is_empty() {
        return Ok(());
    }
    let output = tokio::process::Command::new("podman")
        .args(["unshare", "rm", "-rf", "--"])
        .args(&present)
        .output()
        .await?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "podman unshare rm: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    )
    .into())
}
