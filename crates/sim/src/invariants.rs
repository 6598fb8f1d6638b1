//! What must hold whatever happens.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::world::World;
use crate::world::disk::Bytes;

/// Something that must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Invariant {
    /// What belongs to others is not touched.
    ForeignUntouched,
    /// No data are removed unless a purge was asked for.
    DataKept,
    /// A secret is not replaced while data need it.
    SecretsKept,
    /// What runs and is wanted is not stopped without a reason.
    NoNeedlessStop,
    /// What is asked for is reached, or its failure is reported with a cause.
    ReachedOrReported,
    /// A world comes to rest within the bound.
    QuietInTime,
    /// A world at rest stays at rest.
    QuietStaysQuiet,
    /// After a boot everything comes up without a manager.
    BootsAlone,
    /// Attempts at what fails keep their distance, and never end.
    PatientAttempts,
    /// A unit goes live only when its image is there.
    ImageBeforeStart,
    /// A plan keeps to the rules that production refuses to break.
    PlanKeepsRules,
    /// Nothing of ours is left behind.
    NothingLeft,
    /// The simulator itself is sound.
    Simulator,
}

impl fmt::Display for Invariant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ForeignUntouched => "foreign-untouched",
            Self::DataKept => "data-kept",
            Self::SecretsKept => "secrets-kept",
            Self::NoNeedlessStop => "no-needless-stop",
            Self::ReachedOrReported => "reached-or-reported",
            Self::QuietInTime => "quiet-in-time",
            Self::QuietStaysQuiet => "quiet-stays-quiet",
            Self::BootsAlone => "boots-alone",
            Self::PatientAttempts => "patient-attempts",
            Self::ImageBeforeStart => "image-before-start",
            Self::PlanKeepsRules => "plan-keeps-rules",
            Self::NothingLeft => "nothing-left",
            Self::Simulator => "simulator",
        })
    }
}

/// One that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What happened.
    pub what: String,
    /// At which touch of the host.
    pub touch: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            invariant,
            what,
            touch,
        } = self;
        write!(formatter, "{invariant} (touch {touch}): {what}")
    }
}

/// What belongs to others, and must be there as it is.
#[derive(Clone, Debug, Default)]
pub struct Strangers {
    /// Files and their content.
    pub files: Vec<(PathBuf, Bytes)>,
    /// Objects of Podman's: kind and name.
    pub objects: BTreeSet<(&'static str, String)>,
}

impl Strangers {
    pub(crate) fn containers(&self) -> Vec<String> {
        let objects = self.objects.iter();
        objects
            .filter(|(kind, _)| *kind == "container")
            .map(|(_, name)| name.clone())
            .collect()
    }

    pub(crate) fn containers_are_stopped(&self) {}
}

impl World {
    /// Whether what belongs to others is as it was; what is amiss is told once.
    pub(crate) fn check_strangers(&mut self) {
        let disk = &self.disk;
        let podman = &self.podman;
        let file = self
            .strangers
            .files
            .iter()
            .position(|(path, content)| disk.read(path).as_ref() != Some(content));
        if let Some(at) = file {
            let (path, _) = self.strangers.files.remove(at);
            let what = format!(
                "the file {} of somebody else is not as it was",
                path.display()
            );
            self.violation(Invariant::ForeignUntouched, what);
            return;
        }
        let object = self.strangers.objects.iter().find(|(kind, name)| {
            let objects = match *kind {
                "image" => &podman.images,
                "container" => &podman.containers,
                "network" => &podman.networks,
                "volume" => &podman.volumes,
                _ => &podman.secrets,
            };
            objects
                .get(name)
                .is_none_or(|object| object.label.is_some())
        });
        if let Some(gone) = object.cloned() {
            let what = format!(
                "the {} {} of somebody else is not as it was",
                gone.0, gone.1
            );
            self.strangers.objects.remove(&gone);
            self.violation(Invariant::ForeignUntouched, what);
        }
    }
}
