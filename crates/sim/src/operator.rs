//! Interventions on the host. Each takes effect at once and as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use archipelago_core::action::Reason;
use archipelago_core::intent::{Intent, WantedState};
use archipelago_core::manifest::SettingValue;
use archipelago_core::name::AppId;
use archipelago_core::observed::Memory;
use archipelago_core::quadlet::service_of;
use archipelago_core::reconcile::Reconciler;
use archipelago_core::release::ReleaseId;

use crate::apps::{ASKED, ASKING_VERSION, BASE, SHOP, UNITS, files_of};
use crate::host::disk::Medium;
use crate::host::podman::Reach;
use crate::invariants::Invariant;
use crate::script::intervention::Intervention;
use crate::world::state::World;

/// Lines of a unit that Quadlet refuses.
pub const SPOILED: &str = "[Container]\nNoSuchKey=1\n";
/// The content of an operator's drop-in for systemd.
pub const DROP_IN: &str = "[Service]\nNice=5\n";
/// The file name of an operator's drop-in for Quadlet.
pub const DROP_IN_FILE: &str = "10-operator.conf";

impl World {
    pub fn intervene(&mut self, intervention: &Intervention) {
        if self.is_refused(intervention) {
            return;
        }
        match intervention {
            Intervention::Install(app, version) => self.install(app, *version),
            Intervention::Start(app) => self.change_intent(app, |intent| {
                intent.state = WantedState::Running;
                intent.purge = false;
            }),
            Intervention::Stop(app) => {
                self.change_intent(app, |intent| intent.state = WantedState::Stopped);
            }
            Intervention::SetPort(port) => self.change_intent(SHOP, |intent| {
                let port = SettingValue::Integer(i64::from(*port));
                intent.settings = BTreeMap::from([("port".to_owned(), port)]);
            }),
            Intervention::Uninstall(app) => self.change_intent(app, |intent| {
                intent.state = WantedState::Removed;
                intent.purge = false;
            }),
            Intervention::Purge(app) => self.change_intent(app, |intent| {
                intent.state = WantedState::Removed;
                intent.purge = true;
            }),
            Intervention::Rebuild => self.rebuild(),
            Intervention::EditIntent => self.edit_intent(),
            Intervention::Agree => {
                self.has_agreed = true;
                self.change_intent(SHOP, |intent| {
                    intent.allow.insert(ASKED.to_owned());
                });
            }
            Intervention::LoseGranted => self.delete(&self.layout.granted(&app_id(SHOP))),
            Intervention::DamageGranted => self.damage_granted(),
            Intervention::Restart(app) => self.request_restart(app),
            Intervention::DeleteUnit(name) => {
                self.delete(&self.layout.unit(name));
                self.justify_restart(&service_of(name));
            }
            Intervention::EditUnit(name) => {
                self.edit_unit(name, |text| [b"# edited\n", text].concat());
            }
            Intervention::SpoilUnit(name) => {
                self.edit_unit(name, |text| [text, SPOILED.as_bytes()].concat());
            }
            Intervention::DropIn(service) => {
                let folder = self.layout.systemd.join(format!("{service}.d"));
                let path = folder.join("override.conf");
                self.disk.put(&path, DROP_IN.as_bytes(), 0o644);
                self.reload();
            }
            Intervention::SpoilingDropIn(unit) => {
                let path = self.layout.unit(&format!("{unit}.d/{DROP_IN_FILE}"));
                self.disk.put(&path, SPOILED.as_bytes(), 0o644);
            }
            Intervention::RemoveDropIns(unit) => {
                self.delete(&self.layout.unit(&format!("{unit}.d")));
            }
            Intervention::Reload => self.reload(),
            Intervention::StopService(service) => self.systemd.stop(service),
            Intervention::KillService(service) => self.service_died(service, 137),
            Intervention::Mask(service) => self.mask(service),
            Intervention::Unmask(service) => {
                self.delete(&self.layout.systemd.join(service));
                self.reload();
            }
            Intervention::RemoveContainer(name) => self.remove_container(name),
            Intervention::RemoveNetwork(name) => {
                self.remove_network(name);
                self.podman.changes += 1;
            }
            Intervention::OpenNetwork(name) => {
                if let Some(network) = self.podman.networks.get_mut(name) {
                    network.isolated = false;
                    self.podman.changes += 1;
                }
            }
            Intervention::RemoveVolume(name) => self.remove_volume(name),
            Intervention::RemoveSecret(name) => {
                self.podman.secrets.remove(name);
                self.podman.changes += 1;
            }
            Intervention::RemoveImage(name) => {
                if self.podman.images.remove(name).is_some() {
                    self.podman.changes += 1;
                    self.remove_containers(|container| container.image == *name);
                }
            }
            Intervention::Prune => self.prune(),
            Intervention::PodmanReset => self.reset_podman(),
            Intervention::DeleteAllUnits => {
                for name in UNITS {
                    self.intervene(&Intervention::DeleteUnit(name.to_owned()));
                }
            }
            Intervention::DeleteRendered(container) => {
                self.delete(&self.layout.rendered(container));
            }
            Intervention::EditRendered(container) => self.edit_rendered(container),
            Intervention::FillDisk => self.disk.medium = Medium::Full,
            Intervention::MountReadOnly => self.disk.medium = Medium::ReadOnly,
            Intervention::MendDisk => self.disk.medium = Medium::Writable,
            Intervention::UnmountData => self.disk.unmount(&self.layout.data),
            Intervention::MountData => self.mount_data(),
            Intervention::RemoveSocket => self.podman.reach = Reach::SocketGone,
            Intervention::KillResolver => {
                // The resolver runs only beside containers, and its end causes an event.
                self.podman.resolver_is_gone = !self.podman.containers.is_empty();
                self.systemd.notifications += 1;
            }
            Intervention::BreakPodman => self.podman.reach = Reach::Dead,
            Intervention::MendPodman => self.podman.reach = Reach::Answers,
            Intervention::Registry(outcome) => self.registry.outcome = *outcome,
            Intervention::SetClock(seconds) => self.clock.wall += seconds,
            Intervention::Reboot => self.boot(None),
            Intervention::PowerLoss(unsynced) => self.boot(Some(*unsynced)),
        }
    }

