//! Worlds disturbed at random, which must come to rest as they should be.

use crate::observed::Memory;
use crate::quadlet::VERSION;
use proptest::prelude::*;

use super::world::*;
use crate::intent::WantedState;
use crate::manifest::COMPOSE_FILE;
use crate::observed::{Active, PodmanNetwork, PodmanView, Service};
use crate::quadlet::service_of;

/// A change of the host that Archipelago did not make, or a request of the operator.
#[derive(Clone, Debug)]
pub(super) enum Disturbance {
    DeleteUnit(usize),
    EditUnit(usize),
    /// Another version of Archipelago takes over; it makes a pass when it starts.
    Upgrade,
    AddLeftOver,
    StopService(usize),
    FailService(usize),
    Reload,
    Reboot,
    LoseImage(usize),
    LoseNetwork,
    LoseVolume,
    LoseSecret,
    LoseContainer(usize),
    LoseFile,
    EditFile,
    LoseFolder,
    Update(usize),
    Intend(WantedState),
    /// A pass that is killed after this many actions.
    Crash(usize),
}

pub(super) fn disturbance() -> impl Strategy<Value = Disturbance> {
    use Disturbance as D;
    prop_oneof![
        (0..4usize).prop_map(D::DeleteUnit),
        (0..4usize).prop_map(D::EditUnit),
        Just(D::Upgrade),
        Just(D::AddLeftOver),
        (0..4usize).prop_map(D::StopService),
        (0..4usize).prop_map(D::FailService),
        Just(D::Reload),
        Just(D::Reboot),
        (0..2usize).prop_map(D::LoseImage),
        Just(D::LoseNetwork),
        Just(D::LoseVolume),
        Just(D::LoseSecret),
        (0..2usize).prop_map(D::LoseContainer),
        Just(D::LoseFile),
        Just(D::EditFile),
        Just(D::LoseFolder),
        (2..5usize).prop_map(D::Update),
        prop::sample::select(vec![WantedState::Running, WantedState::Stopped]).prop_map(D::Intend),
        (0..9usize).prop_map(D::Crash),
        (0..9usize).prop_map(D::Crash),
    ]
}

const UNITS: [&str; 4] = [
    "archy-web-data.volume",
    "archy-web-ui.container",
    "archy-web.container",
    "archy-web.network",
];

impl World {
    pub(super) fn disturb(&mut self, disturbance: &Disturbance) {
        let unit = |index: &usize| UNITS[*index].to_owned();
        match disturbance {
            Disturbance::DeleteUnit(index) => drop(self.host.unit_files.remove(&unit(index))),
            Disturbance::EditUnit(index) => {
                if let Some(content) = self.host.unit_files.get_mut(&unit(index)) {
                    content.splice(0..0, *b"# edited\n");
                }
            }
            Disturbance::Upgrade => {
                self.converge();
                for content in self.host.unit_files.values_mut() {
                    *content = aged(content);
                }
                self.reload();
                self.converge();
            }
            Disturbance::AddLeftOver => {
                if let Some(content) = self.host.unit_files.get("archy-web.container").cloned() {
                    self.host
                        .unit_files
                        .insert("archy-web-old.container".to_owned(), content);
                }
            }
            Disturbance::StopService(index) => {
                if self.generated.contains_key(&service_of(&unit(index))) {
                    self.stop(&service_of(&unit(index)));
                }
            }
            Disturbance::FailService(index) => {
                if self.generated.contains_key(&service_of(&unit(index))) {
                    self.fail(&service_of(&unit(index)));
                }
            }
            Disturbance::Reload => self.reload(),
            Disturbance::Reboot => {
                self.host.memory = Memory::default();
                self.host.services.clear();
                self.host.invocations.clear();
                self.started_with.clear();
                self.podman.containers.retain(|_, owner| owner.is_none());
                self.reload();
            }
            Disturbance::LoseImage(index) => drop(
                self.podman
                    .images
                    .remove(["docker.io/library/web:1", "docker.io/library/ui:1"][*index]),
            ),
            Disturbance::LoseNetwork => drop(self.podman.networks.remove("archy-web")),
            Disturbance::LoseVolume => drop(self.podman.volumes.remove("archy-web-data")),
            Disturbance::LoseSecret => drop(self.podman.secrets.remove("archy-web-token")),
            Disturbance::LoseContainer(index) => self.disturb(&Disturbance::FailService(index + 1)),
            Disturbance::LoseFile => self.host.files.clear(),
            Disturbance::EditFile => self
                .host
                .files
                .values_mut()
                .for_each(|file| file.content.push(b'x')),
            Disturbance::LoseFolder => self.host.folders.clear(),
            Disturbance::Update(version) => {
                self.install(
                    "web",
                    &[
                        (
                            COMPOSE_FILE,
                            &WEB.replace("web:1", &format!("web:{version}")),
                        ),
                        ("ui.conf", &format!("v={version}")),
                    ],
                );
            }
            Disturbance::Intend(goal) => self.intend("web", *goal, false),
            Disturbance::Crash(count) => drop(self.pass_cut_at(*count)),
        }
    }

