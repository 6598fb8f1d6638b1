//! A host in memory: disk, systemd, Podman, registry and clocks.
//!
//! The same inputs give the same world, step by step. Whoever works on it for a manager does so through [`World::touch`], where faults
//! strike; what somebody else does is not a touch.

pub mod clock;
pub mod disk;
pub mod podman;
pub mod quadlet;
pub mod registry;
pub mod systemd;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use archipelago_core::desired::Desired;
use archipelago_core::layout::Layout;
use archipelago_core::name::PREFIX;
use archipelago_core::observed::{Active, Service};

use crate::faults::{Fate, Fault};
use crate::invariants::{Invariant, Strangers, Violation};
use crate::manager::Manager;
use crate::mutation::Mutation;
use clock::Clock;
use disk::{Disk, Unsynced};
use podman::Podman;
use quadlet::Container;
use registry::Registry;
use systemd::Systemd;

/// The program that works on the world was ended in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Killed;

/// Why a step on the host did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The program was ended in the middle of it.
    Killed,
    /// The call failed.
    Failed(String),
}

impl From<Killed> for Trouble {
    fn from(_: Killed) -> Self {
        Self::Killed
    }
}

impl From<String> for Trouble {
    fn from(cause: String) -> Self {
        Self::Failed(cause)
    }
}

/// The host.
#[derive(Clone, Debug)]
pub struct World {
    /// Where things lie.
    pub layout: Layout,
    /// The disk.
    pub disk: Disk,
    /// The user's systemd.
    pub systemd: Systemd,
    /// Podman.
    pub podman: Podman,
    /// Where images come from.
    pub registry: Registry,
    /// The clocks.
    pub clock: Clock,
    /// How often it was booted since the world began.
    pub boots: u32,
    /// What belongs to others.
    pub strangers: Strangers,
    /// What was wrong.
    pub violations: Vec<Violation>,
    /// Steps that managers have made on the host.
    pub touches: u64,
    /// What strikes at which touch, in order.
    pub faults: Vec<(u64, Fault)>,
    /// What the manager at work thinks should be there.
    pub wanted: Option<Rc<Desired>>,
    /// The services whose restart the operator asked for: the invocations that must end.
    pub asked_restarts: BTreeMap<String, String>,
    /// What the last look at systemd showed, for one that is late.
    pub last_services: BTreeMap<String, Service>,
    /// Whether the next look at systemd is late.
    pub late_look: bool,
    /// The other manager, when it is not at work.
    pub other: Option<Box<Manager>>,
    /// Whether somebody holds the lock of passes.
    pub locked: bool,
    /// When each image was asked for lately.
    pub pulls: BTreeMap<String, Vec<Duration>>,
    /// Secrets generated since the world began.
    pub secrets_made: u32,
    /// What secrets will be when they are generated, by their file; one that is not here is numbered.
    pub chance: BTreeMap<PathBuf, String>,
    /// How often managers have done what, when that is asked for; what they only note for themselves is left out.
    pub actions: Option<BTreeMap<String, u32>>,
    /// What should be there, worked out when the disk had changed so often.
    pub(crate) worked_out: RefCell<Option<(u64, Rc<Desired>)>>,
    /// What was done, line by line, when that is asked for.
    pub trace: Option<Vec<String>>,
    /// What is broken on purpose.
    pub mutation: Option<Mutation>,
}

impl World {
    /// An empty host.
    pub fn new() -> Self {
        Self::at(Layout {
            config: PathBuf::from("/config/archipelago"),
            data: PathBuf::from("/data"),
            units: PathBuf::from("/config/containers/systemd"),
            systemd: PathBuf::from("/config/systemd/user"),
            runtime: PathBuf::from("/run"),
        })
    }

    /// An empty host where things lie as they do there.
    pub fn at(layout: Layout) -> Self {
        let mut disk = Disk::new(&layout.runtime);
        for folder in [
            &layout.apps(),
            &layout.units,
            &layout.systemd,
            &layout.runtime,
            &layout.data,
        ] {
            let _ = disk.make_folder(folder);
        }
        disk.sync_all();
        disk.watch(&[
            &layout.config,
            &layout.units,
            &layout.systemd,
            &layout.data.join("secrets"),
            // The folders of rendered files.
            &layout.data.join(PREFIX),
            &layout.progress(),
        ]);
        Self {
            disk,
            layout,
            systemd: Systemd::default(),
            podman: Podman::default(),
            registry: Registry::default(),
            clock: Clock::default(),
            boots: 0,
            strangers: Strangers::default(),
            violations: Vec::new(),
            touches: 0,
            faults: Vec::new(),
            wanted: None,
            asked_restarts: BTreeMap::new(),
            last_services: BTreeMap::new(),
            late_look: false,
            other: None,
            locked: false,
            pulls: BTreeMap::new(),
            secrets_made: 0,
            chance: BTreeMap::new(),
            actions: None,
            worked_out: RefCell::default(),
            trace: None,
            mutation: None,
        }
    }

