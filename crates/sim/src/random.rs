//! Scripts made of a seed: long, and as unkind as they come.

use fastrand::Rng;

use crate::apps::{BASE, CONTAINERS, SHOP, UNITS};
use crate::deeds::Deed;
use crate::events::Events;
use crate::faults::Fault;
use crate::invariants::Violation;
use crate::mutation::Mutation;
use crate::play::Play;
use crate::script::{Line, Script};
use crate::world::disk::Unsynced;
use crate::world::registry::Supply;

/// The lines of a script made of a seed, at most.
const LINES_MAX: usize = 60;
/// The longest wait between two lines, in milliseconds.
const WAIT_MAX_MS: u64 = 400_000;
/// A fault strikes at most so many touches after its line.
const TOUCHES_MAX: u64 = 120;

/// The images that the apps pull.
const IMAGES: [&str; 3] = [
    "docker.io/library/base:1",
    "docker.io/library/shop:1",
    "docker.io/library/db:1",
];
const NETWORKS: [&str; 2] = ["archy-base", "archy-shop"];
const VOLUMES: [&str; 3] = ["archy-base-data", "archy-shop-data", "archy-shop-tables"];
const SECRETS: [&str; 2] = ["archy-base-seed", "archy-shop-token"];

/// How a script ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Touches of the host, and lines.
    pub steps: u64,
    /// What was wrong, if anything was.
    pub violation: Option<Violation>,
}

/// Runs a script on an empty host to the end, and judges it.
#[must_use]
pub fn run(script: &Script, mutation: Option<Mutation>) -> Ended {
    run_in(&mut Play::new(mutation), script)
}

/// The same on a given host, which can be looked at afterwards.
pub fn run_in(play: &mut Play, script: &Script) -> Ended {
    play.run(script);
    if !play.is_wrong() {
        play.judge();
    }
    Ended {
        steps: play.world.touches + script.lines.len() as u64,
        violation: play.world.violations.first().cloned(),
    }
}

/// The script of a seed.
#[must_use]
pub fn script(seed: u64) -> Script {
    let mut rng = Rng::with_seed(seed);
    let mut lines = vec![
        Line::Do(Deed::Install(BASE.to_owned(), 1)),
        Line::Do(Deed::Install(SHOP.to_owned(), 1)),
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
        0..=6 => Line::Do(deed(rng)),
        7..=10 => Line::Fault(rng.u64(1..=TOUCHES_MAX), fault(rng)),
        11..=15 => Line::Wait(wait(rng)),
        16 => Line::Ring,
        17 => Line::Events(events(rng)),
        18 => Line::KillDaemon,
        _ => Line::StartDaemon,
    }
}

/// Mostly as short as it takes to be in the middle of something.
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
        8 => Fault::OtherManager,
        9 => Fault::LateLook,
        _ => Fault::Meanwhile(deed(rng)),
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

fn deed(rng: &mut Rng) -> Deed {
    let app = |rng: &mut Rng| one(rng, &[BASE, SHOP, SHOP]);
    match rng.u8(0..40) {
        0 => Deed::Install(app(rng), rng.u8(1..4)),
        1 => Deed::Start(app(rng)),
        2 => Deed::Stop(app(rng)),
        3 | 4 => Deed::SetPort(rng.u16(8082..8086)),
        5 => Deed::Uninstall(app(rng)),
        6 => Deed::Purge(app(rng)),
        7 => Deed::Restart(app(rng)),
        8 | 9 => Deed::DeleteUnit(one(rng, &UNITS)),
        10 | 11 => Deed::EditUnit(one(rng, &UNITS)),
        12 | 13 => Deed::Reload,
        14 => Deed::StopService(service(rng)),
        15 => Deed::KillService(service(rng)),
        16 => Deed::Mask(service(rng)),
        17 => Deed::Unmask(service(rng)),
        18 => Deed::RemoveContainer(one(rng, &CONTAINERS)),
        19 => Deed::RemoveNetwork(one(rng, &NETWORKS)),
        20 => Deed::RemoveVolume(one(rng, &VOLUMES)),
        21 => Deed::RemoveSecret(one(rng, &SECRETS)),
        22 => Deed::RemoveImage(one(rng, &IMAGES)),
        23 => Deed::Prune,
        24 => Deed::PodmanReset,
        25 => Deed::DeleteAllUnits,
        26 => Deed::DeleteRendered("archy-shop-ui".to_owned()),
        27 => Deed::EditRendered("archy-shop-ui".to_owned()),
        28 => Deed::FillDisk,
        29 => Deed::MountReadOnly,
        30 => Deed::MendDisk,
        31 => Deed::RemoveSocket,
        32 => Deed::BreakPodman,
        33 => Deed::MendPodman,
        34 => Deed::Registry(supply(rng)),
        35 => Deed::Registry(Supply::Comes),
        36 => Deed::SetClock(rng.i64(-40_000_000..40_000_000)),
        37 => Deed::Reboot,
        38 => Deed::PowerLoss([Unsynced::Lost, Unsynced::Kept][rng.usize(0..2)]),
        _ => Deed::Install(SHOP.to_owned(), 1),
    }
}

fn supply(rng: &mut Rng) -> Supply {
    [
        Supply::Fails,
        Supply::ComesAndSaysNo,
        Supply::SaysYesOnly,
        Supply::Hangs,
    ][rng.usize(0..4)]
}
