//! One service in systemd: its states, and the transitions between them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archipelago_core::observed::{Active, Failure, Job as ObservedJob, Load, Service};

use crate::host::disk::Bytes;
use crate::host::quadlet::{Container, Definition, Kind};

/// `RestartSec=` of every container.
const RESTART_DELAY: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct Unit {
    /// `None` when the service runs and its unit file was removed.
    pub definition: Option<Arc<Definition>>,
    pub load: Load,
    pub active: Active,
    /// The queued job.
    pub job: Option<Job>,
    pub run: Option<Run>,
    restart_at: Option<Duration>,
    failure: Option<Failure>,
    restarts: u32,
    /// When the last run began.
    began: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Start it, unless it runs.
    Start,
    /// Stop it if it runs, then start it.
    Restart,
    Stop,
}

/// One run of a service.
#[derive(Clone, Debug)]
pub struct Run {
    /// systemd's invocation id.
    pub invocation: String,
    /// The definition that it was started with.
    pub definition: Arc<Definition>,
    /// The mounted files as they were at the start.
    pub files: BTreeMap<PathBuf, Option<Bytes>>,
    /// The revisions of its secrets at the start.
    pub secrets: BTreeMap<String, String>,
    /// Whether an input has changed since the start, or may have changed at the start. A restart is
    /// not needless then.
    pub restart_justified: bool,
}

impl Run {
    pub fn container(&self) -> Option<&Container> {
        match &self.definition.kind {
            Kind::Container(container) => Some(container),
            Kind::Network(_) | Kind::Volume(..) => None,
        }
    }
}

impl Unit {
    pub(crate) fn new(load: Load) -> Self {
        Self {
            definition: None,
            load,
            active: Active::Inactive,
            job: None,
            run: None,
            restart_at: None,
            failure: None,
            restarts: 0,
            began: None,
        }
    }

    /// The container of its run. That of a job has ended with the start.
    pub fn container(&self) -> Option<&Container> {
        let container = self.run.as_ref()?.container();
        container.filter(|container| !container.one_shot)
    }

    pub(crate) fn is_down(&self) -> bool {
        matches!(self.active, Active::Inactive | Active::Failed) && self.job.is_none()
    }

    /// When systemd starts it again by itself (`Restart=always`).
    pub(crate) fn restart_at(&self) -> Option<Duration> {
        self.restart_at
    }

    /// Whether it is stopped and restarted along with this service.
    pub(crate) fn depends_on(&self, service: &str) -> bool {
        self.definition.as_ref().is_some_and(|definition| {
            let mut names = definition.requires.iter().chain(&definition.part_of);
            names.any(|name| name == service)
        })
    }

    pub(crate) fn after(&self) -> &[String] {
        self.definition
            .as_ref()
            .map_or(&[], |definition| &definition.after)
    }

    /// The service as `ListUnitsByPatterns` shows it, with the properties that are read of a failed
    /// service.
    pub fn observed(&self) -> Service {
        let restarts = self.restart_at.is_some();
        let sub = match self.active {
            Active::Active if self.is_one_shot() => "exited",
            Active::Active => "running",
            Active::Activating if restarts => "auto-restart",
            Active::Activating => "start",
            Active::Deactivating => "stop-sigterm",
            Active::Inactive => "dead",
            Active::Failed => "failed",
        };
        let failed = self.active == Active::Failed || restarts;
        Service {
            load: self.load,
            active: self.active,
            sub: sub.into(),
            job: self.job.map(|job| match job {
                Job::Stop => ObservedJob::Stop,
                Job::Start | Job::Restart => ObservedJob::Other,
            }),
            failure: self.failure.clone().filter(|_| failed),
            began: self.began,
        }
    }

    fn is_one_shot(&self) -> bool {
        let running = self.run.as_ref().map(|run| &run.definition);
        running
            .or(self.definition.as_ref())
            .is_some_and(|definition| match &definition.kind {
                Kind::Container(container) => container.one_shot,
                Kind::Network(_) | Kind::Volume(..) => true,
            })
    }

    pub(crate) fn started(&mut self, now: Duration, run: Run) {
        self.active = Active::Active;
        self.restart_at = None;
        self.failure = None;
        self.began = Some(now);
        self.run = Some(run);
    }

    /// There is nothing to start, or a dependency is missing. systemd does not retry this by
    /// itself.
    pub(crate) fn not_started(&mut self) {
        self.active = Active::Inactive;
        self.restart_at = None;
    }

    /// `podman run` failed. systemd retries it after the delay.
    pub(crate) fn start_failed(&mut self, now: Duration) {
        self.restarts += 1;
        self.failure = Some(Failure {
            result: "exit-code".to_owned(),
            status: 125,
            restarts: self.restarts,
            last_line: None,
        });
        self.active = Active::Activating;
        self.restart_at = Some(now + RESTART_DELAY);
    }

    /// A job that failed with this status. It is not restarted.
    pub(crate) fn job_failed(&mut self, status: i32) {
        self.failure = Some(Failure {
            result: "exit-code".to_owned(),
            status,
            restarts: 0,
            last_line: None,
        });
        self.active = Active::Failed;
        self.restart_at = None;
    }

    /// Returns the run that ended.
    pub(crate) fn stopped(&mut self) -> Option<Run> {
        self.active = Active::Inactive;
        self.restart_at = None;
        self.failure = None;
        self.restarts = 0;
        self.run.take()
    }

    /// The process ended by itself. systemd starts it again after the delay, unless its unit file
    /// was removed. Returns the run that ended; `None` for a one-shot service, which has no
    /// process.
    pub(crate) fn died(&mut self, now: Duration, status: i32) -> Option<Run> {
        self.container()?;
        let restarts = self.definition.is_some();
        self.restarts += u32::from(restarts);
        self.failure = Some(Failure {
            result: "exit-code".to_owned(),
            status,
            restarts: self.restarts,
            last_line: None,
        });
        self.active = if restarts {
            Active::Activating
        } else {
            Active::Failed
        };
        self.restart_at = restarts.then(|| now + RESTART_DELAY);
        self.run.take()
    }

    /// The delay is over. A unit that was masked or removed meanwhile cannot be started, and fails.
    pub(crate) fn restart_due(&mut self, can_start: bool) {
        self.restart_at = None;
        if !can_start {
            self.active = Active::Failed;
            self.failure = Some(Failure {
                result: "resources".to_owned(),
                ..self.failure.take().unwrap_or_default()
            });
        }
    }
}
