//! The user's systemd: the units of the last reload, and the queue of jobs.
//!
//! A call queues a job and returns without waiting for it. `world::services` carries the jobs out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use archipelago_core::observed::{Active, Load, Service};

use crate::host::quadlet::Definition;
use crate::host::unit::{Job, Run, Unit};

#[derive(Clone, Debug, Default)]
pub struct Systemd {
    /// The generators' output at the last reload, by service.
    pub generated: BTreeMap<String, Arc<Definition>>,
    /// The links that `WantedBy=` makes: a service, and the services that start along with it.
    wants_links: BTreeMap<String, Vec<String>>,
    /// The generated units, and those that still run without a unit file, by service.
    pub units: BTreeMap<String, Unit>,
    /// Counts the runs of services since the simulation began.
    pub invocations: u32,
    /// Counts changes of a service's state, each of which is a signal on D-Bus.
    pub notifications: u64,
}

/// Why a service cannot be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    verb: &'static str,
    service: String,
    masked: bool,
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verb,
            service,
            masked,
        } = self;
        if *masked {
            write!(
                formatter,
                "{verb} {service}: it is masked; `systemctl --user unmask {service}` lifts that"
            )
        } else {
            write!(
                formatter,
                "{verb} {service}: systemd has no such unit; its file is missing, or was never \
                 loaded: `systemctl --user daemon-reload`"
            )
        }
    }
}

impl std::error::Error for StartError {}

impl Systemd {
    /// Replaces the units by newly generated ones. Running services keep running.
    pub(crate) fn load(
        &mut self,
        generated: BTreeMap<String, Arc<Definition>>,
        is_masked: impl Fn(&str) -> bool,
    ) {
        self.wants_links.clear();
        for (service, definition) in &generated {
            for other in &definition.wanted_by {
                let links = self.wants_links.entry(other.clone()).or_default();
                links.push(service.clone());
            }
            let unit = self.units.entry(service.clone());
            let unit = unit.or_insert_with(|| Unit::new(Load::Loaded));
            unit.definition = Some(Arc::clone(definition));
        }
        self.units.retain(|service, unit| {
            let has_file = generated.contains_key(service);
            let masked = is_masked(service);
            if !has_file {
                unit.definition = None;
                // Nobody can tell any more what it was started with.
                if let Some(run) = &mut unit.run {
                    run.restart_justified = true;
                }
            }
            unit.load = match (masked, has_file) {
                (true, _) => Load::Masked,
                (false, true) => Load::Loaded,
                (false, false) => Load::NotFound,
            };
            has_file || masked || !unit.is_down()
        });
        self.generated = generated;
    }

