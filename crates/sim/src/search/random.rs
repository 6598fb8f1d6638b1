//! Long random scripts, each made from a seed.

use fastrand::Rng;

use crate::apps::{BASE, CONTAINERS, NESTED_VERSION, NETWORKS, SHOP, UNITS};
use crate::host::disk::Unsynced;
use crate::host::registry::PullOutcome;
use crate::invariants::Violation;
use crate::mutation::Mutation;
use crate::script::events::Events;
use crate::script::fault::Fault;
use crate::script::intervention::Intervention;
use crate::script::lines::{Line, Script};
use crate::simulation::driver::Simulation;

/// The most lines of a script after those that install the apps.
const LINES_MAX: usize = 60;
/// The longest wait between two lines, in milliseconds.
const WAIT_MAX_MS: u64 = 400_000;
/// A fault strikes at most this many calls after its line.
const CALLS_MAX: u64 = 120;

/// The images that the apps pull.
const IMAGES: [&str; 3] = [
    "docker.io/library/base:1",
    "docker.io/library/shop:1",
    "docker.io/library/db:1",
];
const VOLUMES: [&str; 3] = ["archy-base-data", "archy-shop-data", "archy-shop-tables"];
const SECRETS: [&str; 2] = ["archy-base-seed", "archy-shop-token"];

/// The end of a script.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The number of calls and lines.
    pub steps: u64,
    pub violation: Option<Violation>,
}

/// Runs a script on an empty host, up to the verdict.
#[must_use]
pub fn run(script: &Script, mutation: Option<Mutation>) -> Ended {
    run_in(&mut Simulation::new(mutation), script)
}

/// Runs a script on a given host, up to the verdict.
pub fn run_in(simulation: &mut Simulation, script: &Script) -> Ended {
    simulation.run(script);
    if !simulation.has_violation() {
        simulation.judge();
    }
    Ended {
        steps: simulation.world.calls + script.lines.len() as u64,
        violation: simulation.world.violations.first().cloned(),
    }
}

/// The script of a seed.
#[must_use]
pub fn script(seed: u64) -> Script {
    let mut rng = Rng::with_seed(seed);
    let mut lines = vec![
        Line::Do(Intervention::Install(BASE.to_owned(), 1)),
        Line::Do(Intervention::Install(SHOP.to_owned(), 1)),
    ];
    if rng.bool() {
        lines.push(Line::Wait(30_000));
    }
    for _ in 0..rng.usize(1..=LINES_MAX) {
        lines.push(line(&mut rng));
    }
    Script { lines }
}

fn line(rng: &mut Rng) -> Line {
    match rng.u8(0..20) {
        0..=6 => Line::Do(intervention(rng)),
        7..=10 => Line::Fault(rng.u64(1..=CALLS_MAX), fault(rng)),
        11..=15 => Line::Wait(wait(rng)),
        16 => Line::Wake,
        17 => Line::Events(events(rng)),
        18 => Line::KillDaemon,
        _ => Line::StartDaemon,
    }
}

/// Half of the waits are so short that they may end in the middle of a pass or a start.
fn wait(rng: &mut Rng) -> u64 {
    match rng.u8(0..4) {
        0 => rng.u64(1..200),
        1 => rng.u64(200..12_000),
        2 => rng.u64(12_000..60_000),
        _ => rng.u64(60_000..WAIT_MAX_MS),
    }
}

fn fault(rng: &mut Rng) -> Fault {
    match rng.u8(0..12) {
        0 | 1 => Fault::Crash,
        2 => Fault::PowerLoss(Unsynced::Lost),
        3 => Fault::PowerLoss(Unsynced::Kept),
        4 => Fault::Reboot,
        5 => Fault::Fails,
        6 => Fault::FailsAfter,
        7 => Fault::Hangs,
        8 => Fault::OtherPass,
        9 => Fault::StaleObservation,
        _ => Fault::Meanwhile(intervention(rng)),
    }
}

