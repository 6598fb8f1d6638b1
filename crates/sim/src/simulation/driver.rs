//! Lets time pass, and the daemon make its passes when they are due.

use std::collections::BTreeMap;
use std::time::Duration;

use archipelago_core::health::Report;
use archipelago_core::pass::PassResult;
use archipelago_core::reconcile::{GAP, SETTLE, TICK, pause};

use crate::mutation::Mutation;
use crate::process::pass::Process;
use crate::script::events::Events;
use crate::script::fault::Fault;
use crate::script::lines::{Line, Script};
use crate::simulation::channel::Channel;
use crate::world::state::World;

/// systemd starts the daemon again after this time.
const DAEMON_RESTART_DELAY: Duration = Duration::from_secs(1);

/// The longest time between two passes while the daemon follows an operation.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(500);

/// The pause after a pass that could not observe the host.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// A host that nothing disturbs any more must be quiescent within this time. The longest pause
/// between two attempts is five minutes, and the last attempt gets two more.
pub const QUIET_WITHIN: Duration = Duration::from_secs(300 + 120);

/// A host with its daemon.
#[derive(Clone, Debug)]
pub struct Simulation {
    pub world: World,
    pub(crate) daemon: Option<Process>,
    /// Whether systemd starts the daemon again when it ends.
    pub(crate) daemon_restarts: bool,
    pub(crate) next_pass: Duration,
    /// When the last pass ended.
    last_pass: Duration,
    channel: Channel,
    /// The count of notifications up to which events were sent.
    notifications_sent: u64,
    /// The count of notifications at the end of the last pass. The daemon has not observed the
    /// effects of later ones.
    notifications_observed: u64,
    /// The services that should run, as they were at the end of the last pass.
    runs_observed: BTreeMap<String, Option<String>>,
    /// The time up to which events were sent for ended pulls.
    pulls_sent: Duration,
    /// The last pass's report.
    pub report: Option<Report>,
    /// The last pass.
    pub(crate) last: Option<PassResult>,
    /// Counts passes since the simulation began.
    pub passes: usize,
    /// Counts the passes that were not interrupted.
    pub(crate) reports: usize,
    /// Counts the passes that took an action since the last call of [`Self::quiesce`].
    pub acting_passes: usize,
    /// Whether the last pass took no action and waits for nothing.
    was_idle: bool,
}

impl Simulation {
    /// An empty host, with the files and objects of others that must stay.
    #[must_use]
    pub fn new(mutation: Option<Mutation>) -> Self {
        let mut world = World::new();
        world.mutation = mutation;
        world.add_foreign();
        Self::on(world)
    }

    #[must_use]
    pub fn on(world: World) -> Self {
        Self {
            next_pass: world.clock.since_boot,
            world,
            daemon: Some(Process::default()),
            daemon_restarts: true,
            last_pass: Duration::ZERO,
            channel: Channel::default(),
            notifications_sent: 0,
            notifications_observed: 0,
            runs_observed: BTreeMap::new(),
            pulls_sent: Duration::ZERO,
            report: None,
            last: None,
            passes: 0,
            reports: 0,
            acting_passes: 0,
            was_idle: false,
        }
    }

    #[must_use]
    pub fn has_violation(&self) -> bool {
        !self.world.violations.is_empty()
    }

    /// Runs a script up to the first violation.
    pub fn run(&mut self, script: &Script) {
        for line in &script.lines {
            if self.has_violation() {
                return;
            }
            self.line(line);
        }
    }

    /// Runs one line of a script.
    pub fn line(&mut self, line: &Line) {
        let before = self.world.clock.since_boot;
        match line {
            Line::Do(intervention) => {
                self.world.is_disturbed = true;
                self.world.intervene(intervention);
                if intervention.reboots() {
                    self.daemon_ended();
                } else {
                    if self.channel.mode == Events::Eager {
                        self.send_event();
                    }
                    self.send_events();
                }
            }
            Line::Operate(intervention) => self.operate(intervention),
            Line::Wait(milliseconds) => self.wait(Duration::from_millis(*milliseconds)),
            Line::Fault(calls, fault) => self.arm(*calls, fault.clone()),
            Line::Wake => self.pass(),
            Line::Events(mode) => self.channel.mode = *mode,
            Line::KillDaemon => {
                self.daemon = None;
                self.daemon_restarts = false;
            }
            Line::StartDaemon => {
                self.daemon_restarts = true;
                self.next_pass = self.world.clock.since_boot;
            }
        }
        if self.world.clock.since_boot < before {
            self.booted();
        }
    }

    /// Lets a fault strike the call with this number, counted from now.
    pub fn arm(&mut self, calls: u64, fault: Fault) {
        let at = self.world.calls + calls;
        let place = self.world.faults.partition_point(|(other, _)| *other <= at);
        self.world.faults.insert(place, (at, fault));
    }

    /// Sends the daemon an event, if it runs.
    pub fn send_event(&mut self) {
        if self.daemon.is_some() {
            self.channel.send(self.world.clock.since_boot);
        }
    }

