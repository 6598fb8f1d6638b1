//! What each action of a plan does to the world: the counterpart of the program's `host/apply.rs`, one touch for each system call that counts.

use std::path::Path;
use std::time::Duration;

use archipelago_core::action::{Action, Step};
use archipelago_core::desired::{App, Desired, DesiredUnit, Present, Role};
use archipelago_core::name::AppId;
use archipelago_core::observed::{Load, Observed};
use archipelago_core::quadlet::{VERSION, service_of};
use archipelago_core::reconcile::Outcome;

use crate::invariants::Invariant;
use crate::manager::{Fetch, Manager};
use crate::mutation::Mutation;
use crate::world::disk::Bytes;
use crate::world::podman::{Object, Reach};
use crate::world::registry::{PULL, Supply};
use crate::world::{Killed, Trouble, World, quadlet};

/// What temporary files start with, as in the program.
pub(crate) const TEMPORARY_PREFIX: &str = ".archipelago-new-";

/// More attempts at one image than these within a minute are a storm.
const PULLS_MAX: usize = 15;
const PULLS_WITHIN: Duration = Duration::from_secs(60);

type Done = Result<(), Trouble>;

impl Manager {
    /// Does one thing, and says how it went.
    pub(crate) fn act(
        &mut self,
        world: &mut World,
        observed: &Observed,
        action: &Action,
    ) -> Result<Outcome, Killed> {
        world.judge(observed, action);
        let done = match &action.step {
            Step::CheckUnits { units, written } => {
                let files = units
                    .iter()
                    .map(|(name, text)| (name.clone(), Bytes::from(text.as_bytes())))
                    .collect();
                let (_, mut refused) = quadlet::generate(&files);
                refused.retain(|name, _| written.contains(name));
                if !refused.is_empty() {
                    return Ok(Outcome::Refused(refused));
                }
                world.call("check the units", |_| Ok(()))
            }
            Step::EnsureImage(image) => {
                let name = image.reference.to_string();
                world.count_pull(&name);
                let supply = world.registry.supply(&name);
                let built = matches!(image.origin, archipelago_core::desired::Origin::Build(_));
                let fetch = Fetch {
                    image: (**image).clone(),
                    ends_at: (supply != Supply::Hangs).then(|| world.clock.since_boot + PULL),
                    label: action.app.as_ref().filter(|_| built).map(AppId::to_string),
                };
                world.call("get an image", |_| Ok(())).map(|()| {
                    self.fetching.entry(name).or_insert(fetch);
                })
            }
            step => world.apply(action.app.as_ref(), step),
        };
        match done {
            Ok(()) => Ok(Outcome::Done),
            Err(Trouble::Failed(cause)) => Ok(Outcome::Failed(cause)),
            Err(Trouble::Killed) => Err(Killed),
        }
    }
}

impl World {
    fn apply(&mut self, app: Option<&AppId>, step: &Step) -> Done {
        let layout = self.layout.clone();
        match step {
            Step::CheckUnits { .. } | Step::EnsureImage(_) => Ok(()),
            Step::GenerateSecret { app, name } => self.generate_secret(app, name),
            Step::MakeFolder(path) => self.make_folder(path),
            Step::Remember(memory) => {
                self.make_folder(&layout.runtime.join("archipelago"))?;
                let text = serde_json::to_vec(memory).unwrap_or_default();
                self.write(&layout.pending(), &text, 0o600)
            }
            Step::WriteFile { path, content } => {
                self.make_folder(path.parent().unwrap_or(path))?;
                self.blur_readers(path, content.as_bytes());
                self.write(path, content.as_bytes(), 0o600)
            }
            Step::StoreSecret {
                podman_name,
                name,
                revision,
            } => self.store_secret(app, podman_name, name, revision),
            Step::WriteUnit { name, content } => {
                self.make_folder(&layout.units)?;
                self.blur_run(&service_of(name), content);
                self.write(&layout.unit(name), content.as_bytes(), 0o600)
            }
            Step::RemoveUnit(name) => self.remove(&layout.unit(name)),
            Step::Reload => self.call("reload systemd", |world| {
                world.reload();
                Ok(())
            }),
            Step::RestartPodmanSocket => self.call("restart podman.socket", |world| {
                if world.podman.reach == Reach::SocketGone {
                    world.podman.reach = Reach::Answers;
                }
                Ok(())
            }),
            Step::Start(service) => self.call("start", |world| world.start(service)),
            Step::Restart(service) => self.call("restart", |world| world.restart(service)),
            Step::Stop(service) => self.call("stop", |world| {
                world.stop(service);
                Ok(())
            }),
            Step::CancelJob(service) => self.call("cancel a job", |world| {
                world.cancel_job(service);
                Ok(())
            }),
            Step::RemoveRendered(container) => self.remove(&layout.rendered(container)),
            Step::RemoveContainer(name) => self.podman_call("remove a container", |world| {
                world.remove_container(name);
            }),
            Step::RemoveNetwork(name) => self.podman_call("remove a network", |world| {
                world.remove_network(name);
            }),
            Step::RemoveVolume(name) => self.podman_call("remove a volume", |world| {
                world.podman.volumes.remove(name);
            }),
            Step::RemoveSecret(name) => self.podman_call("remove a secret", |world| {
                world.podman.secrets.remove(name);
            }),
            Step::RemoveImage(name) => self.podman_call("remove an image", |world| {
                world.podman.images.remove(name);
            }),
            Step::RemoveData(app) => {
                for folder in [layout.volumes(app), layout.files(app), layout.secrets(app)] {
                    self.remove(&folder)?;
                }
                Ok(())
            }
            Step::Forget(app) => {
                // Once the app is forgotten, nobody would remove a unit file that came back with a loss of power.
                self.sync_folder(&layout.units)?;
                self.remove(&layout.definition(app))?;
                self.remove(&layout.intent(app))
            }
        }
    }

