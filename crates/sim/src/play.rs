//! A world and its daemon through time: passes when they are due, a script's lines in between, and the judgement at the end.

use std::time::Duration;

use archipelago_core::health::Report;
use archipelago_core::reconcile::{GAP, TICK, pause};

use crate::faults::Fault;
use crate::invariants::Invariant;
use crate::manager::Manager;
use crate::mutation::Mutation;
use crate::script::{Line, Script};
use crate::world::World;

/// systemd starts the daemon again after this time.
const DAEMON_RESTART: Duration = Duration::from_secs(1);

/// The bound of quiet: once nothing disturbs a world any more, it is at rest within this time. The longest wait between two attempts is five
/// minutes; the rest is what the last attempt takes.
pub const QUIET_WITHIN: Duration = Duration::from_secs(300 + 120);

/// And it takes no more passes than these that do something.
pub const ACTING_PASSES_MAX: usize = 24;

/// A world with its daemon.
#[derive(Clone, Debug)]
pub struct Play {
    /// The host.
    pub world: World,
    daemon: Option<Manager>,
    returns: bool,
    next_pass: Duration,
    deaf: bool,
    /// The changes of services that were heard of.
    heard: u64,
    /// The last report.
    pub report: Option<Report>,
    /// Passes that did something since the count was reset.
    pub acting: usize,
    /// Whether the last pass found nothing to do and nothing to wait for.
    at_rest: bool,
}

impl Play {
    /// A daemon on an empty host.
    #[must_use]
    pub fn new(mutation: Option<Mutation>) -> Self {
        let mut world = World::new();
        world.mutation = mutation;
        world.add_strangers();
        Self::on(world)
    }

    /// A daemon on this host.
    #[must_use]
    pub fn on(mut world: World) -> Self {
        world.other = Some(Box::default());
        Self {
            next_pass: world.clock.since_boot,
            world,
            daemon: Some(Manager::default()),
            returns: true,
            deaf: false,
            heard: 0,
            report: None,
            acting: 0,
            at_rest: false,
        }
    }

