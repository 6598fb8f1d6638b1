//! What others do to a world: the operator, and whoever else has a shell.

use std::collections::BTreeMap;
use std::path::Path;

use archipelago_core::intent::{Goal, Intent};
use archipelago_core::manifest::SettingValue;
use archipelago_core::name::AppId;
use archipelago_core::quadlet::service_of;
use serde::{Deserialize, Serialize};

use crate::apps::definition;
use crate::world::World;
use crate::world::disk::{Medium, Unsynced};
use crate::world::podman::{Object, Reach};
use crate::world::registry::Supply;

/// What Quadlet does not know.
pub const SPOILED: &str = "[Container]\nNoSuchKey=1\n";
/// What an operator writes into a drop-in for systemd.
pub const DROP_IN: &str = "[Service]\nNice=5\n";
/// The name of an operator's drop-in for Quadlet.
pub const OPERATORS: &str = "10-operator.conf";

/// One thing that somebody does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// `archipelago install`, of a version of the app.
    Install(String, u8),
    /// `archipelago start`
    Start(String),
    /// `archipelago stop`
    Stop(String),
    /// `archipelago install --set port=…`
    SetPort(u16),
    /// `archipelago uninstall`
    Uninstall(String),
    /// `archipelago uninstall --purge`
    Purge(String),
    /// `archipelago restart`
    Restart(String),
    /// Removes a unit file.
    DeleteUnit(String),
    /// Adds a line to a unit file.
    EditUnit(String),
    /// Adds a line that Quadlet does not know to a unit file.
    SpoilUnit(String),
    /// `systemctl --user edit`: a drop-in for a service.
    DropIn(String),
    /// A drop-in for Quadlet beside a unit file, with a line that it does not know.
    SpoilingDropIn(String),
    /// Removes the drop-ins beside a unit file.
    RemoveDropIns(String),
    /// `systemctl --user daemon-reload`
    Reload,
    /// `systemctl --user stop`
    StopService(String),
    /// `kill -9` of a container's process.
    KillService(String),
    /// `systemctl --user mask`
    Mask(String),
    /// `systemctl --user unmask`
    Unmask(String),
    /// `podman rm -f`
    RemoveContainer(String),
    /// `podman network rm -f`
    RemoveNetwork(String),
    /// `podman volume rm -f`
    RemoveVolume(String),
    /// `podman secret rm`
    RemoveSecret(String),
    /// `podman rmi -f`
    RemoveImage(String),
    /// `podman system prune -af --volumes`
    Prune,
    /// `podman system reset`
    PodmanReset,
    /// Removes every unit file that bears a name like ours, but for a stranger's.
    DeleteAllUnits,
    /// Removes all rendered files of a container.
    DeleteRendered(String),
    /// Changes the rendered files of a container.
    EditRendered(String),
    /// The disk fills up.
    FillDisk,
    /// The disk is remounted read-only.
    MountReadOnly,
    /// The disk is as it should be again.
    MendDisk,
    /// Podman's socket is removed from the disk.
    RemoveSocket,
    /// Podman does not answer any more.
    BreakPodman,
    /// Podman answers again.
    MendPodman,
    /// The registries behave so from now on.
    Registry(Supply),
    /// The time of the day is set, forward or back by so many seconds.
    SetClock(i64),
    /// The host is rebooted in order.
    Reboot,
    /// Power is lost.
    PowerLoss(Unsynced),
}

impl Deed {
    /// Whether all programs end with it.
    pub(crate) fn boots(&self) -> bool {
        matches!(self, Self::Reboot | Self::PowerLoss(_))
    }
}

/// An app's id, of a text that is one.
pub(crate) fn id(app: &str) -> AppId {
    AppId::parse(app).expect("the apps of these worlds have good names")
}