    /// Adds a stranger's objects beside ours.
    fn add_strangers(&mut self) {
        self.host.unit_files.insert(
            "archy-stranger.container".to_owned(),
            b"[Container]\nImage=x\n".to_vec(),
        );
        self.host.services.insert(
            "archy-stranger.service".to_owned(),
            service(Active::Inactive, "dead"),
        );
        self.podman.containers.insert("stranger".to_owned(), None);
        let network = PodmanNetwork::default();
        self.podman.networks.insert("stranger".to_owned(), network);
        self.podman.volumes.insert("stranger".to_owned(), None);
        self.podman.secrets.insert("stranger".to_owned(), None);
        self.podman.images.insert("stranger:1".to_owned(), None);
    }

    fn strangers_are_untouched(&self) -> bool {
        let PodmanView {
            architectures: _,
            images,
            containers,
            networks,
            volumes,
            secrets,
        } = &self.podman;
        self.host.unit_files["archy-stranger.container"] == b"[Container]\nImage=x\n"
            && images.contains_key("stranger:1")
            && secrets.contains_key("stranger")
            && networks.contains_key("stranger")
            && [containers, volumes]
                .iter()
                .all(|map| map.contains_key("stranger"))
    }
}

pub(super) fn aged(content: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(content).unwrap();
    text.replace(&format!("Version={VERSION}"), "Version=0.0.1")
        .into_bytes()
}

proptest! {
    // A failing case becomes a named test; there is no file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_disturbed_world_comes_to_rest_as_it_should_be(disturbances in prop::collection::vec(disturbance(), 1..8)) {
        let mut world = World::converged();
        world.add_strangers();
        disturbances.iter().for_each(|disturbance| world.disturb(disturbance));
        world.converge();
        let desired = world.desired();
        let (_, present) = desired.present().next().unwrap();
        for unit in present.units.values() {
            prop_assert_eq!(world.host.unit_files[&unit.file.name].as_slice(), unit.file.content.as_bytes());
        }
        for (unit, container) in present.containers() {
            let found = world.host.services.get(&unit.service);
            prop_assert_eq!(found.is_some_and(Service::is_up), present.running);
            if present.running {
                // But for the version in the mark: updating Archipelago restarts nothing.
                let started_with = aged(world.started_with[&unit.service].trim_start_matches("# edited\n").as_bytes());
                prop_assert_eq!(started_with, aged(unit.file.content.as_bytes()), "{} runs with something else", unit.service);
                prop_assert!(world.podman.images.contains_key(&container.image.reference.to_string()));
            }
        }
        for (path, content) in &present.files {
            prop_assert_eq!(world.host.files[path].content.as_slice(), content.as_bytes());
        }
        prop_assert!(!world.host.unit_files.contains_key("archy-web-old.container"));
        prop_assert!(world.strangers_are_untouched());
        prop_assert!(world.host.memory.restarts.is_empty() && !world.host.memory.reload);
    }

    #[test]
    fn a_disturbed_world_can_always_be_removed(
        disturbances in prop::collection::vec(disturbance(), 0..6),
        cuts in prop::collection::vec(0_usize..8, 0..6),
        purge: bool,
    ) {
        let mut world = World::converged();
        world.add_strangers();
        disturbances.iter().for_each(|disturbance| world.disturb(disturbance));
        world.intend("web", WantedState::Removed, purge);
        cuts.iter().for_each(|count| drop(world.pass_cut_at(*count)));
        world.converge();
        prop_assert!(world.inputs.intents.is_empty());
        prop_assert_eq!(world.host.unit_files.len(), 1);
        prop_assert_eq!(world.inputs.secrets.is_empty(), purge);
        prop_assert!(world.strangers_are_untouched());
    }
}
