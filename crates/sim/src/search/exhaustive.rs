//! Every placement of one fault, and of two, in small scenarios.

use std::fmt;
use std::time::Duration;

use archipelago_core::operation::Kind;

use crate::apps::{BASE, NETWORKS, SHOP, TOOL};
use crate::host::disk::Unsynced;
use crate::host::registry::PullOutcome;
use crate::invariants::Violation;
use crate::mutation::Mutation;
use crate::script::fault::Fault;
use crate::script::intervention::Intervention;
use crate::script::lines::{Line, Script};
use crate::simulation::driver::Simulation;

/// The bound for a scenario to become quiescent before the verdict.
const RUN_LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Both apps are installed on an empty host.
    Install,
    /// A setting of the app changes.
    Settings,
    /// The app is uninstalled.
    Uninstall,
    /// The app is uninstalled with its data.
    Purge,
    /// Everything but the data is lost and restored.
    Restore,
    /// An app on networks without isolation, which another app joins as well, is restarted.
    Isolate,
    /// An app with a job is installed on an empty host.
    Job,
    /// A setting changes, then the intent is edited so that it asks for more.
    Edit,
    /// A command carries an operation on the app out step by step.
    Command(Kind),
}

impl Scenario {
    pub const ALL: [Self; 16] = [
        Self::Install,
        Self::Settings,
        Self::Uninstall,
        Self::Purge,
        Self::Restore,
        Self::Isolate,
        Self::Job,
        Self::Edit,
        Self::Command(Kind::Install),
        Self::Command(Kind::Set),
        Self::Command(Kind::Start),
        Self::Command(Kind::Stop),
        Self::Command(Kind::Restart),
        Self::Command(Kind::Rebuild),
        Self::Command(Kind::Uninstall),
        Self::Command(Kind::Purge),
    ];

    /// The host before the scenario.
    #[must_use]
    pub fn before(self, mutation: Option<Mutation>) -> Simulation {
        let mut simulation = Simulation::new(mutation);
        let made = |lines: &[Intervention]| Script {
            lines: lines.iter().cloned().map(Line::Do).collect(),
        };
        let installed = match self {
            Self::Install | Self::Job => Script::default(),
            Self::Command(Kind::Install) => made(&[Intervention::Install(BASE.to_owned(), 1)]),
            _ => Self::install(),
        };
        let stopped = match self {
            Self::Command(Kind::Start) => made(&[Intervention::Stop(SHOP.to_owned())]),
            _ => Script::default(),
        };
        for script in [installed, stopped] {
            if !script.lines.is_empty() {
                simulation.run(&script);
                simulation.run_until_quiescent(RUN_LIMIT);
            }
        }
        if self == Self::Isolate {
            let open = |name: &&str| Line::Do(Intervention::OpenNetwork((*name).to_owned()));
            let lines = NETWORKS.iter().map(open).collect();
            simulation.run(&Script { lines });
            simulation.run_until_quiescent(RUN_LIMIT);
        }
        // The preparation does not count as a disturbance.
        simulation.world.is_disturbed = false;
        simulation
    }

    fn install() -> Script {
        let lines = [BASE, SHOP].map(|app| Line::Do(Intervention::Install(app.to_owned(), 1)));
        Script {
            lines: lines.to_vec(),
        }
    }

    #[must_use]
    pub fn script(self) -> Script {
        let shop = || SHOP.to_owned();
        let lines = match self {
            Self::Install => return Self::install(),
            Self::Settings => vec![Line::Do(Intervention::SetPort(8090))],
            Self::Uninstall => vec![Line::Do(Intervention::Uninstall(shop()))],
            Self::Isolate => vec![Line::Do(Intervention::Restart(BASE.to_owned()))],
            Self::Job => vec![Line::Do(Intervention::Install(TOOL.to_owned(), 1))],
            Self::Edit => vec![
                Line::Do(Intervention::SetPort(8090)),
                Line::Wait(30_000),
                Line::Do(Intervention::EditIntent),
            ],
            Self::Purge => vec![Line::Do(Intervention::Purge(shop()))],
            Self::Command(kind) => vec![Line::Operate(match kind {
                Kind::Install => Intervention::Install(shop(), 1),
                Kind::Set => Intervention::SetPort(8090),
                Kind::Start => Intervention::Start(shop()),
                Kind::Stop => Intervention::Stop(shop()),
                Kind::Restart => Intervention::Restart(shop()),
                // Each is the switch to another definition, as an installation is.
                Kind::Rollback | Kind::Update => Intervention::Install(shop(), 1),
                Kind::Rebuild => Intervention::Rebuild,
                Kind::Uninstall => Intervention::Uninstall(shop()),
                Kind::Purge => Intervention::Purge(shop()),
            })],
            Self::Restore => vec![
                Line::Do(Intervention::PodmanReset),
                Line::Do(Intervention::DeleteAllUnits),
                Line::Do(Intervention::Reload),
            ],
        };
        Script { lines }
    }
}

/// The faults for placements of one.
#[must_use]
pub fn single_faults() -> Vec<Fault> {
    let mut faults = pair_faults();
    faults.extend([
        Fault::PowerLoss(Unsynced::Kept),
        Fault::Reboot,
        Fault::Pretends,
        Fault::Hangs,
        Fault::OtherPass,
        Fault::StaleObservation,
    ]);
    faults.extend(disturbances().into_iter().map(Fault::Meanwhile));
    faults
}

