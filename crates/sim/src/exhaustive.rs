//! Every placement of one fault, and of two, in small scripts.

use std::fmt;
use std::time::Duration;

use crate::apps::{BASE, SHOP};
use crate::deeds::Deed;
use crate::faults::Fault;
use crate::invariants::Violation;
use crate::mutation::Mutation;
use crate::play::Play;
use crate::script::{Line, Script};
use crate::world::disk::Unsynced;

/// A run that was disturbed is given so long before it is judged.
const SETTLED: Duration = Duration::from_secs(60);

/// A small script: what is there before, and what is then asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Small {
    /// Both apps are installed on an empty host.
    Install,
    /// A setting of the app changes.
    Settings,
    /// The app is uninstalled.
    Uninstall,
    /// The app is uninstalled with its data.
    Purge,
    /// All of it but the data was lost, and comes back.
    Restore,
}

impl Small {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Install,
        Self::Settings,
        Self::Uninstall,
        Self::Purge,
        Self::Restore,
    ];

    /// The world before.
    #[must_use]
    pub fn before(self, mutation: Option<Mutation>) -> Play {
        let mut play = Play::new(mutation);
        if self != Self::Install {
            play.run(&Self::install());
            play.settle(SETTLED);
        }
        play
    }

    fn install() -> Script {
        let lines = [BASE, SHOP].map(|app| Line::Do(Deed::Install(app.to_owned(), 1)));
        Script {
            lines: lines.to_vec(),
        }
    }

    /// What happens.
    #[must_use]
    pub fn script(self) -> Script {
        let shop = || SHOP.to_owned();
        let lines = match self {
            Self::Install => return Self::install(),
            Self::Settings => vec![Line::Do(Deed::SetPort(8090))],
            Self::Uninstall => vec![Line::Do(Deed::Uninstall(shop()))],
            Self::Purge => vec![Line::Do(Deed::Purge(shop()))],
            Self::Restore => vec![
                Line::Do(Deed::PodmanReset),
                Line::Do(Deed::DeleteAllUnits),
                Line::Do(Deed::Reload),
            ],
        };
        Script { lines }
    }
}

/// What is placed one at a time.
#[must_use]
pub fn single_faults() -> Vec<Fault> {
    let mut faults = pair_faults();
    faults.extend([
        Fault::PowerLoss(Unsynced::Kept),
        Fault::Reboot,
        Fault::Pretends,
        Fault::Hangs,
        Fault::OtherManager,
        Fault::LateLook,
    ]);
    faults.extend(disturbances().into_iter().map(Fault::Meanwhile));
    faults
}

/// What somebody else does, one of each kind.
#[must_use]
pub fn disturbances() -> Vec<Deed> {
    let shop = || "archy-shop".to_owned();
    let service = || "archy-shop.service".to_owned();
    vec![
        Deed::DeleteUnit("archy-shop.container".to_owned()),
        Deed::EditUnit("archy-shop-ui.container".to_owned()),
        Deed::DeleteUnit("archy-shop.network".to_owned()),
        Deed::Reload,
        Deed::StopService(service()),
        Deed::KillService("archy-shop-db.service".to_owned()),
        Deed::Mask("archy-shop-ui.service".to_owned()),
        Deed::RemoveContainer(shop()),
        Deed::RemoveNetwork(shop()),
        Deed::RemoveVolume("archy-shop-data".to_owned()),
        Deed::RemoveSecret("archy-shop-token".to_owned()),
        Deed::RemoveImage("docker.io/library/shop:1".to_owned()),
        Deed::Prune,
        Deed::PodmanReset,
        Deed::DeleteRendered("archy-shop-ui".to_owned()),
        Deed::EditRendered("archy-shop-ui".to_owned()),
        Deed::FillDisk,
        Deed::MountReadOnly,
        Deed::RemoveSocket,
        Deed::BreakPodman,
        Deed::Registry(crate::world::registry::Supply::Fails),
        Deed::SetClock(-31_536_000),
        Deed::Stop(SHOP.to_owned()),
        Deed::Restart(SHOP.to_owned()),
        Deed::Install(SHOP.to_owned(), 1),
    ]
}

/// What is placed two at a time.
#[must_use]
pub fn pair_faults() -> Vec<Fault> {
    vec![
        Fault::Crash,
        Fault::PowerLoss(Unsynced::Lost),
        Fault::Fails,
        Fault::FailsAfter,
    ]
}

/// Faults, each so many touches after the script began.
pub type Placement = Vec<(u64, Fault)>;

/// A placement that ended badly.
#[derive(Clone, Debug)]
pub struct Found {
    /// In this script.
    pub small: Small,
    /// With these faults.
    pub faults: Placement,
    /// This was wrong.
    pub violation: Violation,
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            small,
            faults,
            violation,
        } = self;
        write!(formatter, "{small:?} with {faults:?}: {violation}")
    }
}

/// A script with its placements.
#[derive(Clone, Debug)]
pub struct Exhaustive {
    small: Small,
    before: Play,
    /// The touches of an undisturbed run.
    pub touches: u64,
}

impl Exhaustive {
    /// Measures an undisturbed run.
    #[must_use]
    pub fn of(small: Small, mutation: Option<Mutation>) -> Self {
        let before = small.before(mutation);
        let mut undisturbed = before.clone();
        undisturbed.run(&small.script());
        undisturbed.settle(SETTLED);
        Self {
            small,
            touches: undisturbed.world.touches - before.world.touches,
            before,
        }
    }

    /// Runs one placement.
    ///
    /// # Errors
    /// With what was wrong.
    pub fn place(&self, faults: &[(u64, Fault)]) -> Result<(), Box<Found>> {
        self.place_on(&mut self.before.clone(), faults)
    }

    /// What is done in one placement, line by line.
    #[must_use]
    pub fn trace(&self, faults: &[(u64, Fault)]) -> Vec<String> {
        let mut play = self.before.clone();
        play.world.trace = Some(Vec::new());
        let _ = self.place_on(&mut play, faults);
        play.world.trace.unwrap_or_default()
    }

    fn place_on(&self, play: &mut Play, faults: &[(u64, Fault)]) -> Result<(), Box<Found>> {
        for (at, fault) in faults {
            play.arm(*at, fault.clone());
        }
        play.run(&self.small.script());
        play.settle(SETTLED);
        play.judge();
        let violation = play.world.violations.first().cloned();
        violation.map_or(Ok(()), |violation| {
            Err(Box::new(Found {
                small: self.small,
                faults: faults.to_vec(),
                violation,
            }))
        })
    }

    /// All placements of one fault.
    pub fn singles(&self) -> impl Iterator<Item = Placement> {
        let touches = self.touches;
        single_faults()
            .into_iter()
            .flat_map(move |fault| (1..=touches).map(move |at| vec![(at, fault.clone())]))
    }

    /// All placements of two faults, the second up to as many touches after the first as an undisturbed run takes.
    pub fn pairs(&self) -> impl Iterator<Item = Placement> {
        let touches = self.touches;
        (1..=touches).flat_map(move |first| {
            (first..=touches + first / 2).flat_map(move |second| {
                pair_faults().into_iter().flat_map(move |one| {
                    pair_faults()
                        .into_iter()
                        .map(move |other| vec![(first, one.clone()), (second, other)])
                })
            })
        })
    }
}
