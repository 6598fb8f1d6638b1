//! The state of a simulated host, and of the work of Archipelago's processes on it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archipelago_core::data_folder::{Identity, NodeId};
use archipelago_core::desired::Desired;
use archipelago_core::layout::Layout;
use archipelago_core::name::PREFIX;
use archipelago_core::observed::Service;
use archipelago_core::operation::OperationId;

use crate::host::clock::Clock;
use crate::host::disk::Disk;
use crate::host::podman::Podman;
use crate::host::registry::Registry;
use crate::host::systemd::Systemd;
use crate::invariants::{Invariant, Violation};
use crate::mutation::Mutation;
use crate::script::fault::Fault;
use crate::world::foreign::Foreign;
use crate::world::operations::Begun;

/// Everything is deterministic: the same calls in the same order lead to the same state.
#[derive(Clone, Debug)]
pub struct World {
    pub layout: Layout,
    pub disk: Disk,
    pub systemd: Systemd,
    pub podman: Podman,
    pub registry: Registry,
    pub clock: Clock,
    /// Whether jobs end with an error.
    pub jobs_fail: bool,
    /// The number of runs of each job since the simulation began, by container.
    pub job_runs: BTreeMap<String, u32>,
    /// Counts boots since the simulation began.
    pub boots: u32,
    pub foreign: Foreign,
    pub violations: Vec<Violation>,
    /// Counts the calls that Archipelago's processes have made on the host.
    pub calls: u64,
    /// The coming faults in order, each with the number of the call that it strikes.
    pub faults: Vec<(u64, Fault)>,
    /// The pass of another process, for [`Fault::OtherPass`]. Each pass sets it when it begins.
    pub(crate) other_pass: Option<fn(&mut World)>,
    /// The desired state of the present pass.
    pub(crate) pass_desired: Option<Arc<Desired>>,
    /// The networks of apps without isolation, as the present pass observed them.
    pub(crate) open_when_observed: BTreeSet<String>,
    /// The networks that a process could not remove.
    pub(crate) unremovable: BTreeSet<String>,
    /// The services that the operator asked to restart, with the invocations that must end.
    pub requested_restarts: BTreeMap<String, String>,
    /// Whether a person has ever agreed to the capability that a version of the shop asks for.
    pub(crate) has_agreed: bool,
    /// Counts the operations that commands were asked for.
    pub(crate) operations_asked: u32,
    /// The operations that commands began.
    pub(crate) begun: Vec<Begun>,
    /// The record of the command that is running.
    pub(crate) held_record: Option<OperationId>,
    /// Whether anything but commands that run step by step has changed the host.
    pub(crate) is_disturbed: bool,
    /// The services as they were last observed, for an observation that is stale.
    pub(crate) last_services: BTreeMap<String, Service>,
    pub(crate) next_observation_is_stale: bool,
    /// The invocations of the services that ran when the pass that is being made observed them.
    pub(crate) runs_when_observed: BTreeSet<String>,
    /// Whether a process holds the lock of passes.
    pub(crate) locked: bool,
    /// The times of the recent pulls, by image.
    pub(crate) pulls: BTreeMap<String, Vec<Duration>>,
    /// Counts generated secrets since the simulation began.
    pub(crate) secrets_made: u32,
    /// The content of secrets that will be generated, by their path. Others are numbered.
    pub predrawn_secrets: BTreeMap<PathBuf, String>,
    /// Counts the actions by their text, if counting is on, except those that only change
    /// `pending.json`.
    pub actions: Option<BTreeMap<String, u32>>,
    /// The last desired state, with the disk's count of changes at that time.
    pub(crate) desired_cache: RefCell<Option<(u64, Arc<Desired>)>>,
    /// A line for each action and fault, if tracing is on.
    pub trace: Option<Vec<String>>,
    /// The defect that is built into Archipelago's processes.
    pub mutation: Option<Mutation>,
}

impl World {
    /// An empty host.
    #[must_use]
    pub fn new() -> Self {
        Self::with_layout(Layout {
            home: PathBuf::from("/home/op"),
            config: PathBuf::from("/config/archipelago"),
            data: PathBuf::from("/data"),
            units: PathBuf::from("/config/containers/systemd"),
            systemd: PathBuf::from("/config/systemd/user"),
            runtime: PathBuf::from("/run"),
        })
    }

    /// An empty host with these paths.
    #[must_use]
    pub fn with_layout(layout: Layout) -> Self {
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
        let identity = Identity {
            id: NodeId::from_random([1; 16]),
            data: layout.data.clone(),
        };
        let text = identity.to_text().unwrap_or_default();
        disk.put(&layout.identity(), text.as_bytes(), 0o600);
        disk.put(&layout.marker(), identity.id.to_text().as_bytes(), 0o600);
        disk.sync_all();
        disk.watch(&[
            &layout.config,
            &layout.units,
            &layout.systemd,
            &layout.data.join("secrets"),
            // The folders of rendered files.
            &layout.data.join(PREFIX),
            &layout.retries(),
            &layout.marker(),
        ]);
        Self {
            disk,
            layout,
            systemd: Systemd::default(),
            podman: Podman::default(),
            registry: Registry::default(),
            clock: Clock::default(),
            jobs_fail: false,
            job_runs: BTreeMap::new(),
            boots: 0,
            foreign: Foreign::default(),
            violations: Vec::new(),
            calls: 0,
            faults: Vec::new(),
            other_pass: None,
            pass_desired: None,
            open_when_observed: BTreeSet::new(),
            unremovable: BTreeSet::new(),
            requested_restarts: BTreeMap::new(),
            has_agreed: false,
            operations_asked: 0,
            begun: Vec::new(),
            held_record: None,
            is_disturbed: false,
            last_services: BTreeMap::new(),
            next_observation_is_stale: false,
            runs_when_observed: BTreeSet::new(),
            locked: false,
            pulls: BTreeMap::new(),
            secrets_made: 0,
            predrawn_secrets: BTreeMap::new(),
            actions: None,
            desired_cache: RefCell::default(),
            trace: None,
            mutation: None,
        }
    }

    /// Counts the reports of inotify and of systemd's signals, whether or not a daemon receives
    /// them.
    pub(crate) fn notifications(&self) -> u64 {
        self.systemd.notifications + self.disk.notifications + self.podman.changes
    }

    pub(crate) fn log(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let at = self.clock.since_boot.as_millis();
            trace.push(format!("{at:>8} ms, call {:>5}: {}", self.calls, text()));
        }
    }

    pub(crate) fn violation(&mut self, invariant: Invariant, what: String) {
        self.violations.push(Violation {
            invariant,
            what,
            call: self.calls,
        });
    }

    pub(crate) fn add_foreign(&mut self) {
        self.foreign = Foreign::add(&self.layout, &mut self.disk, &mut self.podman);
    }

    pub(crate) fn check_foreign(&mut self) {
        if let Some(what) = self.foreign.take_changed(&self.disk, &self.podman) {
            self.violation(Invariant::ForeignUntouched, what);
        }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
