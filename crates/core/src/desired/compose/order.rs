//! The order in which the services of an app start, and which of them start along with others.

use std::collections::{BTreeMap, BTreeSet};

use super::Work;
use crate::manifest::{Awaited, NetworkMode, Service};
use crate::name::AppId;
use crate::quadlet::UnitSection;

impl Work<'_> {
    /// Nothing here makes one service fail with another, except a job: what awaits its success does
    /// not start without it.
    ///
    /// Whatever starts a service starts along what that wants or requires. A job that has failed
    /// must not run again whenever some container is restarted, so no service wants a job, nor one
    /// that waits for a job; the passes start those.
    ///
    /// Companions come after every other service, but not after one that takes its time: one that
    /// starts healthy, a job, or one whose app requires others. They show how it is doing
    /// meanwhile; what waits for another app they do not start either. Services of another app are
    /// waited for, but not wanted: the operator may have stopped them. Nor is it part of them
    /// (`PartOf=`), for then systemd would not start one that has ended before all that require it
    /// are stopped, and they may look for it for minutes before they stop.
    pub(super) fn ordering(&self, name: &str, service: &Service) -> UnitSection {
        let (mut wants, mut requires, mut after) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (other, awaited) in &service.depends_on {
            let unit = self.service_unit(other);
            after.insert(unit.clone());
            if *awaited == Awaited::Completed {
                requires.insert(unit);
            } else if !self.is_or_awaits_job(other) {
                wants.insert(unit);
            }
        }
        if let NetworkMode::Service(other) = &service.network {
            // Its network ends with the container of that service.
            let unit = self.service_unit(other);
            after.insert(unit.clone());
            requires.insert(unit);
        }
        let is_main = self.manifest.main.as_deref() == Some(name);
        if self.manifest.is_companion(name) {
            let others = self
                .manifest
                .services
                .keys()
                .filter(|other| !self.manifest.is_companion(other));
            for other in others.filter(|_| !self.waits_for_apps()) {
                if self.is_or_awaits_job(other) {
                    continue;
                }
                wants.insert(self.service_unit(other));
                if !self.manifest.services[other].starts_healthy() {
                    after.insert(self.service_unit(other));
                }
            }
        } else {
            after.extend(self.required_services().into_values().flatten());
        }
        wants.retain(|unit| !requires.contains(unit));
        let title = &self.manifest.extension.title;
        let description = if is_main {
            title.clone()
        } else {
            format!("{title} {name}")
        };
        UnitSection {
            description,
            wants: wants.into_iter().collect(),
            requires: requires.into_iter().collect(),
            after: after.into_iter().collect(),
        }
    }

    /// The jobs for whose end a service waits, each with whether it must succeed.
    pub(super) fn awaited_jobs(&self, service: &Service) -> BTreeMap<String, bool> {
        let jobs = service.depends_on.iter().filter(|(other, _)| {
            let other = self.manifest.services.get(*other);
            other.is_some_and(|other| other.job.is_some())
        });
        jobs.map(|(other, awaited)| {
            let must_succeed = *awaited == Awaited::Completed;
            (self.service_unit(other), must_succeed)
        })
        .collect()
    }

    /// Whether a service is a job or, directly or not, starts after one.
    fn is_or_awaits_job(&self, name: &str) -> bool {
        let mut known = BTreeSet::new();
        let mut next = vec![name];
        while let Some(name) = next.pop() {
            let Some(service) = self.manifest.services.get(name) else {
                continue;
            };
            if service.job.is_some() {
                return true;
            }
            let others = service.depends_on.keys().map(String::as_str);
            next.extend(others.filter(|other| known.insert(*other)));
        }
        false
    }

    fn waits_for_apps(&self) -> bool {
        !self.manifest.extension.requires.apps.is_empty()
    }

    /// The apps that this one requires, and the main service of each, as far as they are installed.
    pub(super) fn required_services(&self) -> BTreeMap<AppId, Option<String>> {
        let required = &self.manifest.extension.requires.apps;
        required
            .iter()
            .map(|app| {
                let service = self.apps.manifest(app).and_then(|manifest| {
                    let main = manifest.main.as_deref()?;
                    Some(format!("{}.service", manifest.container(main)))
                });
                (app.clone(), service)
            })
            .collect()
    }

    /// The services of other apps that one of this app's knows by their addresses: its main service
    /// is what talks to them. A job has done so before it ended.
    pub(super) fn followed(&self, name: &str, service: &Service) -> Vec<String> {
        if self.manifest.main.as_deref() == Some(name) && service.job.is_none() {
            self.required_services().into_values().flatten().collect()
        } else {
            Vec::new()
        }
    }

    fn service_unit(&self, service: &str) -> String {
        format!("{}.service", self.manifest.container(service))
    }
}
