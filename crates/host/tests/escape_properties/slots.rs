//! Where a text can stand in a unit.

use std::collections::BTreeMap;
use std::fmt::Write;

use archipelago_core::name::AppId;
use archipelago_core::quadlet::{
    Container, Health, Kind, ServiceSection, Stamp, Unit, UnitSection, VolumeMount,
};

pub(crate) const IMAGE: &str = "docker.io/library/busybox:stable";

/// Where a text can stand in a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    Environment,
    Label,
    Annotation,
    Argument,
    Entrypoint,
    HealthCommand,
    HostName,
    WorkingDir,
    User,
    VolumeSource,
    VolumeTarget,
    Host,
    Sysctl,
}

pub(crate) const SLOTS: [Slot; 13] = [
    Slot::Environment,
    Slot::Label,
    Slot::Annotation,
    Slot::Argument,
    Slot::Entrypoint,
    Slot::HealthCommand,
    Slot::HostName,
    Slot::WorkingDir,
    Slot::User,
    Slot::VolumeSource,
    Slot::VolumeTarget,
    Slot::Host,
    Slot::Sysctl,
];

impl Slot {
    pub(crate) fn put(self, container: &mut Container, text: &str) {
        let owned = text.to_owned();
        let pair = || BTreeMap::from([("NAME".to_owned(), text.to_owned())]);
        match self {
            Self::Environment => container.environment = pair(),
            Self::Label => container.labels = pair(),
            Self::Annotation => container.annotations = pair(),
            Self::Argument => container.exec = vec!["first".to_owned(), owned, "last".to_owned()],
            Self::Entrypoint => container.entrypoint = Some(vec!["/bin/sh".to_owned(), owned]),
            Self::HealthCommand => {
                container.health = Some(Health {
                    test: vec!["CMD".to_owned(), "true".to_owned(), owned],
                    ..Health::default()
                });
            }
            Self::HostName => container.hostname = Some(owned),
            Self::WorkingDir => container.working_dir = Some(owned),
            Self::User => container.user = Some(owned),
            Self::VolumeSource => container
                .volumes
                .push(mount(&format!("/source/{text}"), "/target")),
            Self::VolumeTarget => container
                .volumes
                .push(mount("/source", &format!("/target/{text}"))),
            Self::Host => container.hosts = vec![owned],
            Self::Sysctl => container.sysctls = vec![owned],
        }
    }

    /// A text that means nothing to anyone and stands nowhere else.
    pub(crate) fn harmless(self) -> String {
        format!("harmless{self:?}")
    }

    /// How a text in this place looks among Podman's arguments: some are JSON, which Podman reads.
    pub(crate) fn meant(self, text: &str) -> String {
        match self {
            Self::Entrypoint | Self::HealthCommand => {
                let json = serde_json::Value::from(text).to_string();
                json[1..json.len() - 1].to_owned()
            }
            _ => text.to_owned(),
        }
    }
}

pub(crate) fn mount(source: &str, target: &str) -> VolumeMount {
    VolumeMount {
        source: source.to_owned(),
        target: target.to_owned(),
        read_only: false,
        no_copy: false,
        relabel: false,
    }
}

pub(crate) fn container(stem: &str) -> Container {
    Container {
        image: IMAGE.to_owned(),
        name: stem.to_owned(),
        ..Container::default()
    }
}

/// The file of a unit, or `None` when a text in it is refused.
pub(crate) fn render(stem: &str, container: Container) -> Option<String> {
    let unit = Unit {
        stem: stem.to_owned(),
        unit: UnitSection::default(),
        kind: Kind::Container(Box::new(container)),
        service: ServiceSection::default(),
        starts_at_boot: false,
    };
    let app = AppId::parse("hostile").expect("an id");
    let stamp = Stamp {
        app: &app,
        companion: false,
        inputs: &[],
    };
    unit.render(stamp).ok().map(|file| file.content)
}

pub(crate) fn accepts(slot: Slot, text: &str) -> bool {
    let mut container = container("archy-probe");
    slot.put(&mut container, text);
    render("archy-probe", container).is_some()
}

/// Where a text is accepted; a long one not everywhere at once, because a whole unit has its limit
/// too.
pub(crate) fn accepted_together(text: &str) -> Vec<Slot> {
    let mut slots = Vec::new();
    for slot in SLOTS {
        let mut container = container("archy-probe");
        slots
            .iter()
            .chain([&slot])
            .for_each(|slot: &Slot| slot.put(&mut container, text));
        if render("archy-probe", container).is_some() {
            slots.push(slot);
        }
    }
    slots
}

/// A unit with one hostile text wherever it is accepted.
pub(crate) struct Case {
    pub(crate) text: String,
    pub(crate) slots: Vec<Slot>,
    pub(crate) stem: String,
}

impl Case {
    /// The same places with harmless texts; cases with the same places share a twin.
    pub(crate) fn twin(&self) -> String {
        let mut stem = "archy-twin".to_owned();
        for slot in &self.slots {
            write!(stem, "-{}", *slot as usize).expect("writing to a text");
        }
        stem
    }
}

pub(crate) fn unit(stem: &str, slots: &[Slot], text: impl Fn(Slot) -> String) -> String {
    let mut container = container(stem);
    for slot in slots {
        slot.put(&mut container, &text(*slot));
    }
    render(stem, container).expect("all of it was accepted")
}