    /// What fails is tried again after 10, 20, 40 … seconds; each crash and each command may add an attempt.
    fn count_pull(&mut self, image: &str) {
        let now = self.clock.since_boot;
        let pulls = self.pulls.entry(image.to_owned()).or_default();
        pulls.retain(|at| *at + PULLS_WITHIN > now);
        pulls.push(now);
        if pulls.len() > PULLS_MAX {
            let what = format!("{image} was asked for {PULLS_MAX} times in {PULLS_WITHIN:?}");
            self.violation(Invariant::PatientAttempts, what);
        }
    }

    fn podman_call(&mut self, what: &str, work: impl FnOnce(&mut Self)) -> Done {
        self.call(what, |world| {
            if world.podman.reach != Reach::Answers {
                return Err(format!("{what}: connection refused"));
            }
            work(world);
            world.podman.changes += 1;
            Ok(())
        })
    }

    /// A temporary file, fsync, rename, fsync of the folder; the same bytes are not written.
    pub(crate) fn write(&mut self, path: &Path, content: &[u8], mode: u32) -> Done {
        let same = self.disk.read(path).is_some_and(|known| *known == *content);
        if same && self.disk.mode(path) == Some(mode) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder.join(format!("{TEMPORARY_PREFIX}{}", name.replace('.', "_")));
        let syncs = self.mutation != Some(Mutation::SkipFsync);
        let put = self
            .disk_call("write", |world| world.disk.write(&temporary, content, mode))
            .and_then(|()| {
                self.disk_call("fsync", |world| {
                    if syncs {
                        world.disk.sync_file(&temporary)?;
                    }
                    Ok(())
                })
            })
            .and_then(|()| {
                self.disk_call("rename", |world| {
                    if world.disk.exists(&temporary) {
                        world.disk.rename(&temporary, path)?;
                    }
                    Ok(())
                })
            });
        if let Err(Trouble::Failed(cause)) = put {
            let _ = self.disk.remove(&temporary);
            return Err(Trouble::Failed(cause));
        }
        put?;
        self.sync_folder(&folder)
    }

    pub(crate) fn sync_folder(&mut self, folder: &Path) -> Done {
        let syncs = self.mutation != Some(Mutation::SkipFsync);
        self.disk_call("fsync of the folder", |world| {
            if syncs {
                world.disk.sync_folder(folder);
            }
            Ok(())
        })
    }

    /// Each folder that is made is synced in its parent: what is in it cannot last longer than its name.
    pub(crate) fn make_folder(&mut self, path: &Path) -> Done {
        if self.disk.is_folder(path) {
            return Ok(());
        }
        self.disk_call("make a folder", |world| {
            for folder in world.disk.make_folder(path)? {
                world
                    .disk
                    .sync_folder(folder.parent().unwrap_or(Path::new("/")));
            }
            Ok(())
        })
    }

    fn remove(&mut self, path: &Path) -> Done {
        if !self.disk.exists(path) {
            return Ok(());
        }
        self.disk_call("remove", |world| world.disk.remove(path).map(drop))?;
        self.sync_folder(path.parent().unwrap_or(Path::new("/")))
    }

