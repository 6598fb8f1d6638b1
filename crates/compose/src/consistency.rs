//! Checks across a model: every used name is declared, there is no circle, and nothing is declared
//! twice in different ways.
//!
//! Source: compose-go's `loader/validate.go` and `graph` package.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Report;
use crate::model::{Dependency, Project, Service};
use crate::places::Places;
use crate::problem::Problem;
use crate::trail::Trail;

/// Reports what does not fit together.
pub(crate) fn consistency(project: &mut Project, places: &Places, report: &mut Report) {
    let mut check = Check {
        project,
        places,
        report,
    };
    for (name, service) in &check.project.services {
        let trail = Trail::of(["services", name]);
        check.service(service, &trail);
    }
    check.names();
    check.jobs();
    check.circles();
    scale(project);
}

struct Check<'a> {
    project: &'a Project,
    places: &'a Places,
    report: &'a mut Report,
}

impl Check<'_> {
    fn error(&mut self, trail: &Trail, problem: Problem) {
        self.report.error(self.places.of(trail), trail, problem);
    }

    fn undefined(&mut self, trail: &Trail, what: &'static str, name: &str) {
        self.error(
            trail,
            Problem::Undefined {
                what,
                name: name.to_owned(),
            },
        );
    }

    fn service(&mut self, service: &Service, trail: &Trail) {
        let (container, workload) = (&service.container, &service.workload);
        let empty =
            workload.build.is_none() && container.image.is_none() && service.provider.is_none();
        // An error in the service, or in a service that it extends, may be the reason for the
        // missing image.
        if empty && !self.report.has_errors_in(trail) {
            self.error(trail, Problem::NothingToRun);
        }
        self.build(service, trail);
        if container.network_mode.is_some() && !container.networks.is_empty() {
            let problem = Problem::Exclusive {
                one: "network_mode",
                other: "networks",
            };
            self.error(&trail.key("network_mode"), problem);
        }
        for network in container.networks.keys() {
            if !self.project.networks.contains_key(network) {
                self.undefined(&trail.key("networks").key(network), "network", network);
            }
        }
        if let Some(first) = workload
            .healthcheck
            .as_ref()
            .and_then(|check| check.test.first())
            && !["CMD", "CMD-SHELL", "NONE"].contains(&first.as_str())
        {
            let allowed = &["CMD", "CMD-SHELL", "NONE"];
            self.error(
                &trail.key("healthcheck").key("test").item(0),
                Problem::NotOneOf { allowed },
            );
        }
        for (name, dependency) in &workload.depends_on {
            self.dependency(name, dependency, &trail.key("depends_on").key(name));
        }
        self.uses(service, trail);
        self.limits(service, trail);
        self.mounts(service, trail);
        for (index, rule) in service
            .develop
            .iter()
            .flat_map(|develop| &develop.watch)
            .enumerate()
        {
            if rule.target.is_none() && !["rebuild", "restart"].contains(&rule.action.as_str()) {
                let trail = trail.key("develop").key("watch").item(index);
                self.error(&trail, Problem::KeyMissing { key: "target" });
            }
        }
    }

    fn build(&mut self, service: &Service, trail: &Trail) {
        let Some(build) = &service.workload.build else {
            return;
        };
        let trail = trail.key("build");
        if build.dockerfile.is_some() && build.dockerfile_inline.is_some() {
            let problem = Problem::Exclusive {
                one: "dockerfile",
                other: "dockerfile_inline",
            };
            self.error(&trail, problem);
        }
        for (key, context) in &build.additional_contexts.0 {
            if let Some(name) = context.strip_prefix("service:") {
                let other = self
                    .project
                    .services
                    .get(name)
                    .or(self.project.disabled_services.get(name));
                if other.is_none_or(|other| other.workload.build.is_none()) {
                    let trail = trail.key("additional_contexts").key(key);
                    self.undefined(&trail, "service with `build`", name);
                }
            }
        }
        if let Some(platform) = &service.container.platform
            && !build.platforms.is_empty()
            && !build.platforms.contains(platform)
        {
            let problem = Problem::Differ {
                one: "platform",
                other: "build.platforms",
            };
            self.error(&trail.key("platforms"), problem);
        }
        for (index, secret) in build.secrets.iter().enumerate() {
            let name = secret.source.as_deref().unwrap_or_default();
            if !self.project.secrets.contains_key(name) {
                self.undefined(&trail.key("secrets").item(index), "secret", name);
            }
        }
    }

    fn dependency(&mut self, name: &str, dependency: &Dependency, trail: &Trail) {
        if self.project.services.contains_key(name) {
            return;
        }
        match self.project.disabled_services.contains_key(name) {
            true if !dependency.required.0 => {}
            true => self.error(
                trail,
                Problem::Disabled {
                    name: name.to_owned(),
                },
            ),
            false => self.undefined(trail, "service", name),
        }
    }

    fn uses(&mut self, service: &Service, trail: &Trail) {
        let container = &service.container;
        if let Some(name) = container
            .network_mode
            .as_deref()
            .and_then(|mode| mode.strip_prefix("service:"))
            && !self.project.services.contains_key(name)
        {
            self.undefined(&trail.key("network_mode"), "service", name);
        }
        for (index, mount) in container.volumes.iter().enumerate() {
            if let ("volume", Some(name)) = (mount.kind.as_str(), &mount.source)
                && !self.project.volumes.contains_key(name)
            {
                self.undefined(&trail.key("volumes").item(index), "volume", name);
            }
        }
        for (index, file) in container.configs.iter().enumerate() {
            let name = file.source.as_deref().unwrap_or_default();
            if !self.project.configs.contains_key(name) {
                self.undefined(&trail.key("configs").item(index), "config", name);
            }
        }
        for (index, file) in container.secrets.iter().enumerate() {
            let name = file.source.as_deref().unwrap_or_default();
            if !self.project.secrets.contains_key(name) {
                self.undefined(&trail.key("secrets").item(index), "secret", name);
            }
        }
        for name in container.models.keys() {
            if !self.project.models.contains_key(name) {
                self.undefined(&trail.key("models").key(name), "model", name);
            }
        }
    }

    fn limits(&mut self, service: &Service, trail: &Trail) {
        if service.replicas() > 1 && service.container_name.is_some() {
            let other = if service.scale.is_some() {
                "scale"
            } else {
                "deploy.replicas"
            };
            let problem = Problem::Exclusive {
                one: "container_name",
                other,
            };
            self.error(&trail.key("container_name"), problem);
        }
        let Some(deploy) = &service.deploy else {
            return;
        };
        let container = &service.container;
        let limits = deploy.resources.limits.as_ref();
        let reservations = deploy.resources.reservations.as_ref();
        let differ = |own: bool, other: Option<bool>| own && other == Some(true);
        let scale = service.scale.zip(deploy.replicas);
        let pairs = [
            (
                scale.is_some_and(|(one, other)| one != other),
                "scale",
                "deploy.replicas",
            ),
            (
                differ(
                    container.cpus != 0.0,
                    limits.map(|limits| (limits.cpus - container.cpus).abs() > f32::EPSILON),
                ),
                "cpus",
                "deploy.resources.limits.cpus",
            ),
            (
                differ(
                    container.mem_limit.0 != 0,
                    limits.map(|limits| limits.memory != container.mem_limit),
                ),
                "mem_limit",
                "deploy.resources.limits.memory",
            ),
            (
                differ(
                    container.mem_reservation.0 != 0,
                    reservations.map(|reserved| reserved.memory != container.mem_reservation),
                ),
                "mem_reservation",
                "deploy.resources.reservations.memory",
            ),
            (
                differ(
                    container.pids_limit != 0,
                    limits.map(|limits| limits.pids != container.pids_limit),
                ),
                "pids_limit",
                "deploy.resources.limits.pids",
            ),
        ];
        for (wrong, one, other) in pairs {
            if wrong {
                self.error(&trail.key(one), Problem::Differ { one, other });
            }
        }
    }

    fn mounts(&mut self, service: &Service, trail: &Trail) {
        let container = &service.container;
        let tmpfs = container.tmpfs.iter().enumerate().map(|(index, text)| {
            let path = text.split(':').next().unwrap_or(text);
            (path, trail.key("tmpfs").item(index))
        });
        let volumes = container.volumes.iter().enumerate();
        let volumes =
            volumes.map(|(index, mount)| (mount.target.as_str(), trail.key("volumes").item(index)));
        let mut known: BTreeMap<&str, String> = BTreeMap::new();
        for (path, trail) in tmpfs.chain(volumes) {
            match known.get(path) {
                Some(first) => {
                    let first = first.clone();
                    self.error(&trail, Problem::MountedTwice { first });
                }
                None => {
                    known.insert(path, trail.to_string());
                }
            }
        }
    }

    fn names(&mut self) {
        let jobs = self
            .project
            .jobs
            .keys()
            .chain(self.project.disabled_jobs.keys());
        for name in jobs {
            let services = [&self.project.services, &self.project.disabled_services];
            if services.iter().any(|services| services.contains_key(name)) {
                self.error(
                    &Trail::of(["jobs", name]),
                    Problem::ServiceAndJob { name: name.clone() },
                );
            }
        }
        for (name, secret) in &self.project.secrets {
            // Without a driver, the defaults have reported it.
            if secret.0.driver.is_some()
                && !secret.0.external
                && secret.0.file.is_none()
                && secret.0.environment.is_none()
            {
                let keys = &["file", "environment"];
                self.error(&Trail::of(["secrets", name]), Problem::NoSource { keys });
            }
        }
    }

    fn jobs(&mut self) {
        for (name, job) in &self.project.jobs {
            let trail = Trail::of(["jobs", name, "depends_on"]);
            for (other, dependency) in &job.workload.depends_on {
                if !self.project.jobs.contains_key(other) {
                    self.dependency(other, dependency, &trail.key(other));
                }
            }
        }
    }

    /// Each circle of services that wait for each other, once.
    fn circles(&mut self) {
        let waits = |name: &str| {
            let service = self.project.services.get(name);
            service
                .into_iter()
                .flat_map(|service| service.workload.depends_on.keys())
        };
        let mut done: BTreeSet<&str> = BTreeSet::new();
        let mut circles = Vec::new();
        for start in self.project.services.keys() {
            // The path from `start`: each service with the dependencies that are not visited yet.
            let mut way = vec![(start.as_str(), waits(start))];
            while let Some((_, rest)) = way.last_mut() {
                let Some(next) = rest.next() else {
                    if let Some((name, _)) = way.pop() {
                        done.insert(name);
                    }
                    continue;
                };
                if let Some(at) = way.iter().position(|(name, _)| name == next) {
                    let names = way[at..].iter().map(|(name, _)| (*name).to_owned());
                    circles.push(names.chain([next.clone()]).collect::<Vec<_>>());
                } else if !done.contains(next.as_str()) {
                    way.push((next, waits(next)));
                }
            }
        }
        for names in circles {
            let trail = match names.as_slice() {
                [first, second, ..] => Trail::of(["services", first, "depends_on", second]),
                _ => Trail::of(["services"]),
            };
            self.error(&trail, Problem::Circle { names });
        }
    }
}

/// `scale` is what `deploy.replicas` says.
fn scale(project: &mut Project) {
    for service in project.services.values_mut() {
        let scale = service.scale;
        if let Some(deploy) = service.deploy.as_mut().filter(|_| scale.is_some()) {
            deploy.replicas = scale;
        }
    }
}