    fn mount_data(&mut self) {
        let hidden = self.disk.mount();
        if let Some(path) = hidden.first() {
            let what = format!("{path} was made on the mount point while the disk was not mounted");
            self.violation(Invariant::DataKept, what);
        }
    }

    /// Whether the command line refuses, because the shop requires the other app.
    pub(crate) fn is_refused(&self, intervention: &Intervention) -> bool {
        let is_installed = |app: &str| {
            let text = self.disk.read(&self.layout.intent(&app_id(app)));
            text.and_then(|text| Intent::parse("", &String::from_utf8_lossy(&text)).ok())
                .is_some_and(|intent| intent.state != WantedState::Removed)
        };
        match intervention {
            Intervention::Uninstall(app) | Intervention::Purge(app) => {
                app == BASE && is_installed(SHOP)
            }
            Intervention::Install(app, _) | Intervention::Start(app) | Intervention::Stop(app) => {
                app == SHOP && !is_installed(BASE)
            }
            _ => false,
        }
    }

    fn install(&mut self, app: &str, version: u8) {
        // A command fails on such a disk.
        if self.disk.medium != Medium::Writable {
            return;
        }
        let id = app_id(app);
        let release = self.put_release(app, version);
        let known = self.disk.read(&self.layout.intent(&id));
        let settings = known
            .and_then(|text| Intent::parse("", &String::from_utf8_lossy(&text)).ok())
            .map(|intent| intent.settings)
            .unwrap_or_default();
        let intent = Intent {
            release: Some(release),
            settings,
            ..Intent::default()
        };
        let path = self.layout.intent(&id);
        self.disk.put(&path, intent.to_text().as_bytes(), 0o644);
        self.retry_now(&id);
    }

    fn put_release(&mut self, app: &str, version: u8) -> ReleaseId {
        let files = files_of(app, version);
        let release = ReleaseId::of(&files);
        for (path, file) in &files {
            let path = self.layout.release(&release).join(path);
            self.disk.put(&path, &file.content, 0o644);
        }
        release
    }

    fn edit_intent(&mut self) {
        if self.disk.medium == Medium::Writable
            && self.disk.exists(&self.layout.intent(&app_id(SHOP)))
        {
            let release = self.put_release(SHOP, ASKING_VERSION);
            self.change_intent(SHOP, |intent| intent.release = Some(release));
        }
    }

    fn damage_granted(&mut self) {
        let path = self.layout.granted(&app_id(SHOP));
        if let Some(text) = self.disk.read(&path) {
            let half = text.len() / 2;
            self.disk.put(&path, &text[..half], 0o600);
        }
    }

    fn rebuild(&mut self) {
        if let Some((rebuilt, builds)) = self.rebuilt()
            && builds.iter().all(|image| self.try_build(image).is_ok())
        {
            self.change_intent(SHOP, |intent| *intent = rebuilt);
        }
    }