impl World {
    /// Does it, now and wholly.
    pub fn does(&mut self, deed: &Deed) {
        if self.is_refused(deed) {
            return;
        }
        match deed {
            Deed::Install(app, version) => self.install(app, *version),
            Deed::Start(app) => self.change(app, |intent| {
                intent.state = Goal::Running;
                intent.purge = false;
            }),
            Deed::Stop(app) => self.change(app, |intent| intent.state = Goal::Stopped),
            Deed::SetPort(port) => self.change(crate::apps::SHOP, |intent| {
                let port = SettingValue::Integer(i64::from(*port));
                intent.settings = BTreeMap::from([("port".to_owned(), port)]);
            }),
            Deed::Uninstall(app) => self.change(app, |intent| {
                intent.state = Goal::Removed;
                intent.purge = false;
            }),
            Deed::Purge(app) => self.change(app, |intent| {
                intent.state = Goal::Removed;
                intent.purge = true;
            }),
            Deed::Restart(app) => self.ask_restart(app),
            Deed::DeleteUnit(name) => {
                let _ = self.disk.remove(&self.layout.unit(name));
                self.disk.sync_all();
                self.blur(&service_of(name));
            }
            Deed::EditUnit(name) => {
                let path = self.layout.unit(name);
                if let Some(text) = self.disk.read(&path) {
                    let edited = [b"# edited\n", &text[..]].concat();
                    self.disk.put(&path, &edited, 0o600);
                    self.blur(&service_of(name));
                }
            }
            Deed::SpoilUnit(name) => {
                let path = self.layout.unit(name);
                if let Some(text) = self.disk.read(&path) {
                    let spoiled = [&text[..], SPOILED.as_bytes()].concat();
                    self.disk.put(&path, &spoiled, 0o600);
                    self.blur(&service_of(name));
                }
            }
            Deed::DropIn(service) => {
                let folder = self.layout.systemd.join(format!("{service}.d"));
                self.disk
                    .put(&folder.join("override.conf"), DROP_IN.as_bytes(), 0o644);
                self.reload();
            }
            Deed::SpoilingDropIn(unit) => {
                let path = self.layout.unit(&format!("{unit}.d/{OPERATORS}"));
                self.disk.put(&path, SPOILED.as_bytes(), 0o644);
            }
            Deed::RemoveDropIns(unit) => {
                let _ = self.disk.remove(&self.layout.unit(&format!("{unit}.d")));
                self.disk.sync_all();
            }
            Deed::Reload => self.reload(),
            Deed::StopService(service) => self.stop(service),
            Deed::KillService(service) => self.die(service, 137),
            Deed::Mask(service) => {
                let path = self.layout.systemd.join(service);
                if !self.disk.exists(&path) {
                    self.disk.make_link(&path, Path::new("/dev/null"));
                    self.disk.sync_all();
                }
                self.reload();
            }
            Deed::Unmask(service) => {
                let _ = self.disk.remove(&self.layout.systemd.join(service));
                self.disk.sync_all();
                self.reload();
            }
            Deed::RemoveContainer(name) => self.remove_container(name),
            Deed::RemoveNetwork(name) => {
                self.remove_network(name);
                self.podman.changes += 1;
            }
            Deed::RemoveVolume(name) => self.remove_volume(name),
            Deed::RemoveSecret(name) => {
                self.podman.secrets.remove(name);
                self.podman.changes += 1;
            }
            Deed::RemoveImage(name) => {
                if self.podman.images.remove(name).is_some() {
                    self.podman.changes += 1;
                    self.remove_containers(|container| container.image == *name);
                }
            }
            Deed::Prune => self.prune(),
            Deed::PodmanReset => self.reset_podman(),
            Deed::DeleteAllUnits => {
                for name in crate::apps::UNITS {
                    self.does(&Deed::DeleteUnit(name.to_owned()));
                }
            }
            Deed::DeleteRendered(container) => {
                let _ = self.disk.remove(&self.layout.rendered(container));
                self.disk.sync_all();
            }
            Deed::EditRendered(container) => self.edit_rendered(container),
            Deed::FillDisk => self.disk.medium = Medium::Full,
            Deed::MountReadOnly => self.disk.medium = Medium::ReadOnly,
            Deed::MendDisk => self.disk.medium = Medium::Writable,
            Deed::RemoveSocket => self.podman.reach = Reach::SocketGone,
            Deed::BreakPodman => self.podman.reach = Reach::Dead,
            Deed::MendPodman => self.podman.reach = Reach::Answers,
            Deed::Registry(supply) => self.registry.all = *supply,
            Deed::SetClock(seconds) => self.clock.wall += seconds,
            Deed::Reboot => self.boot(None),
            Deed::PowerLoss(unsynced) => self.boot(Some(*unsynced)),
        }
    }

    /// What the command line refuses: an app without the one that it requires, on disk or to be.
    fn is_refused(&self, deed: &Deed) -> bool {
        use crate::apps::{BASE, SHOP};
        let stays = |app: &str| {
            let text = self.disk.read(&self.layout.intent(&id(app)));
            text.and_then(|text| Intent::parse("", &String::from_utf8_lossy(&text)).ok())
                .is_some_and(|intent| intent.state != Goal::Removed)
        };
        match deed {
            Deed::Uninstall(app) | Deed::Purge(app) => app == BASE && stays(SHOP),
            Deed::Install(app, _) | Deed::Start(app) | Deed::Stop(app) => {
                app == SHOP && !stays(BASE)
            }
            _ => false,
        }
    }