    fn generate_secret(&mut self, app: &AppId, name: &str) -> Done {
        let folder = self.layout.secrets(app);
        self.make_folder(&folder)?;
        let path = folder.join(name);
        if self.disk.exists(&path) {
            return Err(Trouble::Failed(format!("{} is there", path.display())));
        }
        self.secrets_made += 1;
        let drawn = self.chance.get(&path).cloned();
        let text = drawn.unwrap_or_else(|| format!("secret-{}", self.secrets_made));
        let temporary = folder.join(format!("{TEMPORARY_PREFIX}{name}"));
        self.disk_call("write a secret", |world| {
            world.disk.write(&temporary, text.as_bytes(), 0o600)?;
            world.disk.sync_file(&temporary)
        })?;
        self.disk_call("link a secret", |world| {
            let linked = world.disk.link_file(&temporary, &path);
            world.disk.remove(&temporary)?;
            linked
        })?;
        let lasts = self.sync_folder(&folder);
        if matches!(lasts, Err(Trouble::Failed(_))) {
            // Used all the same, it could be gone after a loss of power, and what was made with it be lost.
            let _ = self.disk.remove(&path);
        }
        lasts
    }

    fn store_secret(
        &mut self,
        app: Option<&AppId>,
        podman_name: &str,
        name: &str,
        revision: &str,
    ) -> Done {
        let Some(app) = app else {
            return Err(Trouble::Failed("a secret belongs to an app".to_owned()));
        };
        let text = self.disk.read(&self.layout.secrets(app).join(name));
        let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
        let secret = Object {
            label: Some(app.to_string()),
            revision: revision.to_owned(),
            text: text.unwrap_or_default(),
            folder: None,
        };
        self.podman_call("create a secret", |world| {
            world.podman.secrets.insert(podman_name.to_owned(), secret);
        })
    }

    /// Removes a container of Podman's; the service that runs it sees its process end.
    pub(crate) fn remove_container(&mut self, name: &str) {
        self.podman.containers.remove(name);
        let service = self.systemd.units.iter().find_map(|(service, unit)| {
            let run = unit.run.as_ref()?;
            match &run.definition.kind {
                quadlet::Kind::Container(container) if container.name == name => {
                    Some(service.clone())
                }
                _ => None,
            }
        });
        if let Some(service) = service {
            self.die(&service, 137);
        }
    }

    /// Removes a network with the containers in it.
    pub(crate) fn remove_network(&mut self, name: &str) {
        self.podman.networks.remove(name);
        let unit = format!("{name}.network");
        self.remove_containers(|container| container.networks.contains(&unit));
    }

    /// Removes the containers that are so.
    pub(crate) fn remove_containers(&mut self, is: impl Fn(&quadlet::Container) -> bool) {
        let units = self.systemd.units.values();
        let found: Vec<String> = units
            .filter_map(|unit| match &unit.run.as_ref()?.definition.kind {
                quadlet::Kind::Container(container) if is(container) => {
                    Some(container.name.clone())
                }
                _ => None,
            })
            .collect();
        for container in found {
            self.remove_container(&container);
        }
    }

    /// What is written now is not what the service was started with: it may be restarted.
    fn blur_run(&mut self, service: &str, content: &str) {
        if let Some(run) = self.run_mut(service)
            && unversioned(&run.definition.text) != unversioned(content.as_bytes())
        {
            run.blurred = true;
        }
    }

    fn blur_readers(&mut self, path: &Path, content: &[u8]) {
        for unit in self.systemd.units.values_mut() {
            if let Some(run) = &mut unit.run
                && let Some(known) = run.files.get(path)
                && known.as_deref() != Some(content)
            {
                run.blurred = true;
            }
        }
    }

    pub(crate) fn run_mut(&mut self, service: &str) -> Option<&mut crate::world::systemd::Running> {
        self.systemd.units.get_mut(service)?.run.as_mut()
    }