    /// Forgets all units, as a boot does.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            invocations: self.invocations,
            notifications: self.notifications,
            ..Self::default()
        };
    }

    pub fn run(&self, service: &str) -> Option<&Run> {
        self.units.get(service)?.run.as_ref()
    }

    pub(crate) fn run_mut(&mut self, service: &str) -> Option<&mut Run> {
        self.units.get_mut(service)?.run.as_mut()
    }

    pub(crate) fn is_active(&self, service: &str) -> bool {
        let unit = self.units.get(service);
        unit.is_some_and(|unit| unit.active == Active::Active)
    }

    /// Queues a start, with those of the services that it requires or wants.
    pub(crate) fn start(&mut self, service: &str) -> Result<(), StartError> {
        self.check_loaded("start", service)?;
        let mut wanted = vec![service.to_owned()];
        let mut visited: Vec<String> = Vec::new();
        while let Some(name) = wanted.pop() {
            if visited.contains(&name) {
                continue;
            }
            visited.push(name.clone());
            let Some(unit) = self.units.get_mut(&name) else {
                continue;
            };
            if unit.load != Load::Loaded {
                continue;
            }
            if unit.active != Active::Active {
                // A queued restart starts it as well.
                if unit.job != Some(Job::Restart) {
                    unit.job = Some(Job::Start);
                }
            } else if name == service && unit.job == Some(Job::Stop) {
                unit.job = Some(Job::Start);
            }
            if let Some(definition) = &unit.definition {
                wanted.extend(definition.requires.iter().chain(&definition.wants).cloned());
            }
            let links = self.wants_links.get(&name);
            wanted.extend(links.into_iter().flatten().cloned());
        }
        Ok(())
    }

    /// Fails with the same message as the program.
    fn check_loaded(&self, verb: &'static str, service: &str) -> Result<(), StartError> {
        let load = self.units.get(service).map(|unit| unit.load);
        let masked = match load {
            Some(Load::Loaded) => return Ok(()),
            Some(Load::Masked) => true,
            Some(Load::NotFound | Load::Bad) | None => false,
        };
        Err(StartError {
            verb,
            service: service.to_owned(),
            masked,
        })
    }

    /// Queues a restart, with those of the running services that depend on this one.
    pub(crate) fn restart(&mut self, service: &str) -> Result<(), StartError> {
        self.check_loaded("restart", service)?;
        self.start(service)?;
        self.restart_dependents(service);
        if let Some(unit) = self.units.get_mut(service) {
            unit.job = Some(Job::Restart);
        }
        Ok(())
    }

    fn restart_dependents(&mut self, service: &str) {
        for name in self.dependents(service) {
            let Some(unit) = self.units.get(&name) else {
                continue;
            };
            if unit.active == Active::Active
                && unit.load == Load::Loaded
                && self.start(&name).is_ok()
                && let Some(unit) = self.units.get_mut(&name)
            {
                unit.job = Some(Job::Restart);
            }
        }
    }

    /// The services that are stopped and restarted along with this one, directly or through others.
    fn dependents(&self, service: &str) -> Vec<String> {
        let mut found = vec![service.to_owned()];
        let mut at = 0;
        while let Some(dependency) = found.get(at).cloned() {
            let units = self.units.iter();
            let direct = units
                .filter(|(name, unit)| !found.contains(name) && unit.depends_on(&dependency))
                .map(|(name, _)| name.clone());
            let direct: Vec<String> = direct.collect();
            found.extend(direct);
            at += 1;
        }
        found.split_off(1)
    }

    /// Queues a stop, with those of the services that depend on this one.
    pub(crate) fn stop(&mut self, service: &str) {
        let mut stopped = self.dependents(service);
        stopped.push(service.to_owned());
        for name in stopped {
            if let Some(unit) = self.units.get_mut(&name)
                && !unit.is_down()
            {
                unit.job = Some(Job::Stop);
            }
        }
    }

    pub(crate) fn cancel_job(&mut self, service: &str) {
        if let Some(unit) = self.units.get_mut(service) {
            unit.job = None;
        }
    }

    /// Starts a service whose restart delay is over. Its dependents are restarted, as by a restart.
    pub(crate) fn restart_due(&mut self, service: &str) {
        self.notifications += 1;
        let can_start = self.start(service).is_ok();
        if can_start {
            self.restart_dependents(service);
        }
        if let Some(unit) = self.units.get_mut(service) {
            unit.restart_due(can_start);
        }
    }

    /// When systemd next starts a service again by itself.
    pub(crate) fn next_restart(&self) -> Option<Duration> {
        self.units.values().filter_map(Unit::restart_at).min()
    }

    /// The service whose job is next in the order of `After=`. A cycle is broken at any place, as
    /// in systemd.
    pub(crate) fn next_job(&self) -> Option<&String> {
        let units = &self.units;
        let queued = || units.iter().filter(|(_, unit)| unit.job.is_some());
        let waits = |name: &str, unit: &Unit| match unit.job {
            // Stops are in the reverse order of starts.
            Some(Job::Stop) => queued().any(|(other, waiting)| {
                other != name
                    && waiting.job == Some(Job::Stop)
                    && waiting.after().iter().any(|after| after == name)
            }),
            _ => unit.after().iter().any(|other| {
                let other = units.get(other);
                other.is_some_and(|unit| unit.job.is_some())
            }),
        };
        queued()
            .find(|(name, unit)| !waits(name, unit))
            .or_else(|| queued().next())
            .map(|(name, _)| name)
    }

    /// The units that systemd keeps in memory and therefore lists: active, failed and queued ones,
    /// those that the boot wants, and all that these name. It unloads the others.
    pub(crate) fn listed(&self, is_masked: impl Fn(&str) -> bool) -> BTreeMap<String, Service> {
        let mut kept: Vec<&String> = self
            .units
            .iter()
            .filter(|(_, unit)| {
                let at_boot = unit.definition.as_ref().is_some_and(|unit| unit.at_boot);
                at_boot || unit.active != Active::Inactive || unit.job.is_some()
            })
            .map(|(service, _)| service)
            .collect();
        let mut at = 0;
        while let Some(service) = kept.get(at) {
            let unit = self.units.get(*service);
            let definition = unit.and_then(|unit| unit.definition.as_ref());
            let named = definition.into_iter().flat_map(|definition| {
                let lists = [&definition.wants, &definition.after, &definition.part_of];
                lists.into_iter().flatten().chain(&definition.requires)
            });
            let links = self.wants_links.get(*service).into_iter().flatten();
            for name in named.chain(links) {
                if !kept.contains(&name) {
                    kept.push(name);
                }
            }
            at += 1;
        }
        let observed = |service: &String| {
            let unit = self.units.get(service).map(Unit::observed);
            let unit = unit.unwrap_or_else(|| {
                let masked = is_masked(service);
                let load = if masked { Load::Masked } else { Load::NotFound };
                Unit::new(load).observed()
            });
            (service.clone(), unit)
        };
        kept.into_iter().map(observed).collect()
    }
}