    fn install(&mut self, app: &str, version: u8) {
        if self.disk.medium != Medium::Writable {
            return;
        }
        let id = id(app);
        let _ = self.disk.remove(&self.layout.definition(&id));
        for (path, text) in definition(app, version) {
            let path = self.layout.definition(&id).join(path);
            self.disk.put(&path, text.as_bytes(), 0o644);
        }
        let known = self.disk.read(&self.layout.intent(&id));
        let settings = known
            .and_then(|text| Intent::parse("", &String::from_utf8_lossy(&text)).ok())
            .map(|intent| intent.settings)
            .unwrap_or_default();
        let intent = Intent {
            settings,
            ..Intent::default()
        };
        let path = self.layout.intent(&id);
        self.disk.put(&path, intent.to_text().as_bytes(), 0o644);
        self.hurry(&id);
    }

    fn change(&mut self, app: &str, change: impl FnOnce(&mut Intent)) {
        let id = id(app);
        let path = self.layout.intent(&id);
        let Some(text) = self.disk.read(&path) else {
            return;
        };
        // A command refuses when the disk does.
        if self.disk.medium != Medium::Writable {
            return;
        }
        let mut intent = Intent::parse("", &String::from_utf8_lossy(&text)).unwrap_or_default();
        change(&mut intent);
        self.disk.put(&path, intent.to_text().as_bytes(), 0o644);
        self.hurry(&id);
    }

    fn hurry(&mut self, app: &AppId) {
        let mut command = crate::manager::Manager::default();
        command.hurry(self, app);
    }

    /// What `archipelago restart` keeps in mind for the next passes.
    fn ask_restart(&mut self, app: &str) {
        let path = self.layout.pending();
        let mut memory = archipelago_core::observed::Memory::read(self.disk.read(&path).as_deref());
        let desired = self.desired();
        for (_, present) in desired.present().filter(|(other, _)| other.as_str() == app) {
            for (unit, _) in present.containers() {
                if let Some(run) = self.run_mut(&unit.service) {
                    let invocation = run.invocation.clone();
                    memory
                        .restarts
                        .insert(unit.service.clone(), invocation.clone());
                    self.asked_restarts.insert(unit.service.clone(), invocation);
                }
            }
        }
        let text = serde_json::to_vec(&memory).unwrap_or_default();
        self.disk.put(&path, &text, 0o600);
    }

    fn blur(&mut self, service: &str) {
        if let Some(run) = self.run_mut(service) {
            run.blurred = true;
        }
    }

    fn remove_volume(&mut self, name: &str) {
        if self.podman.volumes.remove(name).is_none() {
            return;
        }
        self.podman.changes += 1;
        let unit = format!("{name}.volume");
        self.remove_containers(|container| container.volumes.contains(&unit));
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
        self.blur(&format!("{container}.service"));
    }

    /// Everything that no container uses at this moment, those of others included.
    fn prune(&mut self) {
        let mut used: [std::collections::BTreeSet<String>; 3] = Default::default();
        for unit in self.systemd.units.values() {
            if let Some(run) = &unit.run
                && let crate::world::quadlet::Kind::Container(container) = &run.definition.kind
            {
                used[0].insert(container.image.clone());
                let stem = |unit: &String| unit.rsplit_once('.').map(|(stem, _)| stem.to_owned());
                used[1].extend(container.networks.iter().filter_map(stem));
                used[2].extend(container.volumes.iter().filter_map(stem));
            }
        }
        self.podman.prune_images(&used[0]);
        self.podman
            .networks
            .retain(|name, _| used[1].contains(name));
        self.podman.volumes.retain(|name, _| used[2].contains(name));
        let podman = &self.podman;
        self.strangers.objects.retain(|(kind, name)| match *kind {
            "image" => podman.images.contains_key(name),
            "network" => podman.networks.contains_key(name),
            "volume" => podman.volumes.contains_key(name),
            _ => true,
        });
    }

    /// Podman forgets everything; the folders behind its volumes stay.
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
        self.strangers.objects.clear();
    }

    /// What a stranger has beside ours, under names that begin like ours.
    pub fn add_strangers(&mut self) {
        let files = [
            (
                self.layout.unit("archy-stranger.container"),
                "[Container]\nImage=x\n",
            ),
            (
                self.layout.systemd.join("archy-shop.service.d/own.conf"),
                "[Service]\nNice=5\n",
            ),
            (self.layout.data.join("volumes/stranger/data"), "theirs"),
        ];
        for (path, text) in files {
            self.disk.put(&path, text.as_bytes(), 0o644);
            self.strangers.files.push((path, text.as_bytes().into()));
        }
        for kind in ["image", "container", "network", "volume", "secret"] {
            let name = format!("archy-shop-stranger-{kind}");
            let objects = match kind {
                "image" => &mut self.podman.images,
                "container" => &mut self.podman.containers,
                "network" => &mut self.podman.networks,
                "volume" => &mut self.podman.volumes,
                _ => &mut self.podman.secrets,
            };
            objects.insert(name.clone(), Object::default());
            self.strangers.objects.insert((kind, name));
        }
    }
}