    /// Whether an action may be done now, by what is known of the world and not by what the planner knew.
    fn judge(&mut self, observed: &Observed, action: &Action) {
        let Some(wanted) = self.wanted.clone() else {
            return;
        };
        let app = action.app.as_ref().and_then(|id| wanted.apps.get(id));
        let present = match app {
            Some(App::Present(present)) => Some(present.as_ref()),
            _ => None,
        };
        match &action.step {
            Step::Remember(memory) => {
                for service in memory.restarts.keys() {
                    let reason = wanted.present().any(|(_, present)| {
                        unit_of(present, service)
                            .is_some_and(|unit| !self.is_as_wanted(present, unit))
                    });
                    if let Some(run) = self.run_mut(service).filter(|_| reason) {
                        run.blurred = true;
                    }
                }
            }
            Step::Stop(service) => {
                let unit = present.and_then(|present| unit_of(present, service));
                if unit.is_some()
                    && present.is_some_and(|present| {
                        present.running && !self.looks_in_vain(&wanted, present)
                    })
                    && self.runs(service)
                {
                    let what = format!("{service} is stopped, and should run");
                    self.violation(Invariant::NoNeedlessStop, what);
                }
            }
            Step::Restart(service) => {
                if let Some(present) = present
                    && let Some(unit) = unit_of(present, service)
                    && present.running
                    && !is_in_doubt(observed, service)
                    && !self.knows_another_run(unit)
                    && self.is_as_wanted(present, unit)
                {
                    let what = format!("{service} is restarted, and runs as it should");
                    self.violation(Invariant::NoNeedlessStop, what);
                }
            }
            Step::Start(service) => {
                let unit = present.and_then(|present| unit_of(present, service));
                if let Some(unit) = unit
                    && let Role::Container(container) = &unit.role
                    && let Some(view) = observed.podman_view()
                    && !view
                        .images
                        .contains_key(&container.image.reference.to_string())
                {
                    let what = format!("{service} is started without its image");
                    self.violation(Invariant::ImageBeforeStart, what);
                }
            }
            Step::RemoveData(id) => {
                let asked = matches!(wanted.apps.get(id), Some(App::Removed { purge: true, .. }));
                if !asked {
                    let what = format!("the data of {id} are removed, and nobody asked for that");
                    self.violation(Invariant::DataKept, what);
                }
            }
            _ => {}
        }
    }

    /// Whether an app that this one requires will not come up until the operator says so.
    fn looks_in_vain(&self, wanted: &Desired, present: &Present) -> bool {
        present.requires.iter().any(|(app, service)| {
            let stopped = matches!(wanted.apps.get(app), Some(App::Present(app)) if !app.running);
            let main = service
                .as_ref()
                .and_then(|main| self.systemd.units.get(main));
            stopped || main.is_some_and(|unit| unit.load == Load::Masked && unit.run.is_none())
        })
    }

    /// Whether what a container requires has been started again since it was.
    pub(crate) fn knows_another_run(&self, unit: &DesiredUnit) -> bool {
        let Role::Container(container) = &unit.role else {
            return false;
        };
        let began = |service: &String| self.systemd.units.get(service)?.seen().began;
        let own = began(&unit.service);
        container.follows.iter().any(|other| began(other) > own)
    }

    /// Whether a service runs with exactly what is wanted.
    fn is_as_wanted(&self, present: &Present, unit: &DesiredUnit) -> bool {
        let Some(run) = self
            .systemd
            .units
            .get(&unit.service)
            .filter(|unit| unit.job.is_none())
            .and_then(|unit| unit.run.as_ref())
        else {
            return false;
        };
        if run.blurred || self.asked_restarts.get(&unit.service) == Some(&run.invocation) {
            return false;
        }
        match &unit.role {
            Role::Network(name) => is_labelled(self.podman.networks.get(name)),
            Role::Volume(name) => is_labelled(self.podman.volumes.get(name)),
            Role::Container(_) => {
                unversioned(&run.definition.text) == unversioned(unit.file.content.as_bytes())
                    && run.files.iter().all(|(path, content)| {
                        present
                            .files
                            .get(path)
                            .is_none_or(|wanted| content.as_deref() == Some(wanted.as_bytes()))
                    })
                    && run.secrets.iter().all(|(name, revision)| {
                        present
                            .secrets
                            .get(name)
                            .is_none_or(|secret| secret.revision == *revision)
                    })
            }
        }
    }
}

/// Whether nobody can know what a service has come up with: its unit was changed while systemd was about to start it.
fn is_in_doubt(observed: &Observed, service: &str) -> bool {
    let stale = observed.memory.restarts.get(service);
    stale.is_some_and(String::is_empty)
}

fn is_labelled(object: Option<&Object>) -> bool {
    object.is_some_and(|object| object.label.is_some())
}

fn unit_of<'a>(present: &'a Present, service: &str) -> Option<&'a DesiredUnit> {
    present.units.values().find(|unit| unit.service == service)
}

/// A unit without the version of Archipelago that wrote it: an update restarts nothing.
fn unversioned(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.replace(&format!("Version={VERSION}"), "Version=")
        .replace("Version=0.0.1", "Version=")
}

/// A unit without what changes nothing: the version of Archipelago that wrote it, and the comment that an edit adds.
pub(crate) fn plain(text: &[u8]) -> String {
    unversioned(text).replace("# edited\n", "")
}
