//! The effect of each action on the host: the counterpart of the program's `host/apply.rs`.

use std::path::Path;

use archipelago_core::action::{Action, AppAction, AppStep, HostStep};
use archipelago_core::cause::Cause;
use archipelago_core::data_folder::Claim;
use archipelago_core::desired::SecretContent;
use archipelago_core::file::Files;
use archipelago_core::held::Granted;
use archipelago_core::intent::Intent;
use archipelago_core::name::AppId;
use archipelago_core::quadlet::service_of;
use archipelago_core::reconcile::Outcome;
use archipelago_core::release::ReleaseId;

use crate::checks::running::without_version;
use crate::host::disk::Bytes;
use crate::host::podman::{Object, Reach};
use crate::host::quadlet::{self, Complaint};
use crate::process::call::{CallError, Killed};
use crate::process::pulls::Pulls;
use crate::world::state::World;

type Done = Result<(), CallError>;

/// Takes one action. A pull is only begun: its image arrives later.
pub(crate) fn apply(
    world: &mut World,
    pulls: &mut Pulls,
    action: &Action,
) -> Result<Outcome, Killed> {
    let done = match action {
        Action::Host(action) => match &action.step {
            HostStep::CheckUnits { units, required } => {
                let files = units
                    .iter()
                    .map(|(name, text)| (name.clone(), Bytes::from(text.as_bytes())))
                    .collect();
                let (_, mut refused) = quadlet::generate(&files);
                refused.retain(|name, _| required.contains(name));
                if !refused.is_empty() {
                    let words =
                        |(name, complaint): (String, Complaint)| (name, complaint.to_string());
                    return Ok(Outcome::Refused(refused.into_iter().map(words).collect()));
                }
                world.call("check the units", |_| ())
            }
            step => world.apply_for_host(step),
        },
        Action::App(action) => match &action.step {
            AppStep::EnsureImage(image) => {
                let begun = world.call("pull an image", |_| ());
                begun.map(|()| pulls.begin(world, Some(&action.app), image))
            }
            _ => world.apply_for_app(action),
        },
    };
    match done {
        Ok(()) => Ok(Outcome::Done),
        Err(CallError::Failed(cause)) => Ok(Outcome::Failed(cause)),
        Err(CallError::Killed) => Err(Killed),
    }
}

impl World {
    fn apply_for_app(&mut self, action: &AppAction) -> Done {
        let layout = self.layout.clone();
        let AppAction { app, step, .. } = action;
        if step.touches_data()
            && let Claim::Refused(refusal) = self.claim()
        {
            return Err(CallError::Failed(Cause::DataFolder(
                refusal.finding(&layout),
            )));
        }
        match step {
            // The simulated apps run as root.
            AppStep::EnsureImage(_) | AppStep::RememberImages(_) | AppStep::GiveFolder { .. } => {
                Ok(())
            }
            AppStep::GenerateSecret { name, .. } => self.generate_secret(app, name),
            AppStep::MakeFolder(path) => self.make_folder(path),
            AppStep::WriteFile { path, content } => {
                self.make_folder(path.parent().unwrap_or(path))?;
                self.justify_restarts_of_readers(path, content.as_bytes());
                self.write(path, content.as_bytes(), 0o600)
            }
            AppStep::StoreSecret {
                podman_name,
                name: _,
                revision,
                content,
            } => self.store_secret(app, podman_name, revision, content),
            AppStep::WriteUnit { name, content } => {
                self.make_folder(&layout.units)?;
                self.justify_restart_for(&service_of(name), content);
                self.write(&layout.unit(name), content.as_bytes(), 0o600)
            }
            AppStep::RemoveUnit(name) => self.remove(&layout.unit(name)),
            AppStep::Start(service) => self.try_call("start", |world| world.systemd.start(service)),
            AppStep::Restart(service) => {
                self.try_call("restart", |world| world.systemd.restart(service))
            }
            AppStep::Stop(service) => self.call("stop", |world| world.systemd.stop(service)),
            AppStep::CancelJob(service) => self.call("cancel a job", |world| {
                world.systemd.cancel_job(service);
            }),
            AppStep::RemoveRendered(container) => self.remove(&layout.rendered(container)),
            AppStep::RemoveContainer(name) => self.podman_call("remove a container", |world| {
                world.remove_container(name);
            }),
            AppStep::RemoveNetwork(name) => {
                self.try_call("remove a network", |world| world.try_remove_network(name))
            }
            AppStep::RemoveVolume(name) => self.podman_call("remove a volume", |world| {
                world.podman.volumes.remove(name);
            }),
            AppStep::RemoveSecret(name) => self.podman_call("remove a secret", |world| {
                world.podman.secrets.remove(name);
            }),
            AppStep::RemoveImage(name) => self.podman_call("remove an image", |world| {
                world.podman.images.remove(name);
            }),
            AppStep::RemoveData => {
                for folder in [layout.volumes(app), layout.files(app), layout.secrets(app)] {
                    self.remove(&folder)?;
                }
                Ok(())
            }
            AppStep::StoreRelease { release, files } => self.store_release(release, files),
            AppStep::NameRelease { release, allow } => {
                let path = layout.intent(app);
                let text = self.disk.read(&path).unwrap_or_default();
                let text = String::from_utf8_lossy(&text).into_owned();
                let mut intent = Intent::parse("", &text).unwrap_or_default();
                intent.name_release(release, allow);
                self.write(&path, intent.to_text().as_bytes(), 0o600)
            }
            AppStep::KeepGranted(intent) => {
                self.make_folder(&layout.history(app))?;
                let text = Granted::to_text(intent);
                self.write(&layout.granted(app), text.as_bytes(), 0o600)
            }
            AppStep::RemoveFormer => self.remove(&layout.definition(app)),
            AppStep::Forget => {
                // A loss of power could restore a removed unit file. Without its app nothing would
                // remove it.
                self.sync_folder(&layout.units)?;
                self.remove(&layout.history(app))?;
                self.remove(&layout.definition(app))?;
                self.remove(&layout.intent(app))
            }
        }
    }

