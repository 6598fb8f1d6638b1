//! A world and its daemon through time: passes when they are due, a script's lines in between, and the judgement at the end.

use std::time::Duration;

use archipelago_core::health::Report;
use archipelago_core::reconcile::{GAP, SETTLE, TICK, pause};

use crate::events::{Channel, Events};
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
    /// When the last pass was over.
    passed: Duration,
    channel: Channel,
    /// What happened on the host and was sent as events, or would have been.
    sent: u64,
    /// The same at the last pass: what happened after it, the daemon has not seen.
    seen: u64,
    /// Until when images have been heard of that came or failed.
    images_sent: Duration,
    /// The last report.
    pub report: Option<Report>,
    /// Passes since the world began.
    pub passes: usize,
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
            passed: Duration::ZERO,
            channel: Channel::default(),
            sent: 0,
            seen: 0,
            images_sent: Duration::ZERO,
            report: None,
            passes: 0,
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
                    if self.channel.mode == Events::Eager {
                        self.ring();
                    }
                    self.listen();
                }
            }
            Line::Wait(milliseconds) => self.wait(Duration::from_millis(*milliseconds)),
            Line::Fault(touches, fault) => self.arm(*touches, fault.clone()),
            Line::Ring => self.pass(),
            Line::Events(mode) => self.channel.mode = *mode,
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
            self.booted();
        }
    }

    /// Lets a fault strike so many touches from now.
    pub fn arm(&mut self, touches: u64, fault: Fault) {
        let at = self.world.touches + touches;
        let place = self.world.faults.partition_point(|(other, _)| *other <= at);
        self.world.faults.insert(place, (at, fault));
    }

    /// Something happened that the daemon may hear of.
    fn ring(&mut self) {
        if self.daemon.is_some() {
            self.channel.send(self.world.clock.since_boot);
        }
    }

    /// Lets the daemon hear something, if there is one.
    pub fn rouse(&mut self) {
        self.ring();
    }

    fn daemon_ended(&mut self) {
        self.daemon = None;
        self.channel.clear();
        self.next_pass = self.world.clock.since_boot + DAEMON_RESTART;
    }

    /// The clock that starts at the boot has started anew.
    fn booted(&mut self) {
        self.passed = Duration::ZERO;
        self.images_sent = Duration::ZERO;
        self.next_pass = self.world.clock.since_boot + DAEMON_RESTART;
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) {
        let mut left = time;
        loop {
            let now = self.world.clock.since_boot;
            let step = self.next_moment().saturating_sub(now).min(left);
            self.world.elapse(step);
            left -= step;
            self.listen();
            if self.is_wrong() {
                return;
            }
            let now = self.world.clock.since_boot;
            if self.channel.take(now) {
                self.at_rest = false;
                self.next_pass = self.next_pass.min((now + SETTLE).max(self.passed + GAP));
            }
            if self.next_pass > now {
                if left.is_zero() {
                    return;
                }
            } else if self.returns || self.daemon.is_some() {
                self.pass();
            } else {
                self.next_pass = now + TICK;
            }
        }
    }

    /// Sends what has happened since this was done last.
    fn listen(&mut self) {
        let now = self.world.clock.since_boot;
        let rings = self.world.rings();
        let mut news = rings != self.sent;
        self.sent = rings;
        if let Some(daemon) = &self.daemon {
            let heard = self.images_sent;
            news |= daemon.images_end().any(|at| heard < at && at <= now);
        }
        self.images_sent = now;
        if news {
            self.ring();
        }
    }

    /// When something happens next: a pass is due, an event arrives, an image has come, or systemd starts something again.
    fn next_moment(&self) -> Duration {
        let now = self.world.clock.since_boot;
        let images = self.daemon.iter().flat_map(Manager::images_end);
        let others = images.chain(self.world.next_restart());
        others
            .filter(|at| *at > now)
            .chain(self.channel.next())
            .fold(self.next_pass, Duration::min)
    }

    fn pass(&mut self) {
        let mut daemon = self.daemon.take().unwrap_or_default();
        let boot = self.world.boots;
        self.passes += 1;
        match daemon.pass(&mut self.world) {
            Ok(Some(pass)) => {
                let acted = pass.actions > 0;
                self.acting += usize::from(acted);
                let waits = pass.wake_after.is_some() || daemon.images_end().next().is_some();
                self.at_rest = !acted && !waits;
                self.passed = self.world.clock.since_boot;
                self.next_pass = self.passed + pause(acted, pass.wake_after);
                self.report = Some(pass.report);
                self.daemon = Some(daemon);
                self.seen = self.world.rings();
                self.listen();
            }
            Ok(None) => {
                self.at_rest = false;
                self.passed = self.world.clock.since_boot;
                self.next_pass = self.passed + Duration::from_secs(2);
                self.daemon = Some(daemon);
            }
            Err(_) => {
                self.at_rest = false;
                self.daemon_ended();
                if self.world.boots != boot {
                    self.booted();
                }
            }
        }
    }

    /// Whether nothing is left to do, to wait for or to look at.
    fn is_at_rest(&self) -> bool {
        self.at_rest
            && self.seen == self.world.rings()
            && self.channel.next().is_none()
            && !self.world.something_restarts()
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
        while !self.is_at_rest() && !self.is_wrong() && self.world.clock.since_boot < end {
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
            if self.is_at_rest() || (away && !self.world.something_restarts()) {
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
        if !self.is_at_rest() || acting > ACTING_PASSES_MAX {
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
