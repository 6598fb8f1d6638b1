//! Interventions on the host. Each takes effect at once and as a whole.

use std::collections::BTreeSet;
use std::path::Path;

use archipelago_core::action::Reason;
use archipelago_core::intent::Intent;
use archipelago_core::manifest::Files;
use archipelago_core::name::AppId;
use archipelago_core::observed::Memory;
use archipelago_core::operation::{Kind, Proposal};
use archipelago_core::quadlet::service_of;
use archipelago_core::reconcile::Reconciler;
use archipelago_core::release::ReleaseId;

use crate::apps::{ASKED, ASKING_VERSION, SHOP, UNITS, files_of};
use crate::host::disk::Medium;
use crate::host::podman::Reach;
use crate::invariants::Invariant;
use crate::script::intervention::Intervention;
use crate::world::operations::builds;
use crate::world::state::World;

/// Lines of a unit that Quadlet refuses.
pub const SPOILED: &str = "[Container]\nNoSuchKey=1\n";
/// The content of an operator's drop-in for systemd.
pub const DROP_IN: &str = "[Service]\nNice=5\n";
/// The file name of an operator's drop-in for Quadlet.
pub const DROP_IN_FILE: &str = "10-operator.conf";

impl World {
    pub fn intervene(&mut self, intervention: &Intervention) {
        match intervention {
            Intervention::Install(..)
            | Intervention::SetPort(_)
            | Intervention::Start(_)
            | Intervention::Stop(_)
            | Intervention::Restart(_)
            | Intervention::Rebuild
            | Intervention::Uninstall(_)
            | Intervention::Purge(_) => self.command(intervention),
            Intervention::InstallUnjudged(app, version) => self.install_unjudged(app, *version),
            Intervention::EditIntent => self.edit_intent(),
            Intervention::Agree => {
                self.has_agreed = true;
                self.change_intent(|intent| {
                    intent.allow.insert(ASKED.to_owned());
                });
            }
            Intervention::LoseGranted => self.delete(&self.layout.granted(&shop())),
            Intervention::DamageGranted => self.damage_granted(),
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

    /// A command that takes effect at once and as a whole.
    fn command(&mut self, intervention: &Intervention) {
        let Some(proposal) = self.proposal_of(intervention) else {
            return;
        };
        // A command fails on such a disk.
        if self.disk.medium != Medium::Writable {
            return;
        }
        let is_built = |image: &String| self.try_build(image).is_ok();
        if !builds(&proposal).iter().all(is_built) {
            return;
        }
        if let Some(installation) = proposal.installation() {
            self.put_release(&installation.files);
        }
        if let Some(intent) = &proposal.intent {
            let path = self.layout.intent(&proposal.app);
            self.disk.put(&path, intent.to_text().as_bytes(), 0o600);
        }
        match proposal.kind {
            Kind::Restart => self.request_restart(&proposal),
            _ => self.retry_now(&proposal.app),
        }
    }

    /// An installation by a version of Archipelago that accepted what this one may refuse.
    fn install_unjudged(&mut self, app: &str, version: u8) {
        if self.disk.medium != Medium::Writable {
            return;
        }
        let id = AppId::parse(app).expect("the ids of the simulated apps are valid");
        let files = files_of(app, version);
        self.put_release(&files);
        let path = self.layout.intent(&id);
        let known = self.disk.read(&path).unwrap_or_default();
        let known = Intent::parse("", &String::from_utf8_lossy(&known)).unwrap_or_default();
        let intent = Intent {
            release: Some(ReleaseId::of(&files)),
            settings: known.settings,
            ..Intent::default()
        };
        self.disk.put(&path, intent.to_text().as_bytes(), 0o600);
        self.retry_now(&id);
    }

    /// The intent of the shop is edited by hand: it names a version that asks for more.
    fn edit_intent(&mut self) {
        let files = files_of(SHOP, ASKING_VERSION);
        if self.disk.medium == Medium::Writable && self.disk.exists(&self.layout.intent(&shop())) {
            self.put_release(&files);
            self.change_intent(|intent| intent.release = Some(ReleaseId::of(&files)));
        }
    }

    fn change_intent(&mut self, change: impl FnOnce(&mut Intent)) {
        let path = self.layout.intent(&shop());
        let Some(text) = self.disk.read(&path) else {
            return;
        };
        if self.disk.medium != Medium::Writable {
            return;
        }
        let mut intent = Intent::parse("", &String::from_utf8_lossy(&text)).unwrap_or_default();
        change(&mut intent);
        self.disk.put(&path, intent.to_text().as_bytes(), 0o600);
        self.retry_now(&shop());
    }

    fn damage_granted(&mut self) {
        let path = self.layout.granted(&shop());
        if let Some(text) = self.disk.read(&path) {
            let half = text.len() / 2;
            self.disk.put(&path, &text[..half], 0o600);
        }
    }

    fn put_release(&mut self, files: &Files) {
        let folder = self.layout.release(&ReleaseId::of(files));
        for (path, file) in files {
            self.disk.put(&folder.join(path), &file.content, 0o644);
        }
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
    fn request_restart(&mut self, proposal: &Proposal) {
        let path = self.layout.pending();
        let mut memory = Memory::read(self.disk.read(&path).as_deref());
        for (service, invocation) in self.restarts_of(proposal) {
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

fn shop() -> AppId {
    AppId::parse(SHOP).expect("the ids of the simulated apps are valid")
}
