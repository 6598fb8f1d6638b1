//! The last pass, as both doors show it.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use archipelago_core::error::chain;
use archipelago_core::health::Report;
use archipelago_core::pass::PodmanAnswer;
use archipelago_core::quadlet::VERSION;
use archipelago_node::handle::PassReport;
use serde::Serialize;

/// States, counts and times, for anybody on this host: no sentence, because one could quote a file.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    version: &'static str,
    /// Absent until the first one is over.
    last_pass: Option<LastPass>,
    /// The number of apps by state; states without apps are left out.
    apps: BTreeMap<&'static str, usize>,
    /// The number of apps that have something to say; `archipelago status` shows it.
    problems: usize,
    /// `unasked`, `reachable` or `unreachable`.
    podman: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct LastPass {
    finished_unix_s: u64,
    duration_ms: u64,
    /// Why it could not be made.
    error: Option<String>,
}

impl Health {
    pub(super) fn of(made: Option<&PassReport>) -> Self {
        let pass = made.and_then(|made| made.last_good.as_deref());
        let podman = pass.map_or(&PodmanAnswer::Unasked, |pass| &pass.podman);
        Self {
            version: VERSION,
            last_pass: made.map(|made| {
                let error = made.outcome.as_ref().err();
                LastPass::of(made, error.map(|error| error.word().to_owned()))
            }),
            apps: pass.map(|pass| count(&pass.report)).unwrap_or_default(),
            problems: pass.map_or(0, |pass| problems(&pass.report)),
            podman: match podman {
                PodmanAnswer::Unasked => "unasked",
                PodmanAnswer::Answered => "reachable",
                PodmanAnswer::Unreachable(_) => "unreachable",
            },
        }
    }
}

impl LastPass {
    /// With the cause as a sentence, for the user whose files it may name.
    pub(super) fn told(made: &PassReport) -> Self {
        Self::of(made, made.outcome.as_ref().err().map(|error| chain(error)))
    }

    fn of(made: &PassReport, error: Option<String>) -> Self {
        let finished = made.finished.duration_since(UNIX_EPOCH);
        Self {
            finished_unix_s: finished.map_or(0, |since| since.as_secs()),
            duration_ms: u64::try_from(made.took.as_millis()).unwrap_or(u64::MAX),
            error,
        }
    }
}

fn count(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut apps = BTreeMap::new();
    for app in &report.apps {
        *apps.entry(app.state.word()).or_insert(0) += 1;
    }
    apps
}

fn problems(report: &Report) -> usize {
    let apps = report.apps.iter();
    apps.filter(|app| app.why.is_some()).count()
}