    /// Whether something was wrong.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        !self.world.violations.is_empty()
    }

    /// Does all that a script says.
    pub fn run(&mut self, script: &Script) {
        for line in &script.lines {
            if self.is_wrong() {
                return;
            }
            self.line(line);
        }
    }

    /// Does one line.
    pub fn line(&mut self, line: &Line) {
        let before = self.world.clock.since_boot;
        match line {
            Line::Do(deed) => {
                self.world.does(deed);
                if deed.boots() {
                    self.daemon_ended();
                } else {
                    self.ring();
                }
            }
            Line::Wait(milliseconds) => self.wait(Duration::from_millis(*milliseconds)),
            Line::Fault(touches, fault) => self.arm(*touches, fault.clone()),
            Line::Ring => self.pass(),
            Line::Deaf => self.deaf = true,
            Line::Hearing => self.deaf = false,
            Line::KillDaemon => {
                self.daemon = None;
                self.returns = false;
            }
            Line::StartDaemon => {
                self.returns = true;
                self.next_pass = self.world.clock.since_boot;
            }
        }
        if self.world.clock.since_boot < before {
            self.next_pass = self.world.clock.since_boot + DAEMON_RESTART;
        }
    }

    /// Lets a fault strike so many touches from now.
    pub fn arm(&mut self, touches: u64, fault: Fault) {
        let at = self.world.touches + touches;
        let place = self.world.faults.partition_point(|(other, _)| *other <= at);
        self.world.faults.insert(place, (at, fault));
    }

    /// An event reaches the daemon.
    fn ring(&mut self) {
        if !self.deaf {
            self.at_rest = false;
            self.next_pass = self.next_pass.min(self.world.clock.since_boot + GAP);
        }
    }

    fn daemon_ended(&mut self) {
        self.daemon = None;
        self.next_pass = self.world.clock.since_boot + DAEMON_RESTART;
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) {
        let mut left = time;
        loop {
            let now = self.world.clock.since_boot;
            let until_pass = self.next_wake().saturating_sub(now);
            if until_pass > left || self.is_wrong() {
                self.world.elapse(left);
                self.listen();
                return;
            }
            left -= until_pass;
            self.world.elapse(until_pass);
            if !self.returns {
                self.next_pass = self.world.clock.since_boot + TICK;
                continue;
            }
            self.pass();
        }
    }

    /// A service has changed: that rings.
    fn listen(&mut self) {
        if self.world.systemd.rings != self.heard {
            self.heard = self.world.systemd.rings;
            self.ring();
        }
    }

    /// When the next pass begins: when it is due, or when something rings.
    fn next_wake(&self) -> Duration {
        let mut wake = self.next_pass;
        if !self.deaf {
            let rings = [
                self.daemon.as_ref().and_then(Manager::next_image),
                self.world.next_restart(),
            ];
            let now = self.world.clock.since_boot;
            for ring in rings.into_iter().flatten() {
                wake = wake.min(ring.max(now) + GAP);
            }
        }
        wake
    }

    fn pass(&mut self) {
        let mut daemon = self.daemon.take().unwrap_or_default();
        match daemon.pass(&mut self.world) {
            Ok(Some(pass)) => {
                let acted = pass.actions > 0;
                self.acting += usize::from(acted);
                self.at_rest = !acted && pass.wake_after.is_none() && daemon.next_image().is_none();
                self.next_pass = self.world.clock.since_boot + pause(acted, pass.wake_after);
                self.report = Some(pass.report);
                self.daemon = Some(daemon);
                self.listen();
            }
            Ok(None) => {
                self.at_rest = false;
                self.next_pass = self.world.clock.since_boot + Duration::from_secs(2);
                self.daemon = Some(daemon);
            }
            Err(_) => {
                self.at_rest = false;
                self.daemon_ended();
            }
        }
    }

    /// Nothing disturbs the world any more: it must come to rest within the bound, be as it should, stay at rest, and survive a boot
    /// without a manager.
    pub fn judge(&mut self) {
        self.world.faults.clear();
        self.mend();
        self.come_to_rest();
        if !self.is_wrong() {
            self.judge_rest();
        }
        if !self.is_wrong() {
            self.stay_at_rest();
        }
        if !self.is_wrong() {
            self.boot_alone();
        }
    }

    fn mend(&mut self) {
        use crate::deeds::Deed;
        for deed in [
            Deed::MendDisk,
            Deed::MendPodman,
            Deed::Registry(crate::world::registry::Supply::Comes),
        ] {
            self.world.does(&deed);
        }
        self.deaf = false;
        self.world.late_look = false;
        if !self.returns {
            self.returns = true;
            self.next_pass = self.world.clock.since_boot;
        }
        if let Some(daemon) = &mut self.daemon {
            // A pull that hangs ends when its registry comes back.
            let now = self.world.clock.since_boot;
            for fetch in daemon.fetching.values_mut() {
                fetch.ends_at.get_or_insert(now);
            }
        }
    }

    /// Waits until nothing is left to do or to wait for, at most so long.
    pub fn settle(&mut self, limit: Duration) {
        self.at_rest = false;
        let end = self.world.clock.since_boot + limit;
        while !self.at_rest && !self.is_wrong() && self.world.clock.since_boot < end {
            self.wait(Duration::from_secs(2));
        }
    }

    /// Waits until nothing is left to do or to wait for, within the bound of quiet. Returns how long that took.
    pub fn rest(&mut self) -> Duration {
        self.acting = 0;
        self.at_rest = false;
        let mut spent = Duration::ZERO;
        let step = Duration::from_secs(1);
        while spent < QUIET_WITHIN && !self.is_wrong() {
            self.wait(step);
            spent += step;
            let away = self.daemon.is_none() && !self.returns;
            if (self.at_rest || away) && !self.world.something_restarts() {
                break;
            }
        }
        spent
    }

    fn come_to_rest(&mut self) {
        let spent = self.rest();
        if self.is_wrong() {
            return;
        }
        let acting = self.acting;
        if !self.at_rest || acting > ACTING_PASSES_MAX {
            let report = self.report.clone().unwrap_or_default();
            let what =
                format!("after {spent:?} and {acting} passes that did something: {report:?}");
            self.world.violation(Invariant::QuietInTime, what);
        }
    }

    fn stay_at_rest(&mut self) {
        let (changes, acting) = (self.world.disk.changes, self.acting);
        self.wait(TICK * 2);
        if self.acting != acting || self.world.disk.changes != changes {
            let what = format!(
                "{} passes at rest did something, and {} things changed on the disk",
                self.acting - acting,
                self.world.disk.changes - changes
            );
            self.world.violation(Invariant::QuietStaysQuiet, what);
        }
    }

    fn boot_alone(&mut self) {
        let running = self.world.containers_that_run();
        let wanted = self.world.containers_that_may_run();
        let mut alone = self.world.clone();
        alone.boot(None);
        alone.elapse(Duration::from_secs(120));
        let after = alone.containers_that_run();
        // What waits for another app now is started by systemd all the same.
        if !running.is_subset(&after) || !after.is_subset(&wanted) {
            let what = format!(
                "{running:?} ran before, {after:?} after a boot without a manager, wanted are {wanted:?}"
            );
            self.world.violation(Invariant::BootsAlone, what);
        }
    }
}
