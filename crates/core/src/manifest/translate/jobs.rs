//! Finds the jobs: services that run to their end instead of for ever.

use std::collections::{BTreeMap, BTreeSet};

use compose::{Project, Trail, model};

use crate::manifest::job::{Awaited, Job};
use crate::manifest::report::Report;
use crate::manifest::service::Service;

/// The restart policy of a service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Restart {
    /// No policy, or one that always starts the service again.
    Always,
    /// After a failure.
    OnFailure,
    Never,
}

/// Marks the jobs: services that others await with `service_completed_successfully`, and services
/// that are never restarted and offer nothing to others.
///
/// `on-failure` alone does not make a job. Most files that say so mean a server that may crash, and
/// a server whose container was removed from outside ends without error as well.
pub(super) fn find(
    project: &Project,
    services: &mut BTreeMap<String, Service>,
    report: &mut Report<'_>,
) {
    let awaited = |awaited: Awaited| -> BTreeSet<String> {
        let all = services.values().flat_map(|service| &service.depends_on);
        let names = all.filter(|(_, of)| **of == awaited);
        names.map(|(name, _)| name.clone()).collect()
    };
    let (completed, healthy) = (awaited(Awaited::Completed), awaited(Awaited::Healthy));
    for (name, service) in services {
        let Some(source) = project.services.get(name) else {
            continue;
        };
        let (at, restart) = policy(name, source);
        if completed.contains(name) {
            service.job = Some(match restart {
                Restart::OnFailure => Job::UntilSuccess,
                Restart::Always | Restart::Never => Job::Once,
            });
            refuse_hooks(name, service, report);
            continue;
        }
        let health = service.health.as_ref();
        let serves = !service.ports.is_empty()
            || !source.workload.expose.is_empty()
            || health.is_some_and(|health| !health.is_disabled())
            || healthy.contains(name);
        match restart {
            Restart::Always => {}
            Restart::Never if !serves => {
                service.job = Some(Job::Once);
                refuse_hooks(name, service, report);
            }
            Restart::Never => report.warn(
                &at,
                "left out: the service has ports or a health check, so it runs for good, and systemd starts it again whenever it ends",
            ),
            Restart::OnFailure => report.warn(
                &at,
                "systemd starts the service again after an end without error as well; if it is to run only once, write `restart: \"no\"`",
            ),
        }
    }
}

/// systemd runs what follows the start of a job once that has ended, and its container with it.
fn refuse_hooks(name: &str, service: &Service, report: &mut Report<'_>) {
    for (key, hooks) in [
        ("post_start", &service.post_start),
        ("pre_stop", &service.pre_stop),
    ] {
        if !hooks.is_empty() {
            report.error(
                &Trail::of(["services", name, key]),
                "the service is a job, whose container is gone before a hook could run in it; let its own command do it",
            );
        }
    }
}

/// The restart policy and its place: `restart`, else `deploy.restart_policy`, as in Compose.
fn policy(name: &str, source: &model::Service) -> (Trail, Restart) {
    let at = Trail::of(["services", name]);
    if let Some(text) = source.own.restart.as_deref() {
        let restart = match text.split(':').next() {
            Some("no") => Restart::Never,
            Some("on-failure") => Restart::OnFailure,
            _ => Restart::Always,
        };
        return (at.key("restart"), restart);
    }
    let deploy = source.own.deploy.as_ref();
    let at = at.key("deploy");
    let mode = deploy.and_then(|deploy| deploy.mode.as_deref());
    if matches!(mode, Some("replicated-job" | "global-job")) {
        return (at.key("mode"), Restart::Never);
    }
    let policy = deploy.and_then(|deploy| deploy.restart_policy.as_ref());
    let condition = policy.and_then(|policy| policy.condition.as_deref());
    let restart = match condition {
        Some("none") => Restart::Never,
        Some("on-failure") => Restart::OnFailure,
        _ => Restart::Always,
    };
    (at.key("restart_policy"), restart)
}