    fn change_intent(&mut self, app: &str, change: impl FnOnce(&mut Intent)) {
        let id = app_id(app);
        let path = self.layout.intent(&id);
        let Some(text) = self.disk.read(&path) else {
            return;
        };
        // A command fails on such a disk.
        if self.disk.medium != Medium::Writable {
            return;
        }
        let mut intent = Intent::parse("", &String::from_utf8_lossy(&text)).unwrap_or_default();
        change(&mut intent);
        self.disk.put(&path, intent.to_text().as_bytes(), 0o644);
        self.retry_now(&id);
    }

    /// Every command about an app ends the backoff of its failures.
    pub(crate) fn retry_now(&mut self, app: &AppId) {
        let path = self.layout.retries();
        let mut reconciler = Reconciler::default();
        let progress = self.disk.read(&path);
        reconciler.recall(progress.map(|progress| progress.to_vec()).into());
        reconciler.retry_now(&self.desired(), app);
        if let Some(progress) = reconciler.keep() {
            self.disk.put(&path, &progress, 0o600);
        }
    }

    /// `archipelago restart` notes the invocations that must end, for the next pass.
    fn request_restart(&mut self, app: &str) {
        let path = self.layout.pending();
        let mut memory = Memory::read(self.disk.read(&path).as_deref());
        for (service, invocation) in self.running_invocations(&app_id(app)) {
            memory.must_end(&service, invocation.clone(), Reason::RestartAsked);
            self.requested_restarts.insert(service, invocation);
        }
        let text = serde_json::to_vec(&memory).unwrap_or_default();
        self.disk.put(&path, &text, 0o600);
    }

    fn justify_restart(&mut self, service: &str) {
        if let Some(run) = self.systemd.run_mut(service) {
            run.restart_justified = true;
        }
    }

    fn delete(&mut self, path: &Path) {
        let _ = self.disk.remove(path);
        self.disk.sync_all();
    }

    fn edit_unit(&mut self, name: &str, edit: impl FnOnce(&[u8]) -> Vec<u8>) {
        let path = self.layout.unit(name);
        if let Some(text) = self.disk.read(&path) {
            self.disk.put(&path, &edit(&text), 0o600);
            self.justify_restart(&service_of(name));
        }
    }

    fn edit_rendered(&mut self, container: &str) {
        let folder = self.layout.rendered(container);
        for name in self.disk.names(&folder) {
            let path = folder.join(name);
            if let Some(text) = self.disk.read(&path) {
                let edited = [&text[..], b"# edited\n"].concat();
                self.disk.put(&path, &edited, 0o600);
            }
        }
        self.justify_restart(&format!("{container}.service"));
    }

    fn mask(&mut self, service: &str) {
        let path = self.layout.systemd.join(service);
        if !self.disk.exists(&path) {
            self.disk.make_link(&path, Path::new("/dev/null"));
            self.disk.sync_all();
        }
        self.reload();
    }

    fn remove_volume(&mut self, name: &str) {
        if self.podman.volumes.remove(name).is_none() {
            return;
        }
        self.podman.changes += 1;
        let unit = format!("{name}.volume");
        self.remove_containers(|container| container.volumes.contains(&unit));
    }

    /// Removes everything that no running container uses, also objects of others.
    fn prune(&mut self) {
        let units = self.systemd.units.values();
        let containers: Vec<_> = units.filter_map(|unit| unit.container()).collect();
        let images: BTreeSet<String> = containers
            .iter()
            .map(|container| container.image.clone())
            .collect();
        let networks: BTreeSet<&str> = containers
            .iter()
            .flat_map(|container| container.network_names())
            .collect();
        let volumes: BTreeSet<&str> = containers
            .iter()
            .flat_map(|container| container.volume_names())
            .collect();
        let podman = &mut self.podman;
        podman.prune_images(&images);
        podman.networks.retain(|name, _| networks.contains(&**name));
        podman.volumes.retain(|name, _| volumes.contains(&**name));
        self.foreign.allow_pruned(podman);
    }

    /// Removes all objects. The folders of the volumes stay.
    fn reset_podman(&mut self) {
        let containers: Vec<String> = self.podman.containers.keys().cloned().collect();
        for container in containers {
            self.remove_container(&container);
        }
        self.podman.images.clear();
        self.podman.networks.clear();
        self.podman.volumes.clear();
        self.podman.secrets.clear();
        self.podman.changes += 1;
        self.foreign.allow_reset();
    }
}

fn app_id(app: &str) -> AppId {
    AppId::parse(app).expect("the ids of the simulated apps are valid")
}