    /// Sends an event if anything has happened since the last call.
    pub(crate) fn send_events(&mut self) {
        let now = self.world.clock.since_boot;
        let notifications = self.world.notifications();
        let mut has_news = notifications != self.notifications_sent;
        self.notifications_sent = notifications;
        if let Some(daemon) = &self.daemon {
            let sent = self.pulls_sent;
            has_news |= daemon.pulls.end_times().any(|at| sent < at && at <= now);
        }
        self.pulls_sent = now;
        if has_news {
            self.send_event();
        }
    }

    pub(crate) fn daemon_ended(&mut self) {
        self.daemon = None;
        self.channel.clear();
        self.next_pass = self.world.clock.since_boot + DAEMON_RESTART_DELAY;
    }

    /// Adjusts the times after a boot, which set the clock back.
    pub(crate) fn booted(&mut self) {
        self.last_pass = Duration::ZERO;
        self.pulls_sent = Duration::ZERO;
        self.next_pass = self.world.clock.since_boot + DAEMON_RESTART_DELAY;
    }

    pub fn wait(&mut self, time: Duration) {
        let mut left = time;
        loop {
            let now = self.world.clock.since_boot;
            let step = self.next_moment().saturating_sub(now).min(left);
            self.world.elapse(step);
            left -= step;
            self.send_events();
            if self.has_violation() {
                return;
            }
            let now = self.world.clock.since_boot;
            if self.channel.take(now) {
                self.was_idle = false;
                let after_event = (now + SETTLE).max(self.last_pass + GAP);
                self.next_pass = self.next_pass.min(after_event);
            }
            if self.next_pass > now {
                if left.is_zero() {
                    return;
                }
            } else if self.daemon_restarts || self.daemon.is_some() {
                self.pass();
            } else {
                self.next_pass = now + TICK;
            }
        }
    }

    /// The next moment at which a pass is due, an event arrives, a pull ends, or systemd starts a
    /// service again.
    fn next_moment(&self) -> Duration {
        let now = self.world.clock.since_boot;
        let daemon = self.daemon.iter();
        let pulls = daemon.flat_map(|daemon| daemon.pulls.end_times());
        let restarts = self.world.systemd.next_restart();
        pulls
            .chain(restarts)
            .filter(|at| *at > now)
            .chain(self.channel.next())
            .fold(self.next_pass, Duration::min)
    }

    fn pass(&mut self) {
        let mut daemon = self.daemon.take().unwrap_or_default();
        let boot = self.world.boots;
        self.passes += 1;
        match daemon.pass_and_follow(&mut self.world) {
            Ok(Some(pass)) => {
                let acted = pass.actions > 0;
                self.acting_passes += usize::from(acted);
                let follows = !daemon.unfinished.is_empty();
                let pulls = daemon.pulls.end_times().next().is_some();
                let waits = pass.wake_after.is_some() || pulls || follows;
                self.was_idle = !acted && !waits;
                self.last_pass = self.world.clock.since_boot;
                self.next_pass = self.last_pass + pause(acted, pass.wake_after);
                if follows {
                    self.next_pass = self.next_pass.min(self.last_pass + FOLLOW_INTERVAL);
                }
                self.report = Some(pass.report.clone());
                self.reports += 1;
                self.last = Some(pass);
                self.daemon = Some(daemon);
                self.notifications_observed = self.world.notifications();
                self.runs_observed = self.world.desired_runs();
                self.send_events();
            }
            Ok(None) => {
                self.was_idle = false;
                self.last_pass = self.world.clock.since_boot;
                self.next_pass = self.last_pass + RETRY_DELAY;
                self.daemon = Some(daemon);
            }
            Err(_) => {
                self.was_idle = false;
                self.daemon_ended();
                if self.world.boots != boot {
                    self.booted();
                }
            }
        }
    }

    /// Whether the last pass was idle, nothing has happened since, and nothing is due.
    pub(crate) fn is_quiescent(&self) -> bool {
        self.was_idle && !self.has_news() && !self.world.has_restarting_service()
    }

    /// Whether anything has happened since the last pass, or an event is on its way. A service that
    /// systemd restarts forever makes news every ten seconds. When events are late or held back,
    /// there is always some, and it does not count. Then only the services that should run tell
    /// whether anything else has happened.
    fn has_news(&self) -> bool {
        if self.world.has_service_that_restarts_forever() {
            return self.runs_observed != self.world.desired_runs();
        }
        let has_happened = self.notifications_observed != self.world.notifications();
        has_happened || self.channel.next().is_some()
    }

    /// Runs until the host is quiescent, has a violation, or the time is over.
    pub fn run_until_quiescent(&mut self, limit: Duration) {
        self.was_idle = false;
        let end = self.world.clock.since_boot + limit;
        while !self.is_quiescent() && !self.has_violation() && self.world.clock.since_boot < end {
            self.wait(Duration::from_secs(2));
        }
    }

    /// Runs until the host is quiescent, for [`QUIET_WITHIN`] at most. Returns the elapsed time.
    pub fn quiesce(&mut self) -> Duration {
        self.acting_passes = 0;
        self.was_idle = false;
        let mut spent = Duration::ZERO;
        let step = Duration::from_secs(1);
        while spent < QUIET_WITHIN && !self.has_violation() {
            self.wait(step);
            spent += step;
            let has_daemon = self.daemon.is_some() || self.daemon_restarts;
            let is_over = !has_daemon && !self.world.has_restarting_service();
            if self.is_quiescent() || is_over {
                break;
            }
        }
        spent
    }
}