fn events(rng: &mut Rng) -> Events {
    match rng.u8(0..6) {
        0 => Events::Heard,
        1 => Events::Eager,
        2 => Events::Lost,
        3 => Events::Late(rng.u64(1..20_000)),
        4 => Events::Repeated(rng.u32(2..50), rng.u64(0..100)),
        _ => Events::Swapped,
    }
}

fn one(rng: &mut Rng, of: &[&str]) -> String {
    of[rng.usize(0..of.len())].to_owned()
}

fn service(rng: &mut Rng) -> String {
    format!("{}.service", one(rng, &CONTAINERS))
}

fn intervention(rng: &mut Rng) -> Intervention {
    let app = |rng: &mut Rng| one(rng, &[BASE, SHOP, SHOP]);
    match rng.u8(0..49) {
        0 => match (app(rng), rng.u8(1..=NESTED_VERSION)) {
            (app, NESTED_VERSION) => Intervention::InstallUnjudged(app, NESTED_VERSION),
            (app, version) => Intervention::Install(app, version),
        },
        1 => Intervention::Start(app(rng)),
        2 => Intervention::Stop(app(rng)),
        3 | 4 => Intervention::SetPort(rng.u16(8082..8086)),
        5 => Intervention::Uninstall(app(rng)),
        6 => Intervention::Purge(app(rng)),
        7 => Intervention::Restart(app(rng)),
        8 | 9 => Intervention::DeleteUnit(one(rng, &UNITS)),
        10 | 11 => Intervention::EditUnit(one(rng, &UNITS)),
        12 | 13 => Intervention::Reload,
        14 => Intervention::StopService(service(rng)),
        15 => Intervention::KillService(service(rng)),
        16 => Intervention::Mask(service(rng)),
        17 => Intervention::Unmask(service(rng)),
        18 => Intervention::RemoveContainer(one(rng, &CONTAINERS)),
        19 => Intervention::RemoveNetwork(one(rng, &NETWORKS)),
        20 => Intervention::RemoveVolume(one(rng, &VOLUMES)),
        21 => Intervention::RemoveSecret(one(rng, &SECRETS)),
        22 => Intervention::RemoveImage(one(rng, &IMAGES)),
        23 => Intervention::Prune,
        24 => Intervention::PodmanReset,
        25 => Intervention::DeleteAllUnits,
        26 => Intervention::DeleteRendered("archy-shop-ui".to_owned()),
        27 => Intervention::EditRendered("archy-shop-ui".to_owned()),
        28 => Intervention::FillDisk,
        29 => Intervention::MountReadOnly,
        30 => Intervention::MendDisk,
        31 => Intervention::RemoveSocket,
        32 => Intervention::BreakPodman,
        33 => Intervention::MendPodman,
        34 => Intervention::Registry(pull_outcome(rng)),
        35 => Intervention::Registry(PullOutcome::Succeeds),
        36 => Intervention::SetClock(rng.i64(-40_000_000..40_000_000)),
        37 => Intervention::Reboot,
        38 => Intervention::PowerLoss([Unsynced::Lost, Unsynced::Kept][rng.usize(0..2)]),
        39 => Intervention::UnmountData,
        40 => Intervention::MountData,
        41 => Intervention::KillResolver,
        42 => Intervention::OpenNetwork(one(rng, &NETWORKS)),
        43 => Intervention::Rebuild,
        44 | 45 => Intervention::EditIntent,
        46 if rng.u8(0..4) == 0 => Intervention::Agree,
        46 | 47 => {
            [Intervention::LoseGranted, Intervention::DamageGranted][rng.usize(0..2)].clone()
        }
        _ => Intervention::Install(SHOP.to_owned(), 1),
    }
}

fn pull_outcome(rng: &mut Rng) -> PullOutcome {
    [
        PullOutcome::Fails,
        PullOutcome::SucceedsButReportsFailure,
        PullOutcome::FailsButReportsSuccess,
        PullOutcome::Hangs,
    ][rng.usize(0..4)]
}
