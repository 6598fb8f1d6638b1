//! The start order of the services of an app, and the services that start together.

use std::collections::{BTreeMap, BTreeSet};

use super::Work;
use crate::manifest::{Awaited, NetworkMode, Service};
use crate::name::AppId;
use crate::quadlet::UnitSection;

impl Work<'_> {
    /// The `Wants=`, `Requires=` and `After=` of a service. Only two kinds of failure propagate
    /// (`Requires=`): a job that failed keeps the services that await its success from starting,
    /// and a service that uses another's network needs the container of that one.
    ///
    /// Starting a unit also starts the units that it wants or requires. A failed job must not run
    /// again whenever some container is restarted. So no service wants a job, nor a service that
    /// waits for a job; the passes start those.
    ///
    /// A companion starts the app's other services and is ordered after them, except after those
    /// that count as started only once healthy: it shows their progress. If the app requires other
    /// apps, its companions do neither.
    ///
    /// A service of a required app is in `After=` only. It is not in `Wants=`, because the operator
    /// may have stopped it, and not in `PartOf=`, because systemd would then stop all callers,
    /// which can take minutes, before it restarts a crashed service.
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

    /// The jobs that must end before a service starts, each with whether it must succeed. For a
    /// script also the other services that must be up: it does not want those that await a job.
    pub(super) fn awaited_jobs(&self, service: &Service) -> BTreeMap<String, bool> {
        let jobs = service.depends_on.iter().filter(|(other, _)| {
            let other = self.manifest.services.get(*other);
            service.script.is_some() || other.is_some_and(|other| other.job.is_some())
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

    /// The services of other apps whose addresses a service of this app uses. Only the main service
    /// talks to them; a job that has ended does not any more.
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