    /// A manager is about to do one thing to the host: says how that goes.
    pub(crate) fn touch(&mut self) -> Result<Fate, Killed> {
        self.touches += 1;
        let mut fate = Fate::Works;
        while self
            .faults
            .first()
            .is_some_and(|(at, _)| *at <= self.touches)
        {
            let (_, fault) = self.faults.remove(0);
            match self.strike(fault)? {
                Fate::Works => {}
                other => fate = other,
            }
        }
        Ok(fate)
    }

    /// One call of a manager: `work` is what it does when it works.
    pub(crate) fn call(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), Trouble> {
        let done = match self.touch()? {
            Fate::Works => work(self),
            Fate::Fails => Err(format!("{what}: input/output error")),
            Fate::FailsAfter => {
                let _ = work(self);
                Err(format!("{what}: the connection was lost"))
            }
            Fate::Pretends => Ok(()),
        };
        self.check_strangers();
        Ok(done?)
    }

    /// A system call to the local disk. One that says that it worked did: a disk that lies is not of these worlds.
    pub(crate) fn disk_call(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), Trouble> {
        let done = match self.touch()? {
            Fate::Works | Fate::Pretends => work(self),
            Fate::Fails => Err(format!("{what}: input/output error")),
            Fate::FailsAfter => {
                let _ = work(self);
                Err(format!("{what}: input/output error"))
            }
        };
        self.check_strangers();
        Ok(done?)
    }

    /// Lets time pass for systemd; nobody else does anything meanwhile.
    pub fn elapse(&mut self, time: Duration) {
        let until = self.clock.since_boot + time;
        self.settle();
        while let Some(at) = self.next_restart().filter(|at| *at <= until) {
            let step = at.saturating_sub(self.clock.since_boot);
            self.clock.pass(step);
            self.settle();
        }
        let rest = until.saturating_sub(self.clock.since_boot);
        self.clock.pass(rest);
        self.settle();
    }

    /// The host goes down and comes up again: in order, or because power was lost.
    pub fn boot(&mut self, lost: Option<Unsynced>) {
        if lost.is_none() {
            self.podman.containers.clear();
        } else {
            self.strangers.containers_are_stopped();
        }
        let strangers: Vec<String> = self.strangers.containers();
        for name in strangers {
            self.podman.containers.entry(name).or_default();
        }
        self.boots += 1;
        self.disk.boot(lost);
        self.disk.medium = disk::Medium::Writable;
        self.clock.since_boot = Duration::from_secs(20);
        self.asked_restarts.clear();
        self.pulls.clear();
        self.last_services.clear();
        self.locked = false;
        self.podman.changes += 1;
        if self.podman.reach == podman::Reach::SocketGone {
            self.podman.reach = podman::Reach::Answers;
        }
        self.boot_units();
    }

    /// How often something happened that is told to those who listen.
    pub(crate) fn rings(&self) -> u64 {
        self.systemd.rings + self.disk.rings + self.podman.changes
    }

    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let at = self.clock.since_boot.as_millis();
            trace.push(format!("{at:>8} ms, touch {:>5}: {}", self.touches, text()));
        }
    }

    pub(crate) fn violation(&mut self, invariant: Invariant, what: String) {
        self.violations.push(Violation {
            invariant,
            what,
            touch: self.touches,
        });
    }

    /// Whether a service runs.
    pub fn runs(&self, service: &str) -> bool {
        self.systemd
            .units
            .get(service)
            .is_some_and(|unit| unit.active == Active::Active)
    }

    /// A container comes up with data: it makes them the first time, and needs its secrets to open them later.
    fn use_data(&mut self, folder: &Path, container: &Container) {
        let secrets: Vec<String> = container
            .secrets
            .iter()
            .map(|name| {
                let secret = self.podman.secrets.get(name);
                secret.map(|secret| secret.text.clone()).unwrap_or_default()
            })
            .collect();
        let key = secrets.join(" ");
        let path = folder.join("data");
        match self.disk.read(&path) {
            None => self.disk.put(&path, key.as_bytes(), 0o600),
            Some(known) if *known == *key.as_bytes() => {}
            Some(known) => self.violation(
                Invariant::SecretsKept,
                format!(
                    "{} was made with the secret {:?}, and {} comes with {key:?}",
                    path.display(),
                    String::from_utf8_lossy(&known),
                    container.name
                ),
            ),
        }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