/// One intervention of each kind.
#[must_use]
pub fn disturbances() -> Vec<Intervention> {
    let shop = || "archy-shop".to_owned();
    let service = || "archy-shop.service".to_owned();
    vec![
        Intervention::DeleteUnit("archy-shop.container".to_owned()),
        Intervention::EditUnit("archy-shop-ui.container".to_owned()),
        Intervention::DeleteUnit("archy-shop.network".to_owned()),
        Intervention::Reload,
        Intervention::StopService(service()),
        Intervention::KillService("archy-shop-db.service".to_owned()),
        Intervention::Mask("archy-shop-ui.service".to_owned()),
        Intervention::RemoveContainer(shop()),
        Intervention::RemoveNetwork(shop()),
        Intervention::OpenNetwork(shop()),
        Intervention::RemoveVolume("archy-shop-data".to_owned()),
        Intervention::RemoveSecret("archy-shop-token".to_owned()),
        Intervention::RemoveImage("docker.io/library/shop:1".to_owned()),
        Intervention::Prune,
        Intervention::PodmanReset,
        Intervention::DeleteRendered("archy-shop-ui".to_owned()),
        Intervention::EditRendered("archy-shop-ui".to_owned()),
        Intervention::FillDisk,
        Intervention::MountReadOnly,
        Intervention::UnmountData,
        Intervention::RemoveSocket,
        Intervention::KillResolver,
        Intervention::BreakPodman,
        Intervention::Registry(PullOutcome::Fails),
        Intervention::SetClock(-31_536_000),
        Intervention::Stop(SHOP.to_owned()),
        Intervention::Restart(SHOP.to_owned()),
        Intervention::Install(SHOP.to_owned(), 1),
    ]
}

/// The faults for placements of two.
#[must_use]
pub fn pair_faults() -> Vec<Fault> {
    vec![
        Fault::Crash,
        Fault::PowerLoss(Unsynced::Lost),
        Fault::Fails,
        Fault::FailsAfter,
    ]
}

/// Faults, each with the number of the call that it strikes, counted from the beginning of the
/// scenario.
pub type Placement = Vec<(u64, Fault)>;

/// A placement that ended with a violation.
#[derive(Clone, Debug)]
pub struct Found {
    pub scenario: Scenario,
    pub faults: Placement,
    pub violation: Violation,
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scenario,
            faults,
            violation,
        } = self;
        write!(formatter, "{scenario:?} with {faults:?}: {violation}")
    }
}

/// A scenario with its placements.
#[derive(Clone, Debug)]
pub struct Exhaustive {
    scenario: Scenario,
    before: Simulation,
    /// The number of calls in an undisturbed run.
    pub calls: u64,
}

impl Exhaustive {
    /// Measures an undisturbed run.
    #[must_use]
    pub fn of(scenario: Scenario, mutation: Option<Mutation>) -> Self {
        let before = scenario.before(mutation);
        let mut undisturbed = before.clone();
        undisturbed.run(&scenario.script());
        undisturbed.run_until_quiescent(RUN_LIMIT);
        Self {
            scenario,
            calls: undisturbed.world.calls - before.world.calls,
            before,
        }
    }

    /// Runs one placement.
    ///
    /// # Errors
    /// With its first violation.
    pub fn place(&self, faults: &[(u64, Fault)]) -> Result<(), Box<Found>> {
        self.place_on(&mut self.before.clone(), faults)
    }

    /// The trace of one placement.
    #[must_use]
    pub fn trace(&self, faults: &[(u64, Fault)]) -> Vec<String> {
        let mut simulation = self.before.clone();
        simulation.world.trace = Some(Vec::new());
        let _ = self.place_on(&mut simulation, faults);
        simulation.world.trace.unwrap_or_default()
    }

    fn place_on(
        &self,
        simulation: &mut Simulation,
        faults: &[(u64, Fault)],
    ) -> Result<(), Box<Found>> {
        for (at, fault) in faults {
            simulation.arm(*at, fault.clone());
        }
        simulation.run(&self.scenario.script());
        simulation.run_until_quiescent(RUN_LIMIT);
        simulation.judge();
        let violation = simulation.world.violations.first().cloned();
        violation.map_or(Ok(()), |violation| {
            Err(Box::new(Found {
                scenario: self.scenario,
                faults: faults.to_vec(),
                violation,
            }))
        })
    }

    /// All placements of one fault.
    pub fn singles(&self) -> impl Iterator<Item = Placement> {
        let calls = self.calls;
        single_faults()
            .into_iter()
            .flat_map(move |fault| (1..=calls).map(move |at| vec![(at, fault.clone())]))
    }

    /// All placements of two faults. The first fault makes a run longer, so the second may strike
    /// after the last call of an undisturbed run, by up to half the number of the first one's call.
    pub fn pairs(&self) -> impl Iterator<Item = Placement> {
        let calls = self.calls;
        (1..=calls).flat_map(move |first| {
            (first..=calls + first / 2).flat_map(move |second| {
                pair_faults().into_iter().flat_map(move |one| {
                    pair_faults()
                        .into_iter()
                        .map(move |other| vec![(first, one.clone()), (second, other)])
                })
            })
        })
    }
}