    fn apply_for_host(&mut self, step: &HostStep) -> Done {
        let layout = self.layout.clone();
        match step {
            HostStep::CheckUnits { .. } => Ok(()),
            HostStep::ClaimData(id) => self.claim_data(id.as_ref()),
            HostStep::Remember(memory) => {
                self.make_folder(&layout.runtime.join("archipelago"))?;
                let text = serde_json::to_vec(memory).unwrap_or_default();
                self.write(&layout.pending(), &text, 0o600)
            }
            HostStep::Reload => self.call("reload systemd", Self::reload),
            HostStep::RestartPodmanSocket => self.call("restart podman.socket", |world| {
                if world.podman.reach == Reach::SocketGone {
                    world.podman.reach = Reach::Answers;
                }
            }),
            HostStep::ReloadNetworks(names) => self.try_call("reload networks", |world| {
                let containers = &world.podman.containers;
                if let Some(name) = names.iter().find(|name| !containers.contains_key(*name)) {
                    return Err(format!("no container {name}"));
                }
                world.podman.resolver_is_gone = false;
                Ok(())
            }),
            HostStep::RemoveRelease(release) => self.remove(&layout.release(release)),
        }
    }

    /// Stores the files of a release. The program makes them appear in one step. Here a crash may
    /// leave some of them, which no intent names yet.
    pub(crate) fn store_release(&mut self, release: &ReleaseId, files: &Files) -> Done {
        let folder = self.layout.release(release);
        for (path, file) in files {
            let path = folder.join(path);
            self.make_folder(path.parent().unwrap_or(&folder))?;
            self.write(&path, &file.content, 0o644)?;
        }
        Ok(())
    }

    fn podman_call(&mut self, what: &str, work: impl FnOnce(&mut Self)) -> Done {
        self.try_call(what, |world| {
            if world.podman.reach != Reach::Answers {
                return Err(format!("{what}: connection refused"));
            }
            work(world);
            world.podman.changes += 1;
            Ok(())
        })
    }

    fn store_secret(
        &mut self,
        app: &AppId,
        podman_name: &str,
        revision: &str,
        content: &SecretContent,
    ) -> Done {
        let secret = Object {
            label: Some(app.to_string()),
            revision: revision.to_owned(),
            text: String::from_utf8_lossy(&content.0).into_owned(),
            ..Object::default()
        };
        self.podman_call("create a secret", |world| {
            world.podman.secrets.insert(podman_name.to_owned(), secret);
        })
    }

    /// Justifies a restart if the new unit file differs from the one that the service was started
    /// with.
    fn justify_restart_for(&mut self, service: &str, content: &str) {
        if let Some(run) = self.systemd.run_mut(service)
            && without_version(&run.definition.text) != without_version(content.as_bytes())
        {
            run.restart_justified = true;
        }
    }

    /// Justifies restarts of the services that were started with another content of this file.
    fn justify_restarts_of_readers(&mut self, path: &Path, content: &[u8]) {
        for unit in self.systemd.units.values_mut() {
            if let Some(run) = &mut unit.run
                && let Some(at_start) = run.files.get(path)
                && at_start.as_deref() != Some(content)
            {
                run.restart_justified = true;
            }
        }
    }
}
