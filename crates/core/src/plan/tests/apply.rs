//! The effect of each action on the small world.

use super::world::*;
use crate::action::{Action, AppStep, HostStep};
use crate::data_folder::Claim;
use crate::desired::Origin;
use crate::name::AppId;
use crate::observed::RenderedFile;

impl World {
    /// The effect of each action when all goes well.
    pub(super) fn apply(&mut self, action: &Action) {
        match action {
            Action::App(action) => self.apply_for_app(&action.app, &action.step),
            Action::Host(action) => self.apply_for_host(&action.step),
        }
    }

    fn apply_for_app(&mut self, app: &AppId, step: &AppStep) {
        match step {
            AppStep::GenerateSecret { name, .. } => {
                let secrets = self.inputs.secrets.entry(app.clone()).or_default();
                secrets.insert(name.clone(), "5ec2e7".to_owned());
            }
            AppStep::MakeFolder(path) => {
                self.host.folders.insert(path.clone());
            }
            AppStep::GiveFolder { path, .. } => {
                self.host.ungiven.remove(path);
            }
            AppStep::EnsureImage(image) => {
                let owner = matches!(image.origin, Origin::Build(_)).then(|| id("web"));
                self.podman
                    .images
                    .insert(image.reference.to_string(), owner);
            }
            AppStep::RememberImages(learnt) => self.inputs.found.images.extend(learnt.clone()),
            AppStep::WriteFile { path, content } => {
                let file = RenderedFile {
                    content: content.clone().into_bytes(),
                    mode: 0o600,
                };
                self.host.files.insert(path.clone(), file);
            }
            AppStep::StoreSecret {
                podman_name,
                revision,
                ..
            } => {
                self.podman
                    .secrets
                    .insert(podman_name.clone(), Some((id("web"), revision.clone())));
            }
            AppStep::WriteUnit { name, content } => {
                self.host
                    .unit_files
                    .insert(name.clone(), content.clone().into_bytes());
            }
            AppStep::RemoveUnit(name) => {
                self.host.unit_files.remove(name);
            }
            AppStep::Start(name) | AppStep::Restart(name) => self.restart(name),
            AppStep::Stop(name) => self.stop(name),
            AppStep::CancelJob(name) => self.host.services.get_mut(name).unwrap().job = None,
            AppStep::RemoveRendered(container) => {
                let folder = self.inputs.layout.rendered(container);
                self.host.files.retain(|path, _| !path.starts_with(&folder));
            }
            AppStep::RemoveContainer(name) => drop(self.podman.containers.remove(name)),
            AppStep::RemoveNetwork(name) => drop(self.podman.networks.remove(name)),
            AppStep::RemoveVolume(name) => drop(self.podman.volumes.remove(name)),
            AppStep::RemoveSecret(name) => drop(self.podman.secrets.remove(name)),
            AppStep::RemoveImage(name) => drop(self.podman.images.remove(name)),
            AppStep::RemoveData => drop(self.inputs.secrets.remove(app)),
            AppStep::StoreRelease { release, .. } => {
                self.host.releases.all.insert(release.clone());
                self.host.releases.whole.insert(release.clone());
            }
            AppStep::NameRelease { release, allow } => {
                let intent = self.inputs.intents.get_mut(app).unwrap().as_mut().unwrap();
                intent.name_release(release, allow);
                let releases = &mut self.inputs.releases;
                releases.former.remove(app);
                releases
                    .named
                    .get_or_insert_default()
                    .insert(release.clone());
            }
            AppStep::KeepGranted(_) => drop(self.inputs.newly_granted.remove(app)),
            AppStep::RemoveFormer => drop(self.host.releases.former.remove(app)),
            AppStep::Forget => {
                self.inputs.intents.remove(app);
                self.inputs.definitions.remove(app);
            }
        }
    }

    fn apply_for_host(&mut self, step: &HostStep) {
        match step {
            HostStep::ClaimData(_) => self.inputs.found.claim = Claim::Held,
            HostStep::CheckUnits { .. } | HostStep::RestartPodmanSocket => {}
            HostStep::ReloadNetworks(_) => self.host.network.gone.clear(),
            HostStep::RemoveRelease(release) => drop(self.host.releases.all.remove(release)),
            HostStep::Remember(memory) => self.host.memory = memory.clone(),
            HostStep::Reload => self.reload(),
        }
    }
}
